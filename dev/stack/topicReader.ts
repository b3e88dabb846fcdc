import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';

/** A record as a person reads it. */
export type ReadRecord = {
  partition: number;
  offset: string;
  timestamp: number;
  key: string;
  headers: Record<string, string>;
  value: string;
};

/** A partition, and the offset of the first record to be read. */
export type Position = { partition: number; offset: string };

const clientOf = (brokers: string[]): Kafka =>
  // More tries than elsewhere in dev/: a broker that was just made needs a while for its first consumer group.
  new Kafka({ clientId: 'causeway-reader', brokers, logLevel: logLevel.NOTHING, retry: { retries: 8 } });

/** The offsets of the first record of each partition, and of the next one that will be written. */
export async function topicBounds(brokers: string[], topic: string): Promise<{ low: Position[]; high: Position[] }> {
  const admin = clientOf(brokers).admin();
  await admin.connect();
  try {
    const bounds = await admin.fetchTopicOffsets(topic);
    return {
      low: bounds.map(({ partition, low }) => ({ partition, offset: low })),
      high: bounds.map(({ partition, high }) => ({ partition, offset: high })),
    };
  } finally {
    await admin.disconnect();
  }
}

export type Reading = {
  brokers: string[];
  topic: string;
  from: Position[];
  /** Called for each record; true ends the reading. */
  onRecord: (record: ReadRecord) => boolean;
  signal: AbortSignal;
};

/** Reads a topic from these positions on, in a consumer group that is gone afterwards, until told to end or the signal. */
export async function readTopic({ brokers, topic, from, onRecord, signal }: Reading): Promise<void> {
  const kafka = clientOf(brokers);
  const groupId = `causeway-reader-${randomUUID()}`;
  const admin = kafka.admin();
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
  await admin.connect();
  try {
    await admin.setOffsets({ groupId, topic, partitions: from });
    await consumer.connect();
    await consumer.subscribe({ topic });
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => resolve());
      if (signal.aborted) resolve();
      const eachMessage: NonNullable<Parameters<typeof consumer.run>[0]>['eachMessage'] = async (read) => {
        const { offset, key, value, headers, timestamp } = read.message;
        const named = Object.entries(headers ?? {}).map(([name, header]) => [name, String(header)]);
        const record = {
          partition: read.partition,
          offset,
          timestamp: Number(timestamp),
          key: String(key),
          headers: Object.fromEntries(named),
          value: String(value),
        };
        if (onRecord(record)) resolve();
      };
      consumer.on('consumer.crash', ({ payload }) => {
        if (!payload.restart) reject(payload.error);
      });
      consumer.run({ eachMessage }).catch(reject);
    });
  } finally {
    await consumer.disconnect().catch(() => {});
    await admin.deleteGroups([groupId]).catch(() => {}); // The broker forgets an empty group by itself, later.
    await admin.disconnect();
  }
}

const row = (name: string, value: string): string => `  ${name.padEnd(9)}${value}`;

/** A record in lines for a person. */
export const recordLines = ({ partition, offset, key, headers, value }: ReadRecord): string[] => [
  row('at', `partition ${partition}, offset ${offset}`),
  row('key', key),
  ...Object.entries(headers).map(([name, header], n) => row(n === 0 ? 'headers' : '', `${name}: ${header}`)),
  row('value', value),
];

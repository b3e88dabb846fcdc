import '../servers/readCodecs.ts';
import { randomUUID } from 'node:crypto';
import { type EachMessagePayload, Kafka, type KafkaMessage, logLevel } from 'kafkajs';

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
  // Many tries, soon after each other: a broker that was just started needs a while for its first consumer group.
  new Kafka({
    clientId: 'causeway-reader',
    brokers,
    logLevel: logLevel.NOTHING,
    retry: { retries: 50, initialRetryTime: 100, multiplier: 1, factor: 0 },
  });

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

/** Reads a topic from these positions on, until told to end or the signal. */
export async function readTopic({ brokers, topic, from, onRecord, signal }: Reading): Promise<void> {
  // A group of its own that commits nothing: the broker forgets it when it is left.
  const groupId = `causeway-reader-${randomUUID()}`;
  const consumer = clientOf(brokers).consumer({ groupId, maxWaitTimeInMs: 100 });
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  const crashed = new Promise<never>((_, reject) => {
    consumer.on('consumer.crash', ({ payload }) => {
      if (!payload.restart) reject(payload.error);
    });
  });
  const started = async () => {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const first = new Map(from.map((position) => [position.partition, BigInt(position.offset)]));
    const eachMessage = async ({ partition, message }: EachMessagePayload) => {
      if (BigInt(message.offset) < (first.get(partition) ?? 0n)) return;
      if (onRecord(readRecord(partition, message))) end();
    };
    const running = consumer.run({ autoCommit: false, eachMessage });
    // kafkajs takes positions once it runs (admin.setOffsets would wait five seconds for an empty fetch), and forgets them
    // when it has to join its group once more: then it reads from the beginning, and what is too early is left out.
    for (const position of from) consumer.seek({ topic, ...position });
    await running;
    return ended;
  };
  // Its tries to connect outlast a signal: so the signal counts whatever it is doing.
  await Promise.race([started(), crashed, ended]).finally(() => {
    void consumer.disconnect().catch(() => {});
  });
}

function readRecord(partition: number, { offset, timestamp, key, headers, value }: KafkaMessage): ReadRecord {
  const named = Object.entries(headers ?? {}).map(([name, header]) => [name, String(header)]);
  return {
    partition,
    offset,
    timestamp: Number(timestamp),
    key: String(key),
    headers: Object.fromEntries(named),
    value: String(value),
  };
}

const row = (name: string, value: string): string => `  ${name.padEnd(9)}${value}`;

/** A record in lines for a person. */
export const recordLines = ({ partition, offset, key, headers, value }: ReadRecord): string[] => [
  row('at', `partition ${partition}, offset ${offset}`),
  row('key', key),
  ...Object.entries(headers).map(([name, header], n) => row(n === 0 ? 'headers' : '', `${name}: ${header}`)),
  row('value', value),
];

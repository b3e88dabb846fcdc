import { randomUUID } from 'node:crypto';
import { ConfigResourceTypes, type Consumer } from 'kafkajs';
import { ensureTopic, kafkaClient } from '../../dev/servers/kafka.ts';
import { until } from '../../dev/servers/until.ts';

/** A record as it lies in Kafka. */
export type KafkaRecord = {
  partition: number;
  offset: number;
  key: Buffer | null;
  value: Buffer | null;
  headers: Record<string, string>;
  timestamp: number;
};

export type TestKafka = {
  brokers: string[];
  /** A topic of the test's own. */
  newTopic(partitions?: number, config?: Record<string, string>): Promise<string>;
  /** Sets these of a topic's settings; the others take their defaults again. */
  configure(topic: string, config: Record<string, string>): Promise<void>;
  /** All records of a topic, from the beginning to what is its end now; each partition in order of offsets. */
  records(topic: string): Promise<KafkaRecord[]>;
  stop(): Promise<void>;
};

/** Reads a topic from its beginning, on and on, into memory. */
type Reader = { records: KafkaRecord[]; nextOffset: Map<number, number>; consumer: Consumer };

const headerText = (value: Buffer | string | (Buffer | string)[] | undefined): string => String(value);

async function openReader(brokers: string[], topic: string): Promise<Reader> {
  const consumer = kafkaClient(brokers, 'causeway-test').consumer({
    groupId: `test-${randomUUID()}`,
    maxWaitTimeInMs: 50,
  });
  const reader: Reader = { records: [], nextOffset: new Map(), consumer };
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      for (const message of batch.messages) {
        const offset = Number(message.offset);
        if (offset < (reader.nextOffset.get(batch.partition) ?? 0)) continue; // Read again after a broken connection.
        const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [name, headerText(value)]);
        reader.records.push({
          partition: batch.partition,
          offset,
          key: message.key,
          value: message.value,
          headers: Object.fromEntries(headers),
          timestamp: Number(message.timestamp),
        });
      }
      reader.nextOffset.set(batch.partition, Number(batch.lastOffset()) + 1);
    },
  });
  return reader;
}

/** Topics and their records on these brokers. */
export function testKafka(brokers: string[]): TestKafka {
  const admin = kafkaClient(brokers, 'causeway-test').admin();
  const readers = new Map<string, Promise<Reader>>();
  const readerOf = (topic: string): Promise<Reader> => {
    const reader = readers.get(topic) ?? openReader(brokers, topic);
    readers.set(topic, reader);
    return reader;
  };
  return {
    brokers,
    newTopic: async (partitions = 1, config = {}) => {
      const topic = `test-${randomUUID()}`;
      await ensureTopic(brokers, topic, partitions, config);
      return topic;
    },
    configure: async (topic, config) => {
      const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
      await admin.connect();
      const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }];
      await admin.alterConfigs({ validateOnly: false, resources });
    },
    records: async (topic) => {
      const reader = await readerOf(topic);
      await admin.connect();
      const ends = await admin.fetchTopicOffsets(topic);
      const behind = () => ends.filter((end) => Number(end.high) > (reader.nextOffset.get(end.partition) ?? 0));
      await until(`the reader of ${topic} to reach the end`, behind, (left) => left.length === 0, {
        timeoutMs: 60_000,
        everyMs: 10,
      });
      return [...reader.records];
    },
    stop: async () => {
      const opened = await Promise.allSettled(readers.values());
      const consumers = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value.consumer] : []));
      await Promise.allSettled([...consumers.map((consumer) => consumer.disconnect()), admin.disconnect()]);
    },
  };
}

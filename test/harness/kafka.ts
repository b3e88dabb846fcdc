import { randomUUID } from 'node:crypto';
import kafkajs, { type Batch, type Consumer, type KafkaMessage } from 'kafkajs';
import { ensureTopic, kafkaClient } from '../../dev/servers/kafka.ts';
import { until } from '../../dev/servers/until.ts';

/** A record as it lies in Kafka. */
export type KafkaRecord = {
  partition: number;
  offset: number;
  /** The offset of the first record of the record batch that it was written in: one request has one for a partition. */
  batchOffset: number;
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
  /** What has been read of a topic; it grows by itself, and asks for nothing that a broker may not answer now. */
  reading(topic: string): Promise<readonly KafkaRecord[]>;
  stop(): Promise<void>;
};

const headerText = (value: Buffer | string | (Buffer | string)[] | undefined): string => String(value);

/** Reads a topic from its beginning, on and on, into memory. */
class Reader {
  readonly records: KafkaRecord[] = [];
  readonly nextOffset = new Map<number, number>();
  private consumer: Consumer | undefined;
  private isOver = false;

  constructor(
    private readonly brokers: string[],
    private readonly topic: string,
  ) {}

  async start(): Promise<void> {
    const kafka = kafkaClient(this.brokers, 'causeway-test');
    const consumer = kafka.consumer({ groupId: `test-${randomUUID()}`, maxWaitTimeInMs: 500 });
    this.consumer = consumer;
    // kafkajs gives up where a broker that has just started knows no coordinator yet.
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) this.startAgain();
    });
    await consumer.connect();
    await consumer.subscribe({ topic: this.topic, fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatch: async ({ batch }) => this.take(batch) });
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await this.consumer?.disconnect();
  }

  private startAgain(): void {
    if (this.isOver) return;
    setTimeout(() => void this.start().catch(() => this.startAgain()), againMs).unref();
  }

  private take(batch: Batch): void {
    const { partition } = batch;
    for (const message of batch.messages) {
      const offset = Number(message.offset);
      if (offset < (this.nextOffset.get(partition) ?? 0)) continue; // Read again after a broken connection.
      const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [name, headerText(value)]);
      this.records.push({
        partition,
        offset,
        batchOffset: Number((message as Batched).batchContext.firstOffset),
        key: message.key,
        value: message.value,
        headers: Object.fromEntries(headers),
        timestamp: Number(message.timestamp),
      });
    }
    // Never back: what is read again may end before what was read last.
    const next = Math.max(Number(batch.lastOffset()) + 1, this.nextOffset.get(partition) ?? 0);
    this.nextOffset.set(partition, next);
  }
}
const againMs = 300;
const leaveMsMax = 1_000;

/** kafkajs says it of every message of a record batch, and its types do not. */
type Batched = KafkaMessage & { batchContext: { firstOffset: string } };

/** Topics and their records on these brokers. */
export function testKafka(brokers: string[]): TestKafka {
  const admin = kafkaClient(brokers, 'causeway-test').admin();
  const readers = new Map<string, Reader>();
  const readerOf = async (topic: string): Promise<Reader> => {
    const known = readers.get(topic);
    if (known) return known;
    const reader = new Reader(brokers, topic);
    readers.set(topic, reader);
    await reader.start().catch((error: unknown) => {
      readers.delete(topic);
      throw error;
    });
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
      const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic };
      await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries }] });
      const configNames = Object.keys(config);
      const isSet = async (): Promise<boolean> => {
        const answer = await admin.describeConfigs({
          resources: [{ ...resource, configNames }],
          includeSynonyms: false,
        });
        const set = answer.resources.flatMap(({ configEntries: entries }) => entries);
        return set.every(({ configName, configValue }) => config[configName] === configValue);
      };
      await until(`${configNames} to be set`, isSet); // The controller has it first, the broker a moment later.
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
    reading: async (topic) => (await readerOf(topic)).records,
    stop: async () => {
      const left = Promise.allSettled([...[...readers.values()].map((reader) => reader.stop()), admin.disconnect()]);
      // kafkajs takes its leave of a broker that was killed for half a minute; nobody needs it.
      await Promise.race([left, new Promise((resolve) => setTimeout(resolve, leaveMsMax).unref())]);
    },
  };
}

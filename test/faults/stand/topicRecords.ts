import { type KafkaRecord, type TestKafka, testKafka } from '../../harness/kafka.ts';

/** The records of one topic, read while they come; also of one that is deleted and made again. */
export class TopicRecords {
  /** When the topic was deleted, each time, in ms since the epoch: what was not read by then can't be read any more. */
  readonly deletedAtMs: number[] = [];
  private readonly earlier: KafkaRecord[] = [];
  private current: readonly KafkaRecord[] = [];
  private kafka: TestKafka;

  private constructor(
    private readonly brokers: string[],
    private readonly topic: string,
  ) {
    this.kafka = testKafka(brokers);
  }

  static async of({ brokers, topic }: { brokers: string[]; topic: string }): Promise<TopicRecords> {
    const records = new TopicRecords(brokers, topic);
    await records.begin();
    return records;
  }

  /** In the order in which they were read, which within a partition is that of the topic. */
  read(): readonly KafkaRecord[] {
    return [...this.earlier, ...this.current];
  }

  get count(): number {
    return this.earlier.length + this.current.length;
  }

  configure(config: Record<string, string>): Promise<void> {
    return this.kafka.configure(this.topic, config);
  }

  /** The topic is gone: what was read of it is kept. */
  async end(): Promise<void> {
    await this.kafka.stop();
    this.earlier.push(...this.current);
    this.current = [];
  }

  /** There is a new topic of the name. */
  async again(): Promise<void> {
    this.kafka = testKafka(this.brokers);
    await this.begin();
  }

  private async begin(): Promise<void> {
    this.current = await this.kafka.reading(this.topic);
  }
}

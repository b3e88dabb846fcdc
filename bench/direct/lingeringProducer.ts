import { type Message, Partitioners, type Producer } from 'kafkajs';
import { kafkaClient } from '../../dev/servers/kafka.ts';

type Waiting = { message: Message; sent: () => void; failed: (error: unknown) => void };

/** As the issue sets it: what comes within this time goes in one request. */
const lingerMs = 5;
/** A full request need not wait; in larger ones kafkajs spends its time copying lists (it is quadratic in their length). */
const recordsMax = 500;

/** kafkajs with a linger: what comes meanwhile goes in one request. Nothing is tried again. */
export class LingeringProducer {
  private waiting: Waiting[] = [];
  private timer: NodeJS.Timeout | undefined;

  private constructor(
    private readonly producer: Producer,
    private readonly topic: string,
  ) {}

  static async connect(brokers: string[], topic: string): Promise<LingeringProducer> {
    const producer = kafkaClient(brokers, 'causeway-bench').producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { retries: 0 },
    });
    await producer.connect();
    return new LingeringProducer(producer, topic);
  }

  /** Resolves once the broker has the record. */
  send(message: Message): Promise<void> {
    const sending = new Promise<void>((sent, failed) => {
      this.waiting.push({ message, sent, failed });
    });
    if (this.waiting.length === 1) this.timer = setTimeout(() => void this.flush(), lingerMs);
    if (this.waiting.length === recordsMax) void this.flush();
    return sending;
  }

  close(): Promise<void> {
    return this.producer.disconnect();
  }

  private async flush(): Promise<void> {
    clearTimeout(this.timer);
    const group = this.waiting;
    this.waiting = [];
    try {
      await this.producer.send({ topic: this.topic, messages: group.map(({ message }) => message), acks: -1 });
      for (const { sent } of group) sent();
    } catch (error) {
      for (const { failed } of group) failed(error);
    }
  }
}

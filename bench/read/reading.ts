import { randomUUID } from 'node:crypto';
import type { Consumer } from 'kafkajs';
import { kafkaClient } from '../../dev/servers/kafka.ts';
import { nowMs } from '../clock.ts';
import { numberOf } from '../load/events.ts';
import { outcomes } from '../load/sendLog.ts';

export type ReadJob = {
  brokers: string[];
  topic: string;
  tag: string;
  /** Leaves out what is there already; else from the topic's beginning. */
  fromEnd?: boolean | undefined;
};

/** The load's records in the order in which they were read, which within a partition is that of the topic. */
export type Arrivals = {
  numbers: Int32Array;
  readAtMs: Float64Array;
  /** Whether nothing came any more, though something was missing. */
  isStalled: boolean;
};

export type AwaitJob = {
  /** What became of each event, by its number: the accepted ones are awaited. */
  outcomes: Uint8Array;
  /** Gives up when nothing new has come for this long. */
  stallMs: number;
  timeoutMs: number;
};

/** Reads one topic. */
export class Reading {
  private numbers: number[] = [];
  private readAtMs: number[] = [];
  private seen = new Set<number>();
  private nextOffset = new Map<number, number>();

  private constructor(private readonly consumer: Consumer) {}

  /** Resolves once the consumer has its partitions. */
  static async open({ brokers, topic, tag, fromEnd }: ReadJob): Promise<Reading> {
    const ends = fromEnd ? await endsOf(brokers, topic) : [];
    const consumer = kafkaClient(brokers, 'causeway-bench').consumer({
      groupId: `bench-${randomUUID()}`,
      maxWaitTimeInMs: 500, // The broker answers at once when there is something.
      minBytes: 1,
    });
    const reading = new Reading(consumer);
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const joined = new Promise<void>((resolve) => {
      const { GROUP_JOIN } = consumer.events;
      consumer.on(GROUP_JOIN, () => resolve());
    });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        const atMs = nowMs();
        const next = reading.nextOffset.get(batch.partition) ?? 0;
        for (const { offset, headers } of batch.messages) {
          if (Number(offset) < next) continue; // The same record read again is no second record.
          const n = numberOf(tag, String(headers?.idempotency_key ?? ''));
          if (n !== undefined) reading.note(n, atMs);
        }
        reading.nextOffset.set(batch.partition, Math.max(next, Number(batch.lastOffset()) + 1));
      },
    });
    await joined;
    for (const { partition, offset } of ends) consumer.seek({ topic, partition, offset });
    return reading;
  }

  /** Waits until every accepted event was read, or nothing comes any more; returns all that was read. */
  async arrivals({ outcomes: codes, stallMs, timeoutMs }: AwaitJob): Promise<Arrivals> {
    const startedAtMs = nowMs();
    let isStalled = false;
    while (!isStalled && !this.hasAll(codes) && nowMs() - startedAtMs < timeoutMs) {
      const lastMs = Math.max(this.readAtMs.at(-1) ?? 0, startedAtMs);
      isStalled = nowMs() - lastMs > stallMs;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return { numbers: Int32Array.from(this.numbers), readAtMs: Float64Array.from(this.readAtMs), isStalled };
  }

  close(): Promise<void> {
    return this.consumer.disconnect();
  }

  private note(n: number, atMs: number): void {
    this.seen.add(n);
    this.numbers.push(n);
    this.readAtMs.push(atMs);
  }

  private hasAll(codes: Uint8Array): boolean {
    // From the end: what is missing is mostly what was sent last.
    for (let n = codes.length - 1; n >= 0; n--) {
      if (codes[n] === outcomes.accepted && !this.seen.has(n)) return false;
    }
    return true;
  }
}

/** Where each partition ends now. */
async function endsOf(brokers: string[], topic: string): Promise<{ partition: number; offset: string }[]> {
  const admin = kafkaClient(brokers, 'causeway-bench').admin();
  await admin.connect();
  try {
    const offsets = await admin.fetchTopicOffsets(topic);
    return offsets.map(({ partition, high }) => ({ partition, offset: high }));
  } finally {
    await admin.disconnect();
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { judged } from '../../../bench/load/answers.ts';
import { HttpConnection } from '../../../bench/load/connection.ts';
import { idempotencyKeyOf } from '../../../bench/load/events.ts';
import { GrowingSendLog, outcomes, type SendLog } from '../../../bench/load/sendLog.ts';

export type SteadyLoadOptions = {
  url: string;
  apiKey: string;
  customerExternalId: string;
  /** Names the events of this load. */
  tag: string;
  /** One sender each, which sends an event only when the one before it has got its 202. */
  keys: readonly string[];
  /** Over all keys. What falls due while a sender waits for a 202 it sends as soon as it has it. */
  eventsPerSecond: number;
};

/** A sender gives up on an answer after this long, in ms, and sends the same POST again. */
const answerWithinMs = 10_000;
/** An event that has no 202 after this long is given up, in ms: no fault here lasts so long. */
const acceptedWithinMs = 120_000;
/** A sender without an answer sends again after this long, in ms. */
const againMs = 200;

const padding = 'abcdefghijklmnopqrstuvwxyz0123456789'.repeat(14);

/** Services that send numbered events at a steady rate, each POST again and again, with the same idempotency key. */
export class SteadyLoad {
  /** How many POSTs were answered in which way. */
  readonly answers = new Map<string, number>();
  private readonly log = new GrowingSendLog();
  private readonly senders: Promise<void>[];
  private readonly keys: string[];
  private isOver = false;
  private failure: unknown;

  constructor(private readonly options: SteadyLoadOptions) {
    this.keys = [...options.keys];
    const everyMs = (1_000 * this.keys.length) / options.eventsPerSecond;
    const startedAtMs = Date.now();
    this.senders = options.keys.map((_, index) =>
      this.sendOnAndOn(index, startedAtMs + (index * everyMs) / options.keys.length, everyMs),
    );
  }

  /** What was sent so far. */
  sent(): SendLog {
    if (this.failure) throw this.failure;
    return this.log.taken();
  }

  /** The name of each key in the log. */
  keyNames(): readonly string[] {
    return this.keys;
  }

  /** Sends events of a key of their own, one after the other, whose payload is padded with so many bytes. */
  async sendBeside(key: string, count: number, padBytes: number): Promise<number[]> {
    const index = this.keys.push(key) - 1;
    const connection = this.connect();
    const numbers: number[] = [];
    try {
      for (let i = 0; i < count; i++) numbers.push(await this.bringIn(connection, index, 'x'.repeat(padBytes)));
      return numbers;
    } finally {
      await connection.close();
    }
  }

  /** Lets each sender bring its last event to its 202. Throws where the API answered what no sender should get. */
  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.senders);
    if (this.failure) throw this.failure;
  }

  private connect(): HttpConnection {
    const { url, apiKey } = this.options;
    const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
    return new HttpConnection(url, headers, answerWithinMs);
  }

  private async sendOnAndOn(index: number, firstAtMs: number, everyMs: number): Promise<void> {
    const connection = this.connect();
    try {
      for (let dueAtMs = firstAtMs; !this.isOver; dueAtMs += everyMs) {
        const waitMs = dueAtMs - Date.now();
        if (waitMs > 0) await sleep(waitMs);
        if (!this.isOver) await this.bringIn(connection, index, padding);
      }
    } catch (error) {
      this.failure ??= error;
      this.isOver = true;
    } finally {
      await connection.close();
    }
  }

  /** POSTs one event until it has its 202; returns its number. */
  private async bringIn(connection: HttpConnection, index: number, pad: string): Promise<number> {
    const { customerExternalId, tag } = this.options;
    const sentAtMs = Date.now();
    const n = this.log.sent(index, this.log.size, sentAtMs);
    const event = {
      eventType: 'order.shipped',
      customerExternalId,
      idempotencyKey: idempotencyKeyOf(tag, n),
      payload: { key: this.keys[index], n, pad },
    };
    const text = JSON.stringify(event);
    while (Date.now() - sentAtMs < acceptedWithinMs) {
      const answer = await connection.post('/v1/events', text);
      const { outcomes: [outcome] = [], name } = judged(answer, 1);
      this.answers.set(name, (this.answers.get(name) ?? 0) + 1);
      if (outcome === outcomes.accepted) {
        this.log.answered(n, outcomes.accepted, Date.now());
        return n;
      }
      const isForLater = answer.status === 0 || answer.status >= 500;
      if (!isForLater) throw new Error(`A sender got ${answer.status}: ${answer.text}`);
      await sleep(answer.retryAfterMs > 0 ? answer.retryAfterMs : againMs);
    }
    throw new Error(`Event ${n} got no 202 in ${acceptedWithinMs / 1_000} s.`);
  }
}

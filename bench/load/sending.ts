import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs } from '../clock.ts';
import { judged } from './answers.ts';
import { HttpConnection } from './connection.ts';
import { eventMaker, type Keys, spreadKeys } from './events.ts';
import { seededRandom } from './random.ts';
import { GrowingSendLog, outcomes, type SendLog } from './sendLog.ts';

export type SendJob = {
  url: string;
  apiKey: string;
  customerExternalId: string;
  /** Names the events of this load. */
  tag: string;
  keys: Keys;
  eventsPerPost: number;
  connections: number;
  seconds: number;
  /** The load is over once so many were accepted. */
  acceptedMax?: number | undefined;
  /** Undefined: each connection POSTs as soon as it was answered. Else POSTs are due at this rate, answered or not. */
  eventsPerSecond?: number | undefined;
  /** Whether a connection that is told `Retry-After` does as told. */
  isPatient: boolean;
};

export type Sent = {
  log: SendLog;
  /** The events of the load itself; later ones are the marks that follow it. */
  loadEvents: number;
  /** How many POSTs were answered in which way. */
  answers: Record<string, number>;
  /** Events that were due while every connection waited for an answer: never sent. */
  unsent: number;
  /** From the end of the load until a lane took events again, in ms. */
  markAcceptedAfterMs: number;
};

/** A sender gives up on a POST after this long, in ms. */
const postTimeoutMs = 30_000;
/** So many events follow a load, over keys of every lane: a lane delivers in order, so once they are read the load is over. */
const markEvents = 64;
const markWithinMs = 120_000;

/** Sends one load, waits for every answer, and then sends the marks. */
export async function send(job: SendJob): Promise<Sent> {
  const sending = new Sending(job);
  try {
    await (job.eventsPerSecond === undefined ? sending.closed() : sending.open(job.eventsPerSecond));
    const loadEvents = sending.log.size;
    const endedAtMs = nowMs();
    if (job.keys !== 'new') await sending.mark();
    return {
      log: sending.log.taken(),
      loadEvents,
      answers: Object.fromEntries(sending.answers),
      unsent: sending.unsent,
      markAcceptedAfterMs: nowMs() - endedAtMs,
    };
  } finally {
    await sending.close();
  }
}

class Sending {
  readonly log = new GrowingSendLog();
  readonly answers = new Map<string, number>();
  unsent = 0;
  private accepted = 0;
  private readonly connections: HttpConnection[];
  private readonly maker;
  private readonly random = seededRandom(1_234);
  private posts = 0;

  constructor(private readonly job: SendJob) {
    const headers = { authorization: `Bearer ${job.apiKey}`, 'content-type': 'application/json' };
    this.connections = Array.from(
      { length: job.connections },
      () => new HttpConnection(job.url, headers, postTimeoutMs),
    );
    this.maker = eventMaker(job.tag, job.customerExternalId, job.keys);
  }

  /** Each connection POSTs as soon as it was answered, until the time is over. */
  async closed(): Promise<void> {
    const endsAtMs = nowMs() + this.job.seconds * 1_000;
    const loop = async (connection: HttpConnection): Promise<void> => {
      while (nowMs() < endsAtMs && this.accepted < (this.job.acceptedMax ?? Number.POSITIVE_INFINITY)) {
        const retryAfterMs = await this.post(connection, this.job.eventsPerPost);
        if (retryAfterMs > 0 && this.job.isPatient)
          await sleep(Math.min(retryAfterMs, Math.max(0, endsAtMs - nowMs())));
      }
    };
    await Promise.all(this.connections.map(loop));
  }

  /** POSTs are due at a steady rate, answered or not, as long as a connection is free. */
  async open(eventsPerSecond: number): Promise<void> {
    const { eventsPerPost, seconds } = this.job;
    const everyMs = (1_000 * eventsPerPost) / eventsPerSecond;
    const startedAtMs = nowMs();
    const due = Math.floor((seconds * 1_000) / everyMs);
    const free = [...this.connections];
    const underWay = new Set<Promise<void>>();
    for (let slot = 0; slot < due; slot++) {
      const waitMs = startedAtMs + slot * everyMs - nowMs();
      if (waitMs > 0) await sleep(waitMs);
      else if (slot % 64 === 0) await sleep(0); // Behind: answers must still be read.
      if (nowMs() - startedAtMs > seconds * 1_000) {
        this.unsent += (due - slot) * eventsPerPost;
        break;
      }
      const connection = free.pop();
      if (!connection) {
        this.unsent += eventsPerPost;
        continue;
      }
      const answered = this.post(connection, eventsPerPost).then(() => {
        free.push(connection);
        underWay.delete(answered);
      });
      underWay.add(answered);
    }
    await Promise.all(underWay);
  }

  /** Sends the marks, again and again while they are refused: a lane that was too full must open by itself. */
  async mark(): Promise<void> {
    const [connection] = this.connections;
    const endsAtMs = nowMs() + markWithinMs;
    while (connection && nowMs() < endsAtMs) {
      const before = this.log.size;
      const retryAfterMs = await this.post(connection, markEvents, true);
      if (this.log.isAcceptedFrom(before)) return;
      await sleep(Math.max(retryAfterMs, 200));
    }
    throw new Error(`The lanes took no event for ${markWithinMs / 1_000} s after the load had ended.`);
  }

  async close(): Promise<void> {
    await Promise.all(this.connections.map((connection) => connection.close()));
  }

  /** One POST; returns for how long the answer says to wait, in ms. */
  private async post(connection: HttpConnection, events: number, isMark = false): Promise<number> {
    const post = this.posts++;
    const sentAtMs = nowMs();
    const first = this.log.size;
    const texts: string[] = [];
    for (let i = 0; i < events; i++) {
      const index = this.keyIndex(isMark ? i : undefined);
      const n = this.log.sent(this.job.keys === 'customer' ? 0 : index, post, sentAtMs);
      texts.push(this.maker.textOf(n, this.maker.keyOf(index)));
    }
    const answer =
      events === 1
        ? await connection.post('/v1/events', texts[0] ?? '')
        : await connection.post('/v1/events/batch', `[${texts.join(',')}]`);
    const { outcomes: each, name } = judged(answer, events);
    const atMs = nowMs();
    each.forEach((outcome, i) => {
      this.log.answered(first + i, outcome, atMs);
      if (outcome === outcomes.accepted) this.accepted++;
    });
    this.answers.set(name, (this.answers.get(name) ?? 0) + 1);
    return answer.retryAfterMs;
  }

  private keyIndex(wanted: number | undefined): number {
    if (this.job.keys === 'new') return this.log.size;
    return wanted ?? Math.floor(this.random() * spreadKeys);
  }
}

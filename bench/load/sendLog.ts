/** What became of an event's POST, as its sender knows. */
export const outcomes = {
  /** Never answered, or answered in a way that leaves open whether it was stored. */
  unclear: 0,
  accepted: 1,
  refused: 2,
} as const;
export type OutcomeCode = (typeof outcomes)[keyof typeof outcomes];

/** One entry for each event, by its number. */
export type SendLog = {
  sentAtMs: Float64Array;
  /** Infinity where there was no answer. */
  answeredAtMs: Float64Array;
  outcomes: Uint8Array;
  /** Events with the same number here have the same partition key. */
  keys: Int32Array;
  /** The POST that the event was in. */
  posts: Int32Array;
};

/** Grows as events are sent. */
export class GrowingSendLog {
  private room = 4_096;
  private length = 0;
  private log: SendLog = emptyLog(this.room);

  /** Notes an event as sent; returns its number. */
  sent(key: number, post: number, atMs: number): number {
    if (this.length === this.room) this.grow();
    const n = this.length++;
    this.log.sentAtMs[n] = atMs;
    this.log.answeredAtMs[n] = Number.POSITIVE_INFINITY;
    this.log.keys[n] = key;
    this.log.posts[n] = post;
    return n;
  }

  answered(n: number, outcome: OutcomeCode, atMs: number): void {
    this.log.outcomes[n] = outcome;
    this.log.answeredAtMs[n] = outcome === outcomes.unclear ? Number.POSITIVE_INFINITY : atMs;
  }

  /** Whether every event from number `n` on was accepted. */
  isAcceptedFrom(n: number): boolean {
    return this.log.outcomes.subarray(n, this.length).every((code) => code === outcomes.accepted);
  }

  get size(): number {
    return this.length;
  }

  /** A copy of what there is. */
  taken(): SendLog {
    const { sentAtMs, answeredAtMs, outcomes: codes, keys, posts } = this.log;
    return {
      sentAtMs: sentAtMs.slice(0, this.length),
      answeredAtMs: answeredAtMs.slice(0, this.length),
      outcomes: codes.slice(0, this.length),
      keys: keys.slice(0, this.length),
      posts: posts.slice(0, this.length),
    };
  }

  private grow(): void {
    this.room *= 2;
    const old = this.log;
    this.log = emptyLog(this.room);
    this.log.sentAtMs.set(old.sentAtMs);
    this.log.answeredAtMs.set(old.answeredAtMs);
    this.log.outcomes.set(old.outcomes);
    this.log.keys.set(old.keys);
    this.log.posts.set(old.posts);
  }
}

const emptyLog = (room: number): SendLog => ({
  sentAtMs: new Float64Array(room),
  answeredAtMs: new Float64Array(room),
  outcomes: new Uint8Array(room),
  keys: new Int32Array(room),
  posts: new Int32Array(room),
});

/** How far the workers are behind with what Temporal has for them in one queue. */
export type QueueBehind = {
  /** Tasks that wait for a worker. */
  waiting: number;
  /** For how long the oldest of them has waited, in ms. */
  oldestMs: number;
  /** Handed to workers in the last half minute. */
  takenPerSecond: number;
  /** When a worker last asked for one, in ms since; undefined where none did for long. */
  askedAgoMs: number | undefined;
};

/** Temporal answers with the same for 5 s: what was stored longer ago than this is counted in it, or has been taken. */
export const uncountedMs = 6_000;

/**
 * The first tasks of new lanes, between two of Temporal's counts of them: what it counted, what this process has stored since, and
 * what the workers took of them. All times are in ms, by one clock that nobody sets.
 */
export class LanesWaiting {
  private count: QueueBehind | undefined;
  /** Between these two moments the count was made; and it was still the last one at `standsMs`. */
  private notBeforeMs = Number.NEGATIVE_INFINITY;
  private seenMs = Number.NEGATIVE_INFINITY;
  private standsMs = Number.NEGATIVE_INFINITY;
  private answeredMs = Number.NEGATIVE_INFINITY;
  /** When those were stored that may not be counted yet; the first of them first. */
  private uncounted: number[] = [];
  /** Taken at least, between the last two counts. */
  private takenPerSecondMin = 0;

  stored(nowMs: number): void {
    this.uncounted.push(nowMs);
  }

  /** What Temporal said at `nowMs` when it was asked at `askedMs`. */
  told(count: QueueBehind, askedMs: number, nowMs: number): void {
    if (this.count && !isOther(count, this.count)) {
      this.standsMs = askedMs;
    } else {
      this.takenPerSecondMin = this.takenMin(count, nowMs);
      // It has counted again since the last answer, and with it what was stored before that.
      this.uncounted = this.uncounted.filter((storedMs) => storedMs > this.answeredMs);
      this.notBeforeMs = Math.max(this.standsMs, nowMs - uncountedMs);
      this.seenMs = nowMs;
      this.standsMs = askedMs;
    }
    this.count = count;
    this.answeredMs = nowMs;
  }

  forgetOld(nowMs: number): void {
    const beforeMs = nowMs - uncountedMs;
    if ((this.uncounted[0] ?? nowMs) > beforeMs) return;
    this.uncounted = this.uncounted.filter((storedMs) => storedMs > beforeMs);
  }

  /** What the workers take is the most that is known of: the last half minute tells little after a quiet time. */
  get takenPerSecond(): number {
    return Math.max(this.count?.takenPerSecond ?? 0, this.takenPerSecondMin);
  }

  /** How many were stored that Temporal has not counted, and that the workers have not taken yet, at that rate. */
  fresh(nowMs: number): number {
    const sinceMs = Math.min(nowMs - this.seenMs, uncountedMs);
    return this.uncounted.length - (this.takenPerSecond * sinceMs) / 1_000;
  }

  /** The least that was taken: what surely was stored between the two counts, in the longest time that may lie between them. */
  private takenMin(next: QueueBehind, nowMs: number): number {
    if (!this.count) return 0;
    const between = this.uncounted.filter((storedMs) => storedMs > this.seenMs && storedMs <= this.standsMs).length;
    const taken = this.count.waiting + between - next.waiting;
    return Math.max(0, (1_000 * taken) / (nowMs - this.notBeforeMs));
  }
}

const isOther = (one: QueueBehind, other: QueueBehind): boolean =>
  one.waiting !== other.waiting || one.oldestMs !== other.oldestMs || one.takenPerSecond !== other.takenPerSecond;

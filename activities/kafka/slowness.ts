/** A broker that takes so long for an answer is slow, in ms. */
const slowAfterMs = 2_000;
/** So long after its last slow answer nobody knows any more that it was slow, in ms. */
const slowKnownMs = 60_000;

/**
 * Whether the broker of a destination is slow: while it owes an answer for two seconds, and after two slow answers, one begun after the other came, until a quick
 * one. One by itself may be a leader that moved. What an answer takes includes the way to the broker, and the wait for requests before it on its connection.
 */
export class Slowness {
  private readonly owed = new Set<{ sinceMs: number }>();
  private firstSlowAtMs: number | undefined;
  private isSlowAgain = false;
  private lastSlowAtMs = 0;

  get isSlow(): boolean {
    if (this.owedForMs >= slowAfterMs) return true;
    return this.isSlowAgain && performance.now() - this.lastSlowAtMs < slowKnownMs;
  }

  /** For how long the broker has owed what was asked first, in ms; 0 where it owes nothing. */
  get owedForMs(): number {
    const [first] = this.owed;
    return first ? performance.now() - first.sinceMs : 0;
  }

  /** Takes the time of an answer. `isBrokers`: whether it came from the broker, so that a quick one shows that it is not slow. */
  async timed<T>(answer: Promise<T>, isBrokers: (answer: T) => boolean): Promise<T> {
    const one = { sinceMs: performance.now() };
    this.owed.add(one);
    let isQuick = false;
    try {
      const given = await answer;
      isQuick = isBrokers(given);
      return given;
    } finally {
      this.owed.delete(one);
      this.note(one.sinceMs, isQuick);
    }
  }

  private note(sinceMs: number, isQuick: boolean): void {
    const nowMs = performance.now();
    if (nowMs - sinceMs >= slowAfterMs) {
      this.isSlowAgain ||= this.firstSlowAtMs !== undefined && sinceMs >= this.firstSlowAtMs;
      this.firstSlowAtMs ??= nowMs;
      this.lastSlowAtMs = nowMs;
    } else if (isQuick) {
      this.firstSlowAtMs = undefined;
      this.isSlowAgain = false;
    }
  }
}

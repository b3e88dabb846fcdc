/**
 * When a long run may continue as new: at a moment when no signal is on its way, for one that crosses the workflow task which
 * continues fails that task (docs/decisions/quiet-signals.md). Senders promise such moments. Times in ms.
 */

/** A promise of this much holds while a batch on its way is delivered, and through the workflow task that continues. */
const longQuietMs = 200;
/** Of a long promise: how late the lane may hear it, and how long the workflow task that continues may take. */
const crossingMs = 150;
/**
 * A shorter promise, which senders keep for full blocks too, holds only in the workflow task that brought it, and a busy lane's may
 * take longer.
 */
export const shortQuietMs = 50;
/** So long a lane that has events to send sends on, and hopes for a long promise; then it waits for a short one. */
const sendingOnMs = 1_500;
/** After this long without any promise it continues all the same. */
const patienceMs = 3_000;
/** A sender that has been silent for this long is not about to send. */
const silentMs = 1_500;

export class Quiet {
  private promised = { quietMs: 0, task: 0, atMs: 0 };
  private longSinceMs: number | undefined;

  /** A block came, in the workflow task that `task` names, with its sender's promise. */
  heard(quietMs: number, task: number, nowMs: number): void {
    this.promised = { quietMs, task, atMs: nowMs };
  }

  /** The run has been found long. */
  isWanted(nowMs: number): void {
    this.longSinceMs ??= nowMs;
  }

  /** Whether the lane may continue as new in this workflow task. */
  isNow(task: number, nowMs: number): boolean {
    const { quietMs, task: promisedIn, atMs } = this.promised;
    const waitedMs = this.waitedMs(nowMs);
    if (waitedMs >= patienceMs || nowMs - atMs >= silentMs) return true;
    if (quietMs >= longQuietMs) return task === promisedIn || nowMs < atMs + quietMs - crossingMs;
    return waitedMs >= sendingOnMs && quietMs >= shortQuietMs && task === promisedIn;
  }

  /** Whether the lane may send a batch first. */
  maySendOn(nowMs: number): boolean {
    return this.waitedMs(nowMs) < sendingOnMs;
  }

  /** When to look again, if nothing happens. */
  nextLookMs(nowMs: number): number {
    const waitedMs = this.waitedMs(nowMs);
    return Math.max(1, (waitedMs < sendingOnMs ? sendingOnMs : patienceMs) - waitedMs);
  }

  private waitedMs(nowMs: number): number {
    return this.longSinceMs === undefined ? 0 : nowMs - this.longSinceMs;
  }
}

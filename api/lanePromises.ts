import { shortQuietMs } from '../domain/quiet.ts';

/** A lane that gets full blocks one after another, whose senders all wait, or that has no linger, is promised quiet this often. */
const quietEveryMs = 1_000;
/**
 * … and for this long where it has said that its run is long: for its batch on the way, and the workflow task that continues as new.
 * It is over as soon as the lane has.
 */
export const longQuietMs = 500;
/** A long quiet that did not do comes again after this. */
const longQuietEveryMs = 750;

/** The moments of quiet that one lane is promised, for it to continue as new in: docs/decisions/quiet-signals.md. */
export class LanePromises {
  private longAtMs = Number.NEGATIVE_INFINITY;

  /** How long a quiet to promise with the next block, in ms; the lane's last one ended at `quietUntilMs`. */
  nextMs(isLong: boolean, isBusy: boolean, quietUntilMs: number, nowMs: number): number {
    if (isLong && nowMs - this.longAtMs >= longQuietEveryMs) {
      this.longAtMs = nowMs;
      return longQuietMs;
    }
    return !isBusy || nowMs - quietUntilMs >= quietEveryMs ? shortQuietMs : 0;
  }
}

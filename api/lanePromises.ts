import type { LaneLimits } from '../domain/lane.ts';
import { shortQuietMs } from '../domain/quiet.ts';

/** A lane that gets full blocks one after another, whose senders all wait, or that has no linger, is promised quiet this often. */
const quietEveryMs = 1_000;
/**
 * … and for this long where its run may have grown long: for its batch on the way, and the workflow task that continues as new.
 * A lane whose run is not that long yet lets it pass.
 */
export const longQuietMs = 250;
/** … and for this long where its run is known to be: it is over as soon as the lane has continued as new. */
const surelyLongQuietMs = 500;
/** A long quiet comes again after a second, or when the run has grown by this share of its bound. */
const againShare = 1 / 2;

/** What this process stored in a run, and how long the run may be, in bytes of history, where that is known. */
export type RunSoFar = { id: string; signals: number; bytes: number; historyBytes: number | undefined };

/** The moments of quiet that one lane is promised, for it to continue as new in: docs/decisions/quiet-signals.md. */
export class LanePromises {
  private last = { atMs: Number.NEGATIVE_INFINITY, runId: '', runBytes: 0 };

  constructor(private readonly limits: LaneLimits) {}

  /** How long a quiet to promise with the next block, in ms; the lane's last one ended at `quietUntilMs`. */
  nextMs(run: RunSoFar, isBusy: boolean, quietUntilMs: number, nowMs: number): number {
    const { historyBytesMax, historyEventsMax } = this.limits;
    const runBytes = run.historyBytes ?? run.bytes;
    const isSurelyLong = runBytes >= historyBytesMax;
    // Less than half of its events are signals.
    const isLong = isSurelyLong || run.signals >= historyEventsMax / 12;
    const hasGrown = this.last.runId === run.id && runBytes - this.last.runBytes >= historyBytesMax * againShare;
    if (isLong && (hasGrown || nowMs - this.last.atMs >= quietEveryMs)) {
      this.last = { atMs: nowMs, runId: run.id, runBytes };
      return isSurelyLong ? surelyLongQuietMs : longQuietMs;
    }
    return !isBusy || nowMs - quietUntilMs >= quietEveryMs ? shortQuietMs : 0;
  }
}

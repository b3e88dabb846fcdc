import type { LaneLimits } from '../domain/lane.ts';
import { shortQuietMs } from '../domain/quiet.ts';

/** A lane that gets full blocks one after another, whose senders all wait, or that has no linger, is promised quiet this often. */
const quietEveryMs = 1_000;
/** … and for this long where its run has grown long: for its batch on the way, and the workflow task that continues as new. */
export const longQuietMs = 500;
/** Where that was too short it is promised twice as long, and so on up to this. */
const longQuietMsMax = 1_000;
/** A long quiet comes again after a second, or when the run has grown by this share of its bound. */
const againShare = 1 / 2;

/** What this process stored in a run, and how long the run may be, in bytes of history, where that is known. */
export type RunSoFar = { id: string; signals: number; bytes: number; historyBytes: number | undefined };

/** The moments of quiet that one lane is promised, for it to continue as new in: docs/decisions/quiet-signals.md. */
export class LanePromises {
  private last = { atMs: Number.NEGATIVE_INFINITY, lastsMs: 0, runId: '', runBytes: 0 };

  constructor(private readonly limits: LaneLimits) {}

  /** How long a quiet to promise with the next block, in ms; the lane's last one ended at `quietUntilMs`. */
  nextMs(run: RunSoFar, isBusy: boolean, quietUntilMs: number, nowMs: number): number {
    const { historyBytesMax } = this.limits;
    const runBytes = run.historyBytes ?? run.bytes;
    const isAgain = this.last.runId === run.id;
    const hasGrown = isAgain && runBytes - this.last.runBytes >= historyBytesMax * againShare;
    if (this.isLong(run) && (hasGrown || nowMs - this.last.atMs >= quietEveryMs)) {
      const lastsMs = isAgain ? Math.min(2 * this.last.lastsMs, longQuietMsMax) : longQuietMs;
      this.last = { atMs: nowMs, lastsMs, runId: run.id, runBytes };
      return lastsMs;
    }
    return !isBusy || nowMs - quietUntilMs >= quietEveryMs ? shortQuietMs : 0;
  }

  /** Whether the run is at the length at which it continues as new: of its events, less than half are signals. */
  private isLong({ signals, bytes, historyBytes }: RunSoFar): boolean {
    const { historyBytesMax, historyEventsMax } = this.limits;
    return (historyBytes ?? bytes) >= historyBytesMax || signals >= historyEventsMax / 12;
  }
}

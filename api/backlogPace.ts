import type { LaneStatus } from '../domain/laneMessages.ts';

/** What a lane says of what it has taken in and not delivered. */
export type Backlog = Pick<LaneStatus, 'waitingEvents' | 'waitingBytes'> & {
  /** Since the lane began; less than before where it began anew. */
  deliveredEvents: number;
  /** It delivers now, or would: it is neither paused nor suspended, nor waits for someone. */
  isDelivering: boolean;
};

const MiB = 1024 * 1024;
/** So much waits in a lane at full load: it is on its way, not left behind. */
const usualBytes = MiB;
/** What a lane takes to deliver a MiB, until it was measured, and the bounds of what a measurement may say. */
const usualMsPerMiB = 200;
const msPerMiBMin = 100;
const msPerMiBMax = 1_000;
/** A block comes no later than this: what the lane can't keep up with then is for its backlog to hold. */
const waitMsMax = 500;

/**
 * How much later a lane that delivers should get its blocks, for it to catch up: as long as it takes, by its own rate between
 * two looks, to deliver what waits over the usual (docs/decisions/lane-gauge.md).
 */
export class BacklogPace {
  private last: { backlog: Backlog; atMs: number } | undefined;
  private msPerMiB = usualMsPerMiB;
  /** In ms. */
  waitMs = 0;

  /** A lane that is too busy to say what waits in it, or has no worker, is behind, however far. */
  unanswered(): void {
    this.waitMs = waitMsMax;
  }

  looked(backlog: Backlog, atMs: number): void {
    const measured = this.last && msPerMiBBetween(this.last, { backlog, atMs });
    if (measured !== undefined) {
      const bounded = Math.min(msPerMiBMax, Math.max(msPerMiBMin, measured));
      this.msPerMiB = (this.msPerMiB + bounded) / 2;
    }
    this.last = { backlog, atMs };
    const lateMiB = Math.max(0, backlog.waitingBytes - usualBytes) / MiB;
    this.waitMs = backlog.isDelivering ? Math.min(waitMsMax, Math.round(lateMiB * this.msPerMiB)) : 0;
  }
}

type Look = { backlog: Backlog; atMs: number };

/** Undefined where the lane had nothing to do in between, or did not deliver: that says nothing about its rate. */
function msPerMiBBetween(before: Look, after: Look): number | undefined {
  const isBusy = [before, after].every(({ backlog }) => backlog.isDelivering && backlog.waitingBytes > usualBytes);
  const delivered = after.backlog.deliveredEvents - before.backlog.deliveredEvents;
  if (!isBusy || delivered <= 0) return undefined;
  const deliveredMiB = (delivered * after.backlog.waitingBytes) / after.backlog.waitingEvents / MiB;
  return (after.atMs - before.atMs) / deliveredMiB;
}

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
const usualBytes = 1.5 * MiB;
/** A lane with so much at two looks had work all the time between them. */
const busyBytes = usualBytes / 2;
/** What a lane takes to deliver a MiB, until it was measured, and the bounds of what a measurement may say. */
const usualMsPerMiB = 200;
const msPerMiBMin = 100;
const msPerMiBMax = 1_000;
/** A block comes no later than this: what the lane can't keep up with then is for its backlog to hold. */
const waitMsMax = 500;

/**
 * How much later a lane that delivers should get its next block, for it to catch up. What waits in the lane is known from the
 * last look, what was stored since, and the lane's own rate (docs/decisions/lane-gauge.md).
 */
export class BacklogPace {
  private last: Look | undefined;
  private msPerMiB = usualMsPerMiB;
  /** What waited in the lane at a moment, in bytes of values; after a look without an answer a guess. */
  private waiting = { bytes: 0, atMs: 0 };
  private isDelivering = false;

  /** How long to wait after a block of so many bytes, in ms. */
  waitMs(blockBytes: number, atMs: number): number {
    if (!this.isDelivering) return 0;
    const lateMiB = (this.waitingBytes(atMs) + blockBytes - usualBytes) / MiB;
    return Math.min(waitMsMax, Math.max(0, Math.round(lateMiB * this.msPerMiB)));
  }

  /** Whether it has work for a while, so that its next looks say how fast it is. */
  isBusy(atMs: number): boolean {
    return this.isDelivering && this.waitingBytes(atMs) > busyBytes;
  }

  stored(bytes: number, atMs: number): void {
    this.waiting = { bytes: this.waitingBytes(atMs) + bytes, atMs };
  }

  /** A lane that is too busy to say what waits in it, or has no worker, is behind, however far. */
  unanswered(atMs: number): void {
    this.isDelivering = true;
    this.waiting = { bytes: Math.max(this.waitingBytes(atMs), usualBytes + (waitMsMax / this.msPerMiB) * MiB), atMs };
  }

  looked(backlog: Backlog, atMs: number): void {
    const measured = this.last && msPerMiBBetween(this.last, { backlog, atMs });
    // It had less to do than was thought: what kept it waiting then was its own pauses.
    const isFaster = this.isBusy(atMs) && backlog.waitingBytes < busyBytes;
    const now = measured ?? (isFaster ? msPerMiBMin : this.msPerMiB);
    this.msPerMiB = (this.msPerMiB + Math.min(msPerMiBMax, Math.max(msPerMiBMin, now))) / 2;
    this.last = { backlog, atMs };
    this.waiting = { bytes: backlog.waitingBytes, atMs };
    this.isDelivering = backlog.isDelivering;
  }

  private waitingBytes(atMs: number): number {
    return Math.max(0, this.waiting.bytes - ((atMs - this.waiting.atMs) / this.msPerMiB) * MiB);
  }
}

type Look = { backlog: Backlog; atMs: number };

/** Undefined where the lane had nothing to do in between, or did not deliver: that says nothing about its rate. */
function msPerMiBBetween(before: Look, after: Look): number | undefined {
  const isBusy = [before, after].every(({ backlog }) => backlog.isDelivering && backlog.waitingBytes > busyBytes);
  const delivered = after.backlog.deliveredEvents - before.backlog.deliveredEvents;
  if (!isBusy || delivered <= 0) return undefined;
  const deliveredMiB = (delivered * after.backlog.waitingBytes) / after.backlog.waitingEvents / MiB;
  return (after.atMs - before.atMs) / deliveredMiB;
}

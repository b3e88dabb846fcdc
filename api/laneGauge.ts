import { CausewayError } from '../domain/error.ts';
import { defaultLaneLimits, type LaneLimits, runFull } from '../domain/lane.ts';
import { type Backlog, BacklogPace } from './backlogPace.ts';

/** How a lane stands. */
export type LaneSize = {
  /** Absent where it does not run. */
  runId?: string;
  /** Of its run. */
  historyEvents: number;
  historyBytes: number;
  /** For how long it has waited for a worker to look at what came in, in ms. */
  unreadForMs: number;
  /** Whether a worker has its workflow task now. */
  isTaken: boolean;
  /** What the lane itself says; absent where it did not answer. */
  backlog?: Backlog;
  /** Its run is long, by its own word. */
  isRenewing?: boolean;
};
/** Rejects where it can't be known now. */
export type MeasureLane = (workflowId: string) => Promise<LaneSize>;

/** A lane that nobody has looked at for so long has no worker, or one that is behind. */
const unreadForMsMax = 2_000;
/** … and one whose workflow task has waited no longer than this has one that is not. */
const readWithinMs = 250;
/**
 * A lane that has not answered for so long, though a worker has taken its task meanwhile, does not get through it in time: each
 * event more makes the next try longer, and keeps Temporal from giving it more time. docs/decisions/killed-workers.md
 */
const stuckAfterMs = 10_000;
/** The lane is looked at again after this much was stored in it. */
const bytesPerLook = 1024 * 1024;
const signalsPerLook = 200;
/** The first time it is looked at after less than this, at a random point: see `newGauge`. */
const bytesToFirstLook = 1024 * 1024;
const signalsToFirstLook = 50;
/** A lane takes no more once its run may have grown to this, by the last look and what was stored since. */
const runBytesAhead = 8 * 1024 * 1024;
/** The run of a lane that was not looked at yet may have this much. */
const unknownRunBytes = runFull.historyBytes;
/** A block that the lane delivers is in its run's history twice: as the signal, and as a batch's input. */
const bytesTwice = 2;
/** Its own, a workflow task's, and a batch's: 5.3 where lanes are at full load, 7.1 where each signal is a batch. */
const eventsPerSignal = 7;
/** A lane whose run may have grown long is asked for its word this often at the most. */
const longAskedEveryMs = 500;
/** A full lane is looked at again after this long. */
const fullForMs = 500;
/** … and so is one whose blocks wait for it to catch up: it may have. */
const pacedForMs = 500;

type Gauge = {
  runId: string | undefined;
  /** At the last look; undefined before the first. */
  runBytes: number | undefined;
  /** Events of the run at the last look that found a worker with it. */
  readEvents: number;
  /** At the last look. */
  runEvents: number;
  /** Stored since the last look was begun. */
  bytesSince: number;
  signalsSince: number;
  /** The lane said that its run is long. */
  isLong: boolean;
  /** What is left until the next look is due. */
  bytesLeft: number;
  signalsLeft: number;
  looking: boolean;
  /** Since when no look was answered, nor found another run than the one before; undefined where the last one was or did. */
  silentSinceMs: number | undefined;
  seenRunId: string | undefined;
  /** When a look last found the lane's task with a worker. */
  takenAtMs: number;
  isFull: boolean;
  pace: BacklogPace;
  lookedAtMs: number;
  usedAtMs: number;
};

export type Stored = { runId?: string; bytes: number; valueBytes: number };

export type LaneGaugeOptions = {
  limits?: LaneLimits;
  /** A clock that nobody sets, in ms. */
  now?: () => number;
  random?: () => number;
};

/**
 * Knows which lanes have no worker, or get more than theirs can take in: they are refused events before Temporal would end
 * their run; a lane that takes in faster than it delivers gets its blocks later, and what it can't keep up with then goes to
 * segments. Measures only lanes that are written to a lot.
 */
export class LaneGauge {
  private readonly gauges = new Map<string, Gauge>();
  private readonly now: () => number;
  private readonly random: () => number;
  private readonly limits: LaneLimits;

  constructor(
    private readonly measure: MeasureLane,
    options: LaneGaugeOptions = {},
  ) {
    this.now = options.now ?? (() => performance.now());
    this.random = options.random ?? Math.random;
    this.limits = options.limits ?? defaultLaneLimits;
  }

  /** Throws `lane_full` where the lane should take no more now. */
  check(workflowId: string): void {
    const gauge = this.gauges.get(workflowId);
    if (!gauge || (!gauge.isFull && (gauge.runBytes ?? unknownRunBytes) + gauge.bytesSince < runBytesAhead)) return;
    if (this.now() - gauge.lookedAtMs >= fullForMs) this.look(workflowId, gauge);
    const remedy = 'The lane was sent more than a worker has taken in. Send again after some seconds.';
    throw new CausewayError('lane_full', remedy);
  }

  /** How long a lane's next block should wait after one of so many bytes of values, in ms, for the lane has not caught up. */
  backlogMs(workflowId: string, blockBytes: number): number {
    return this.gauges.get(workflowId)?.pace.waitMs(blockBytes, this.now()) ?? 0;
  }

  /** The lane's run, where it is known to have grown so long that the lane wants to continue as new. */
  longRun(workflowId: string): string | undefined {
    const gauge = this.gauges.get(workflowId);
    return gauge?.isLong ? gauge.runId : undefined;
  }

  /** Counts what was stored in a run of a lane: bytes of its history, of which the values had so many before compression. */
  stored(workflowId: string, { runId, bytes, valueBytes }: Stored): void {
    const gauge = this.gauges.get(workflowId) ?? this.newGauge();
    if (gauge.runId !== undefined && gauge.runId !== runId)
      Object.assign(gauge, { runBytes: 0, runEvents: 0, readEvents: 0, bytesSince: 0, signalsSince: 0, isLong: false });
    gauge.runId = runId;
    gauge.bytesSince += bytes;
    gauge.signalsSince++;
    gauge.bytesLeft -= bytes;
    gauge.signalsLeft--;
    const nowMs = this.now();
    gauge.usedAtMs = nowMs;
    gauge.pace.stored(valueBytes, nowMs);
    this.gauges.set(workflowId, gauge);
    const isPaced = gauge.pace.isBusy(nowMs) && nowMs - gauge.lookedAtMs >= pacedForMs;
    const isToSayLong = this.mayBeLong(gauge) && nowMs - gauge.lookedAtMs >= longAskedEveryMs;
    if (isPaced || isToSayLong || gauge.bytesLeft <= 0 || gauge.signalsLeft <= 0) this.look(workflowId, gauge);
  }

  /**
   * Forgets lanes that were not written to for a while; called now and then. A full one is looked at again and kept until it
   * is full no more: once forgotten it would be fed until Temporal ends its run.
   */
  sweep(idleMs = 60_000): void {
    for (const [workflowId, gauge] of this.gauges) {
      if (gauge.looking || this.now() - gauge.usedAtMs <= idleMs) continue;
      if (gauge.isFull) this.look(workflowId, gauge);
      else this.gauges.delete(workflowId);
    }
  }

  /**
   * A lane that this process doesn't know may have been fed by another one, or before it was forgotten. The first look comes
   * early, and at random: however often a lane is forgotten, it is looked at as often as its bytes and signals ask for.
   */
  private newGauge(): Gauge {
    return {
      runId: undefined,
      runBytes: undefined,
      runEvents: 0,
      readEvents: 0,
      bytesSince: 0,
      signalsSince: 0,
      isLong: false,
      bytesLeft: this.random() * bytesToFirstLook,
      signalsLeft: Math.ceil(this.random() * signalsToFirstLook),
      looking: false,
      silentSinceMs: undefined,
      seenRunId: undefined,
      takenAtMs: Number.NEGATIVE_INFINITY,
      isFull: false,
      pace: new BacklogPace(),
      lookedAtMs: Number.NEGATIVE_INFINITY,
      usedAtMs: 0,
    };
  }

  private mayBeLong({ isLong, runBytes = 0, bytesSince, runEvents, signalsSince }: Gauge): boolean {
    const bytes = runBytes + bytesTwice * bytesSince;
    const events = runEvents + eventsPerSignal * signalsSince;
    return !isLong && (bytes >= this.limits.historyBytesMax || events >= this.limits.historyEventsMax);
  }

  private look(workflowId: string, gauge: Gauge): void {
    if (gauge.looking) return;
    gauge.looking = true;
    const { runId, bytesSince, signalsSince } = gauge;
    gauge.bytesLeft = bytesPerLook;
    gauge.signalsLeft = signalsPerLook;
    const looked = (size: LaneSize): void => {
      const nowMs = this.now();
      if (size.backlog) gauge.pace.looked(size.backlog, nowMs);
      else gauge.pace.unanswered(nowMs);
      const isOver = gauge.runId !== runId && gauge.runId !== size.runId; // It was followed by another run meanwhile.
      if (isOver) return;
      const isMoving = size.backlog !== undefined || size.runId !== gauge.seenRunId;
      gauge.seenRunId = size.runId;
      gauge.silentSinceMs = isMoving ? undefined : (gauge.silentSinceMs ?? nowMs);
      if (size.isTaken) gauge.takenAtMs = nowMs;
      if (size.unreadForMs <= readWithinMs) gauge.readEvents = size.historyEvents;
      gauge.isFull = isFull(size, gauge.readEvents) || isStuck(gauge, nowMs);
      gauge.runBytes = size.historyBytes;
      gauge.runEvents = size.historyEvents;
      gauge.isLong = size.runId === gauge.runId && size.isRenewing === true;
      gauge.bytesSince = Math.max(0, gauge.bytesSince - bytesSince);
      gauge.signalsSince = Math.max(0, gauge.signalsSince - signalsSince);
    };
    const over = (): void => {
      gauge.lookedAtMs = this.now();
      gauge.looking = false;
    };
    // Where it can't be known, what was known stays, and so does what was counted: too much without a look is refused.
    this.measure(workflowId)
      .then(looked, () => undefined)
      .finally(over);
  }
}

function isFull({ historyEvents, historyBytes, unreadForMs }: LaneSize, readEvents: number): boolean {
  if (historyEvents > runFull.historyEvents || historyBytes > runFull.historyBytes) return true;
  if (unreadForMs <= unreadForMsMax) return false;
  return historyEvents - readEvents > runFull.unreadEvents || historyBytes > runFull.unreadBytes;
}

function isStuck({ silentSinceMs, takenAtMs }: Gauge, nowMs: number): boolean {
  return silentSinceMs !== undefined && nowMs - silentSinceMs >= stuckAfterMs && nowMs - takenAtMs <= stuckAfterMs;
}

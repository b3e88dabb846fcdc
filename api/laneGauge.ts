import { CausewayError } from '../domain/error.ts';
import { runFull } from '../domain/lane.ts';

/** How large a lane's run is, and for how long it has waited for a worker to look at what came in, in ms. */
export type LaneSize = { historyEvents: number; historyBytes: number; unreadForMs: number };
/** Rejects where it can't be known now. */
export type MeasureLane = (workflowId: string) => Promise<LaneSize>;

/** A lane that nobody has looked at for so long has no worker, or one that is behind. */
const unreadForMsMax = 2_000;
/** The lane is looked at again after this much was stored in it. */
const bytesPerLook = 1024 * 1024;
const signalsPerLook = 200;
/** The first time it is looked at after less than this, at a random point: see `newGauge`. */
const bytesToFirstLook = 1024 * 1024;
const signalsToFirstLook = 50;
/** While the next look lasts, this much more may be stored. */
const bytesAhead = 3 * bytesPerLook;
/** A full lane is looked at again after this long. */
const fullForMs = 500;

type Gauge = {
  bytes: number;
  signals: number;
  looking: boolean;
  isFull: boolean;
  lookedAtMs: number;
  usedAtMs: number;
};

export type LaneGaugeOptions = {
  /** A clock that nobody sets, in ms. */
  now?: () => number;
  random?: () => number;
};

/**
 * Knows which lanes have no worker, or get more than theirs can take in: they are refused events before Temporal would end
 * their run. How fast a lane delivers is no matter: its backlog goes to segments. Measures only lanes that are written to a lot.
 */
export class LaneGauge {
  private readonly gauges = new Map<string, Gauge>();
  private readonly now: () => number;
  private readonly random: () => number;

  constructor(
    private readonly measure: MeasureLane,
    options: LaneGaugeOptions = {},
  ) {
    this.now = options.now ?? (() => performance.now());
    this.random = options.random ?? Math.random;
  }

  /** Throws `lane_full` where the lane should take no more now. */
  check(workflowId: string): void {
    const gauge = this.gauges.get(workflowId);
    if (!gauge || (!gauge.isFull && gauge.bytes < bytesAhead)) return;
    if (this.now() - gauge.lookedAtMs >= fullForMs) this.look(workflowId, gauge);
    const remedy = 'The lane was sent more than a worker has taken in. Send again after some seconds.';
    throw new CausewayError('lane_full', remedy);
  }

  /** Counts what was stored in a lane. */
  stored(workflowId: string, bytes: number): void {
    const gauge = this.gauges.get(workflowId) ?? this.newGauge();
    gauge.bytes += bytes;
    gauge.signals++;
    gauge.usedAtMs = this.now();
    this.gauges.set(workflowId, gauge);
    if (gauge.bytes >= bytesPerLook || gauge.signals >= signalsPerLook) this.look(workflowId, gauge);
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
      bytes: bytesPerLook - this.random() * bytesToFirstLook,
      signals: signalsPerLook - Math.ceil(this.random() * signalsToFirstLook),
      looking: false,
      isFull: false,
      lookedAtMs: Number.NEGATIVE_INFINITY,
      usedAtMs: 0,
    };
  }

  private look(workflowId: string, gauge: Gauge): void {
    if (gauge.looking) return;
    gauge.looking = true;
    const { bytes, signals } = gauge;
    const looked = (isFull: boolean): void => {
      gauge.isFull = isFull;
      gauge.lookedAtMs = this.now();
      gauge.bytes -= bytes;
      gauge.signals -= signals;
      gauge.looking = false;
    };
    this.measure(workflowId).then(
      (size) => looked(isFull(size)),
      // Not known: what was known stays, and a lane that is fed is looked at again.
      () => looked(gauge.isFull),
    );
  }
}

function isFull({ historyEvents, historyBytes, unreadForMs }: LaneSize): boolean {
  const bytesMax = unreadForMs > unreadForMsMax ? runFull.unreadBytes : runFull.historyBytes;
  return historyEvents > runFull.historyEvents || historyBytes > bytesMax;
}

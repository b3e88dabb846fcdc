import type { Client } from '@temporalio/client';
import { CausewayError } from '../domain/error.ts';
import { type LaneStatus, laneQueries } from '../domain/laneMessages.ts';

/** A run's history may grow to this before the API stops feeding it; Temporal ends a run at 51,200 events or 50 MB. */
const historyEventsMax = 8_000;
const historyBytesMax = 8 * 1024 * 1024;
/** What a lane has taken in and not delivered may grow to this, in bytes of values: its worker holds it in memory. */
const waitingBytesMax = 16 * 1024 * 1024;
/** The lane is looked at again after this much was stored in it. */
const bytesPerLook = 4 * 1024 * 1024;
const signalsPerLook = 200;
/** While the next look lasts, this much more may be stored. */
const bytesAhead = 3 * bytesPerLook;
const queryTimeoutMs = 2_000;
/** A full lane is looked at again after this long. */
const fullForMs = 500;

type Gauge = { bytes: number; signals: number; looking: boolean; fullAtMs: number; usedAtMs: number };

/**
 * Knows which lanes take in faster than they deliver, or have no worker: they are refused events before Temporal would
 * end their run. Asks Temporal only about lanes that are written to a lot.
 */
export class LaneGauge {
  private readonly gauges = new Map<string, Gauge>();

  constructor(
    private readonly client: Client,
    private readonly now: () => number = Date.now,
  ) {}

  /** Throws `lane_full` where the lane should take no more now. */
  check(workflowId: string): void {
    const gauge = this.gauges.get(workflowId);
    if (!gauge || (gauge.fullAtMs === 0 && gauge.bytes < bytesAhead)) return;
    if (this.now() - gauge.fullAtMs >= fullForMs) this.look(workflowId, gauge);
    const remedy = 'The lane has taken in more than it could deliver. Send again after some seconds.';
    throw new CausewayError('lane_full', remedy);
  }

  /** Counts what was stored in a lane. */
  stored(workflowId: string, bytes: number): void {
    const gauge = this.gauges.get(workflowId) ?? { bytes: 0, signals: 0, looking: false, fullAtMs: 0, usedAtMs: 0 };
    gauge.bytes += bytes;
    gauge.signals++;
    gauge.usedAtMs = this.now();
    this.gauges.set(workflowId, gauge);
    if (gauge.bytes >= bytesPerLook || gauge.signals >= signalsPerLook) this.look(workflowId, gauge);
  }

  /** Forgets lanes that were not written to for a while; called now and then. */
  sweep(idleMs = 60_000): void {
    for (const [workflowId, gauge] of this.gauges) {
      if (!gauge.looking && this.now() - gauge.usedAtMs > idleMs) this.gauges.delete(workflowId);
    }
  }

  private look(workflowId: string, gauge: Gauge): void {
    if (gauge.looking) return;
    gauge.looking = true;
    const { bytes, signals } = gauge;
    void this.isFull(workflowId).then((isFull) => {
      gauge.fullAtMs = isFull ? this.now() : 0;
      gauge.bytes -= bytes;
      gauge.signals -= signals;
      gauge.looking = false;
    });
  }

  private async isFull(workflowId: string): Promise<boolean> {
    const handle = this.client.workflow.getHandle(workflowId);
    const query = this.client.connection.withDeadline(Date.now() + queryTimeoutMs, () =>
      handle.query<LaneStatus>(laneQueries.status),
    );
    // Without a worker nothing answers the query: the size of the history decides alone.
    const [description, status] = await Promise.allSettled([handle.describe(), query]);
    if (description.status === 'rejected') return false;
    const { historyLength, historySize } = description.value;
    const waitingBytes = status.status === 'fulfilled' ? status.value.waitingBytes : 0;
    return historyLength > historyEventsMax || (historySize ?? 0) > historyBytesMax || waitingBytes > waitingBytesMax;
  }
}

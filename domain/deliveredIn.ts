/** Which events a run of a lane has delivered, as its history tells. Pure. */
import { type Block, type Delivery, deliveriesOf } from './block.ts';
import type { LaneRecord } from './deliveryLog.ts';

export type Delivered = Delivery & { acceptedAtMs: number };

/**
 * What these records tell to have been delivered by `untilMs`, in that order: each event's own delivery, not one for a replay,
 * nor one that only was found to be delivered before a reset. The same records give the same answer. `digest`: of the event
 * with it alone.
 */
export function deliveredIn(records: readonly LaneRecord[], untilMs: number, digest?: string): Delivered[] {
  const batches = new Map<string, Block>();
  const delivered: Delivered[] = [];
  for (const record of records) {
    if (record.kind === 'scheduled') batches.set(record.batch, record.block);
    if (record.kind !== 'completed' || record.atMs > untilMs) continue;
    const block = batches.get(record.batch);
    batches.delete(record.batch);
    if (!block || (digest !== undefined && !block.entries.some(({ id }) => id === digest))) continue;
    const landed = record.outcome.landed.filter(({ attempt }) => attempt > 0);
    const positions = new Set(landed.flatMap((one) => one.positions));
    deliveriesOf(block).forEach((delivery, position) => {
      if (!positions.has(position) || delivery.again !== undefined) return;
      if (digest !== undefined && delivery.id !== digest) return;
      delivered.push({ ...delivery, acceptedAtMs: block.acceptedAtMs });
    });
  }
  return delivered;
}

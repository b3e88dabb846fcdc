/** What a lane delivered before Temporal took it back: a run that a reset made does not remember it. Pure. */
import type { Landed } from './attempt.ts';
import type { BlockEntry } from './block.ts';
import type { LaneRecord } from './deliveryLog.ts';

export type DeliveredAt = { partition: number; broker: string; offset: number };

/** Adds to `known` where each event was delivered, by the digest of its id, as one run's history tells. */
export function noteDelivered(known: Map<string, DeliveredAt>, records: readonly LaneRecord[]): void {
  const batches = new Map<string, readonly BlockEntry[]>();
  for (const record of records) {
    if (record.kind === 'scheduled') batches.set(record.batch, record.block.entries);
    if (record.kind !== 'completed') continue;
    for (const { partition, broker, positions, offsets } of record.outcome.landed) {
      positions.forEach((position, n) => {
        const entry = batches.get(record.batch)?.[position];
        if (entry) known.set(entry.id, { partition, broker, offset: offsets[n] ?? -1 });
      });
    }
  }
}

/** Of these events those that were delivered, as no attempt of this batch: their positions, and where they lie. */
export function landedBefore(entries: readonly BlockEntry[], known: ReadonlyMap<string, DeliveredAt>): Landed[] {
  const landed = new Map<string, Landed>();
  entries.forEach(({ id }, position) => {
    const at = known.get(id);
    if (!at) return;
    const { partition, broker, offset } = at;
    const name = `${partition}@${broker}`;
    const same = landed.get(name) ?? { partition, broker, attempt: 0, positions: [], offsets: [] };
    same.positions.push(position);
    same.offsets.push(offset);
    landed.set(name, same);
  });
  return [...landed.values()];
}

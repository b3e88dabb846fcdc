/** What a lane settled before Temporal took it back: a run that a reset made does not remember it. Pure. */
import type { Landed } from './attempt.ts';
import type { BlockEntry } from './block.ts';
import type { LaneRecord } from './deliveryLog.ts';
import { isSelected } from './laneSignals.ts';

export type DeliveredAt = { partition: number; broker: string; offset: number };

type Named = Pick<BlockEntry, 'id' | 'again'>;
/** An event's digest, with the replay where it is its delivery for one: each is settled by itself. */
const nameOf = ({ id, again }: Named): string => (again ? `${id}@${again}` : id);
const digestIn = (name: string): string => name.split('@', 1)[0] ?? name;

/** Deliveries by their names. */
export type SettledBefore = {
  delivered: Map<string, DeliveredAt>;
  discarded: Set<string>;
  /** Dead letters at the end of the run that was read last, and the requests that its lane had followed. */
  parked: Set<string>;
  requests: Set<string>;
};

export const nothingSettled = (): SettledBefore => ({
  ...{ delivered: new Map(), discarded: new Set(), parked: new Set(), requests: new Set() },
});

/** Adds what one run's history tells; `parked` and `requests` must hold what the run before it left, or nothing. */
export function noteSettled(
  { delivered, discarded, parked, requests }: SettledBefore,
  records: readonly LaneRecord[],
): void {
  const batches = new Map<string, readonly BlockEntry[]>();
  for (const record of records) {
    if (record.kind === 'scheduled') batches.set(record.batch, record.block.entries);
    if (record.kind === 'replay' || record.kind === 'discard') {
      const { request } = record.selected;
      if (request !== undefined && requests.has(request)) continue; // The lane followed it once.
      if (request !== undefined) requests.add(request);
      const released = [...parked].filter((name) => isSelected(record.selected, digestIn(name)));
      for (const name of released) {
        parked.delete(name);
        if (record.kind === 'discard') discarded.add(name);
      }
    }
    if (record.kind === 'unread') for (const letter of record.letters) parked.add(nameOf(letter));
    if (record.kind !== 'completed') continue;
    const entries = batches.get(record.batch) ?? [];
    for (const { partition, broker, positions, offsets } of record.outcome.landed) {
      positions.forEach((position, n) => {
        const entry = entries[position];
        if (entry) delivered.set(nameOf(entry), { partition, broker, offset: offsets[n] ?? -1 });
      });
    }
    for (const { position } of record.outcome.refused) {
      const entry = entries[position];
      if (entry) parked.add(nameOf(entry));
    }
  }
}

type Known = { delivered: ReadonlyMap<string, DeliveredAt>; discarded: ReadonlySet<string> };

/** Of these events those that were delivered, as no attempt of this batch: their positions, and where they lie. */
export function landedBefore(entries: readonly Named[], { delivered }: Known): Landed[] {
  const landed = new Map<string, Landed>();
  entries.forEach((entry, position) => {
    const at = delivered.get(nameOf(entry));
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

/** Of these events those that someone gave up, and nobody delivered since: their positions. */
export const discardedBefore = (entries: readonly Named[], { delivered, discarded }: Known): number[] =>
  entries.flatMap((entry, position) => {
    const name = nameOf(entry);
    return discarded.has(name) && !delivered.has(name) ? [position] : [];
  });

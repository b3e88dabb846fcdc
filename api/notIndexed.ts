import { CausewayError } from '../domain/error.ts';

const dayMs = 24 * 60 * 60 * 1_000;

/**
 * Why the index may not have an event: not only since there was none. `indexDays`: for so long the index keeps the way from an event's
 * id to its lanes.
 */
export function whyNotIndexed(indexDays: number, nowMs = Date.now()): string {
  const first = new Date(nowMs - indexDays * dayMs).toISOString().slice(0, 10);
  return `It was never accepted for a destination (its POST was not answered 202, or no enabled destination of its customer took its type then); or it was accepted before ${first}, where the index of events ends (CAUSEWAY_EVENT_INDEX_DAYS), or while the store was away. Then its lane tells of it: causeway log <destination> --lane <lane>.`;
}

export const eventNotFound = (id: string, indexDays: number): CausewayError =>
  new CausewayError('event_not_found', `No event ${id} is known. ${whyNotIndexed(indexDays)}`);

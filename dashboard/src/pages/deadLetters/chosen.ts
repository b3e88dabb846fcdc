import type { DeadLetter } from '../../api/types.ts';

/** Names a dead letter: an event goes to several destinations, and each may have it parked. */
export const letterKey = ({ eventId, workflowId }: Pick<DeadLetter, 'eventId' | 'workflowId'>): string =>
  `${eventId} ${workflowId}`;

export type Chosen = ReadonlyMap<string, { letter: DeadLetter; page: number }>;

/** Without those that were chosen on this page of the list and are on it no more: somebody else has seen to them. */
export function stillThere(chosen: Chosen, rows: readonly DeadLetter[], page: number): Chosen {
  const there = new Set(rows.map(letterKey));
  const left = [...chosen].filter(([key, one]) => one.page !== page || there.has(key));
  return left.length === chosen.size ? chosen : new Map(left);
}

import type { Destination } from '../domain/destination.ts';
import { CausewayError } from '../domain/error.ts';
import type { DestinationRow } from './destinationRow.ts';
import type { LockedRow } from './destinationSql.ts';

/** A process's right to change the lanes of a destination, until it expires. */
export type LaneHold = { destinationId: string; until: Date };

export const changesLanes = (before: DestinationRow, next: Destination): boolean =>
  (before.lanes ?? 'key') !== next.ordering.lanes || before.partition_key !== next.partitionKey;

/** Throws `lanes_not_held` where the hold is none, or no more. */
export function checkHold(row: LockedRow, hold: LaneHold | undefined): void {
  if (hold && row.is_held && row.lanes_held_until?.getTime() === hold.until.getTime()) return;
  const remedy =
    'Lanes and partition key change only while the lanes are held, and the hold is missing or has expired.';
  throw new CausewayError('lanes_not_held', `${remedy} Send the change again.`);
}

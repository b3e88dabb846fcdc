import type { DeliveryState } from '../domain/lane.ts';
import { type DestinationRow, type StoredDestination, storedDestinationOf } from './destinationRow.ts';
import { containing, cursorOf, selectPage, seqOfCursor } from './destinationSql.ts';
import type { Database } from './pool.ts';

export type DestinationPage = { destinations: StoredDestination[]; nextCursor?: string };
export type ListOptions = {
  customerExternalId?: string | undefined;
  /** In name, topic, customer or id, whatever the case of letters. */
  search?: string | undefined;
  /** As the last sample of the lanes saw it. */
  state?: DeliveryState | undefined;
  limit: number;
  cursor?: string | undefined;
};

/** The newest first. Throws `cursor_invalid` for a cursor that no list gave. */
export async function listedPage(
  database: Database,
  { customerExternalId, search, state, limit, cursor }: ListOptions,
): Promise<DestinationPage> {
  const rows = await database.query<DestinationRow>(selectPage, [
    customerExternalId ?? null,
    cursor === undefined ? null : seqOfCursor(cursor),
    limit + 1,
    search === undefined ? null : containing(search),
    state ?? null,
  ]);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const destinations = page.map(storedDestinationOf);
  return rows.length > limit && last ? { destinations, nextCursor: cursorOf(last) } : { destinations };
}

import type { OpenDestination } from '../domain/destination.ts';
import { CausewayError } from '../domain/error.ts';
import type { StoredDestination } from '../store/destinationRow.ts';
import type { Destinations } from '../store/destinations.ts';

/** Anything else is asked of nobody: Postgres refuses some texts, NUL for one. */
const idForm = /^dst_[\w-]{1,64}$/;

/** Throws `destination_not_found`. */
export async function existing(destinations: Pick<Destinations, 'get'>, id: string): Promise<StoredDestination> {
  const found = idForm.test(id) ? await destinations.get(id) : undefined;
  if (!found) throw notFound(id);
  return found;
}

/** With its credentials. Throws `destination_not_found`. */
export async function openOf(destinations: Pick<Destinations, 'open'>, id: string): Promise<OpenDestination> {
  const opened = idForm.test(id) ? await destinations.open(id) : undefined;
  if (!opened || opened.deletedAt) throw notFound(id);
  return opened;
}

/** What is shown of an id: one of another form may be anything. */
const shownForm = /^[\w-]{1,64}$/;

/** Of an id that no destination has, or none that may be shown. */
export const notFound = (id: string): CausewayError => {
  const named = shownForm.test(id) ? `the id "${id}"` : 'this id, which is dst_ and letters, digits, _ and -';
  const remedy = `No destination has ${named}, or it was deleted. GET /v1/destinations lists those that there are.`;
  return new CausewayError('destination_not_found', remedy);
};

import type { Destination, Secrets } from '../domain/destination.ts';
import type { Sealed } from './destinationRow.ts';

const settingsOf = ({
  name,
  brokers,
  topic,
  enabled,
  eventTypes,
  partitionKey,
  ordering,
  onDeadLetter,
  auth,
  producer,
}: Destination) => ({
  ...{ name, brokers, topic, enabled, eventTypes, partitionKey, ordering, onDeadLetter, auth, producer },
});

/** Names of the fields in which a change differs from what was there, and of the secrets that it gives or erases: no values. */
export function changedFields(
  before: Destination,
  next: Destination,
  secrets: { readonly [field in keyof Secrets]?: string | null | undefined },
  sealed: Sealed,
): string[] {
  const old = new Map(Object.entries(settingsOf(before)));
  const changed = Object.entries(settingsOf(next)).filter(([name, value]) => !isSame(old.get(name), value));
  const had = new Map(Object.entries(sealed));
  const given = Object.entries(secrets).filter(([name, secret]) =>
    secret === null ? had.has(name) : secret !== undefined,
  );
  return [...changed.map(([name]) => name), ...given.map(([name]) => `auth.${name}`)];
}

/** Postgres keeps an object's names in an order of its own. */
const isSame = (a: unknown, b: unknown): boolean => textOf(a) === textOf(b);
const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );

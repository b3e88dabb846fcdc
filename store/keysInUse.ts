import { CausewayError } from '../domain/error.ts';
import type { Database } from './pool.ts';
import { hashKeyPlace, type Sealing, sealedForm } from './sealing.ts';

/** How many of the store's secrets one key seals. */
export type KeyInUse = { keyId: string; secrets: number };

/**
 * Every sealed text of the store, with its key and its place; deleted destinations are still delivered to. One whose form is damaged
 * names no key.
 */
const sealedInDestinations = `
  select d.id as destination_id, s.key as field, s.value as sealed, split_part(s.value, '.', 2) as key_id
  from destinations d, jsonb_each_text(d.sealed) s
  where s.value ~ '${sealedForm.source}'`;
const hashKey = `
  select '${hashKeyPlace.destinationId}' as destination_id, '${hashKeyPlace.field}' as field, sealed,
    split_part(sealed, '.', 2) as key_id
  from hash_key`;
const sealedTexts = `${sealedInDestinations} union all ${hashKey}`;

/** One damaged text says nothing of its key: so many are tried. */
const samplesPerKey = 5;

/** $1 how many of each key. */
const samplesOfEach = `
  select * from (
    select *, row_number() over (partition by key_id order by destination_id, field) as n from (${sealedInDestinations}) t
  ) ranked where n <= $1`;

type Sample = { destination_id: string; field: string; sealed: string; key_id: string };

/** By the number of secrets, the most first. */
export async function keysInUse(database: Database): Promise<KeyInUse[]> {
  const rows = await database.query<{ key_id: string; secrets: number }>(
    `select key_id, count(*)::integer as secrets from (${sealedTexts}) t group by key_id order by secrets desc, key_id`,
  );
  return rows.map(({ key_id, secrets }) => ({ keyId: key_id, secrets }));
}

/**
 * Sees that the ring opens what the store holds: a process that could not deliver for some destinations should not start.
 * Throws `secret_key_missing` or `secret_key_wrong`, each with all ids that are so.
 */
export async function checkKeys(database: Database, sealing: Sealing): Promise<void> {
  const inDestinations = await ifThere(database.query<Sample>(samplesOfEach, [samplesPerKey]));
  // It is one, and all lanes of hashed names need it: it is always opened.
  const hashKeys = await ifThere(database.query<Sample>(hashKey));
  const unopened = hashKeys.find((sample) => !opens(sealing, sample));
  const samples = [...inDestinations, ...hashKeys];
  const keyIds = [...new Set(samples.map(({ key_id }) => key_id))];
  // An id that is damaged names no key either; what is sealed under it opens all the same.
  const isOpened = (id: string): boolean => samples.every((sample) => sample.key_id !== id || opens(sealing, sample));
  const missing = keyIds.filter((id) => !sealing.hasKey(id) && !isOpened(id));
  if (missing.length > 0) {
    const remedy = `The store has secrets sealed with the key ${quoted(missing)}, and the key ring has no such key. Put it back, at the end of the ring.`;
    throw new CausewayError('secret_key_missing', remedy);
  }
  const wrong = keyIds.filter(
    (id) => id === unopened?.key_id || samples.every((sample) => sample.key_id !== id || !opens(sealing, sample)),
  );
  if (wrong.length > 0) {
    const remedy = `The key ring's key ${quoted(wrong)} is not the key that sealed the store's secrets under this id. Put that one back; a new key has a new id.`;
    throw new CausewayError('secret_key_wrong', remedy);
  }
}

/** A process may start before the store is migrated, or is migrated to our version: of a table that is not there nothing is opened. */
async function ifThere(samples: Promise<Sample[]>): Promise<Sample[]> {
  try {
    return await samples;
  } catch (error) {
    if (error instanceof CausewayError && error.code === 'store_not_migrated') return [];
    throw error;
  }
}

function opens(sealing: Sealing, { sealed, destination_id, field }: Sample): boolean {
  try {
    sealing.open(sealed, { destinationId: destination_id, field });
    return true;
  } catch {
    return false;
  }
}

const quoted = (ids: readonly string[]): string => ids.map((id) => `"${id}"`).join(' and ');

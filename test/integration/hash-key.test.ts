/** The store's part of hashed names: which destinations have them, and the key. */
import { randomBytes, randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hashAll } from '../../api/hashingKeys.ts';
import type { LanesOfDestination } from '../../api/laneChange.ts';
import type { NewDestination } from '../../store/destinationChange.ts';
import { migrate } from '../../store/migrate.ts';
import { openStore, type Store } from '../../store/store.ts';
import { newDatabase } from '../harness/database.ts';

const key = { id: 'k1', key: randomBytes(32) };
let own: Awaited<ReturnType<typeof newDatabase>>;
let pool: pg.Pool;
let store: Store;
beforeAll(async () => {
  own = await newDatabase();
  await migrate(own.databaseUrl);
  pool = new pg.Pool({ connectionString: own.databaseUrl, max: 2 });
  store = await openStore({ databaseUrl: own.databaseUrl, secretKeys: [key] });
});
afterAll(async () => {
  await store.close();
  await pool.end();
  await own.drop();
});

const settings = (): NewDestination => ({
  ...{ customerExternalId: `acct_${randomUUID()}`, type: 'KAFKA', name: 'n', brokers: ['b:9092'], topic: 't' },
  ...{ enabled: true, partitionKey: 'payload.id', eventTypes: ['*'], ordering: { lanes: 4 } },
  auth: { mode: 'SASL_PLAIN', tls: true, username: 'u' },
  producer: { lingerMs: 0, batchSizeBytes: 1_000, acks: 'all' },
  onDeadLetter: 'continue',
  secrets: { password: 'hunter2' },
});
/** A destination from before there was a key. */
async function clearDestination(): Promise<string> {
  const { id } = await store.destinations.create(settings());
  await pool.query('update destinations set hashes_keys = false where id = $1', [id]);
  return id;
}
async function heldOf(id: string) {
  const hold = await store.destinations.holdLanes(id, 30_000, { isToHash: true });
  if (!hold) throw new Error('The lanes are held by someone else.');
  return hold;
}
const quiet = { info: () => undefined, warn: () => undefined };
/** What moves destinations, in a world whose lanes hold that. */
const moving = (waiting: LanesOfDestination['waiting']) =>
  hashAll({ ...{ destinations: store.destinations, hashKey: store.hashKey }, lanes: { waiting }, logger: quiet });
const isHashed = async (id: string) => (await store.destinations.get(id))?.hashesKeys === true;

test('a destination moves at the version that was asked alone, once, and nobody changes it who read it before', async () => {
  const { destinations, hashKey } = store;
  await hashKey.agree(true);
  const id = await clearDestination();
  const read = await destinations.get(id);
  await destinations.update(id, { name: 'another' });
  const hold = await heldOf(id);
  const stale = destinations.hashKeys(hold, read?.version ?? 0);
  await expect(stale).rejects.toMatchObject({ code: 'lanes_not_held' });
  const { version } = await destinations.update(id, { name: 'a third' });
  await destinations.hashKeys(hold, version);
  expect(await isHashed(id)).toBe(true);
  const late = destinations.update(id, { name: 'late' }, { expectedVersion: version });
  await expect(late).rejects.toMatchObject({ code: 'version_conflict' });
  expect(await destinations.holdLanes(id, 30_000, { isToHash: true })).toBeUndefined();
  await expect(destinations.hashKeys(hold, version + 1)).rejects.toMatchObject({ code: 'lanes_not_held' });
});

test('the lanes that are asked before a destination moves are those that it has under the hold', async () => {
  await store.hashKey.agree(true);
  const id = await clearDestination();
  const asked: unknown[] = [];
  await moving(async (destination) => {
    if (destination.id !== id) return { events: 1, pausedLanes: 0 };
    asked.push(destination.ordering.lanes);
    // As another process changes them before the hold.
    if (asked.length === 1)
      await pool.query('update destinations set lanes = 8, version = version + 1 where id = $1', [id]);
    return { events: 0, pausedLanes: 0 };
  });
  expect(asked).toEqual([4, 8]);
  expect(await isHashed(id)).toBe(true);
});

test('a destination does not move while one of its lanes is paused', async () => {
  await store.hashKey.agree(true);
  const id = await clearDestination();
  await moving(async () => ({ events: 0, pausedLanes: 1 }));
  expect(await isHashed(id)).toBe(false);
});

test('all that have clear names are found, page by page', async () => {
  await store.hashKey.agree(true);
  const ids = [await clearDestination(), await clearDestination(), await clearDestination()];
  const found: string[] = [];
  for await (const id of store.hashKey.clearDestinations(2)) found.push(id);
  expect(found.filter((id) => ids.includes(id))).toEqual(ids);
});

test('keys are checked where there is no table of the hash key yet, and the hash key itself however much its key seals', async () => {
  const other = await newDatabase();
  const { databaseUrl } = other;
  await migrate(databaseUrl);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const checked = async (secretKeys: (typeof key)[]) => {
    const opened = await openStore({ databaseUrl, secretKeys });
    return await opened.checkKeys().finally(() => opened.close());
  };
  const first = await openStore({ databaseUrl, secretKeys: [key] });
  await first.hashKey.agree(true);
  for (let n = 0; n < 6; n++) await first.destinations.create(settings());
  await first.close();
  await checked([key]);
  // Sealed by another key of the same id: that of a store that was restored beside another ring.
  const { rows } = await client.query<{ sealed: string }>('select sealed from hash_key');
  await client.query(`update hash_key set sealed = left(sealed, -8) || 'AAAAAAAA'`);
  await expect(checked([key])).rejects.toMatchObject({ code: 'secret_key_wrong' });
  await client.query('update hash_key set sealed = $1', [rows[0]?.sealed]);
  await client.query('drop table hash_key');
  await checked([key]);
  const another = { id: 'k2', key: randomBytes(32) };
  await expect(checked([another])).rejects.toMatchObject({ code: 'secret_key_missing' });
  await client.end();
  await other.drop();
});

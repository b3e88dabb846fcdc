import { randomBytes, randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NewDestination } from '../../store/destinationChange.ts';
import { destinationsPerCustomerMax } from '../../store/destinations.ts';
import { ensurePartitions } from '../../store/eventIndexPartitions.ts';
import { migrate } from '../../store/migrate.ts';
import { Database } from '../../store/pool.ts';
import { openStore, type Store } from '../../store/store.ts';
import { newDatabase } from '../harness/database.ts';
import { until } from '../harness/until.ts';

const newKey = (id: string) => ({ id, key: randomBytes(32) });
const key = newKey('k1');
let own: Awaited<ReturnType<typeof newDatabase>>;
let pool: pg.Pool;
let store: Store;
beforeAll(async () => {
  own = await newDatabase();
  await migrate(own.databaseUrl);
  pool = new pg.Pool({ connectionString: own.databaseUrl, max: 4 });
  store = await openStore({ databaseUrl: own.databaseUrl, secretKeys: [key], eventIndexDays: 30 });
});
afterAll(async () => {
  await store.close();
  await pool.end();
  await own.drop();
});

describe('migrations', () => {
  test('are applied once when several processes begin at the same time, and not again', async () => {
    const { databaseUrl, drop } = await newDatabase();
    await Promise.all([1, 2, 3, 4, 5].map(() => migrate(databaseUrl)));
    await migrate(databaseUrl);
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    const { rows } = await client.query<{ name: string }>('select name from schema_migrations order by name');
    await client.end();
    await drop();
    const files = await readdir(new URL('../../store/migrations/', import.meta.url));
    expect(rows.map(({ name }) => name)).toEqual(files.toSorted());
  });

  test('that are missing are named, and so is a database that is not there, without its password', async () => {
    const { databaseUrl, drop } = await newDatabase();
    const empty = await openStore({ databaseUrl, secretKeys: [key] });
    await expect(empty.destinations.get('dst_x')).rejects.toMatchObject({ code: 'store_not_migrated' });
    await empty.close();
    await drop();
    const refused = await migrate(databaseUrl).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'store_unreachable', remedy: expect.stringContaining('check DATABASE_URL') });
    expect(String(refused)).not.toContain(`:${new URL(databaseUrl).password}@`);
  });
});

const settings = (overrides: Partial<NewDestination> = {}): NewDestination => ({
  customerExternalId: `acct_${randomUUID()}`,
  type: 'KAFKA',
  name: 'test',
  brokers: ['b:9092'],
  topic: 't',
  partitionKey: 'customerExternalId',
  eventTypes: ['*'],
  enabled: true,
  auth: { mode: 'SASL_PLAIN', tls: true, username: 'u' },
  producer: { lingerMs: 0, batchSizeBytes: 1_000, acks: 'all' },
  ordering: { lanes: 'key' },
  onDeadLetter: 'continue',
  secrets: { password: 'secret' },
  ...overrides,
});

describe('the secrets of a destination', () => {
  test('are there for whoever opens it, and changes are', async () => {
    const { id } = await store.destinations.create(settings());
    expect((await store.destinations.open(id))?.secrets).toEqual({ password: 'secret' });
    await store.destinations.update(id, { secrets: { password: null, clientSecret: 'other' } });
    expect((await store.destinations.open(id))?.secrets).toEqual({ clientSecret: 'other' });
  });

  test('do not open once they were moved to another destination', async () => {
    const [from, to] = await Promise.all([
      store.destinations.create(settings()),
      store.destinations.create(settings()),
    ]);
    await pool.query('update destinations set sealed = (select sealed from destinations where id = $1) where id = $2', [
      from.id,
      to.id,
    ]);
    await until(
      'the change to be heard',
      () => store.destinations.open(to.id).then(String, (error: { code: string }) => error.code),
      (seen) => seen === 'secret_unreadable',
    );
  });

  test('name the key that is missing, and open again when it is back beside a new one', async () => {
    const { id } = await store.destinations.create(settings());
    const withKeys = async <T>(secretKeys: (typeof key)[], use: (other: Store) => Promise<T>): Promise<T> => {
      const other = await openStore({ databaseUrl: own.databaseUrl, secretKeys });
      return await use(other).finally(() => other.close());
    };
    const young = newKey('k2');
    const lost = withKeys([young], (other) => other.destinations.open(id));
    await expect(lost).rejects.toMatchObject({ code: 'secret_key_missing', remedy: expect.stringContaining('"k1"') });
    const opened = await withKeys([young, key], (other) => other.destinations.open(id));
    expect(opened?.secrets).toEqual({ password: 'secret' });
  });
});

describe('a destination', () => {
  test('that was deleted takes no events, and opens for those that it has', async () => {
    const { id, customerExternalId } = await store.destinations.create(settings());
    expect(await store.destinations.forCustomer(customerExternalId)).toHaveLength(1);
    await store.destinations.remove(id);
    expect(await store.destinations.forCustomer(customerExternalId)).toEqual([]);
    expect(await store.destinations.get(id)).toBeUndefined();
    expect(await store.destinations.open(id)).toMatchObject({ id, deletedAt: expect.any(String) });
    expect(await store.destinations.open('dst_never')).toBeUndefined();
  });

  test('is one of at most 100 of its customer', async () => {
    const customerExternalId = `acct_${randomUUID()}`;
    for (let n = 0; n < destinationsPerCustomerMax; n++)
      await store.destinations.create(settings({ customerExternalId }));
    const more = store.destinations.create(settings({ customerExternalId }));
    await expect(more).rejects.toMatchObject({ code: 'too_many_destinations' });
    expect(await store.destinations.forCustomer(customerExternalId)).toHaveLength(100);
  });
});

describe('the lanes of a destination', () => {
  test.each([{ ordering: { lanes: 4 } }, { partitionKey: 'payload.id' }])(
    'are changed by whoever holds them, once: %j',
    async (change) => {
      const { destinations } = store;
      const { id } = await destinations.create(settings());
      await expect(destinations.update(id, change)).rejects.toMatchObject({ code: 'lanes_not_held' });
      const hold = await destinations.holdLanes(id, 30_000);
      expect(await destinations.holdLanes(id, 30_000)).toBeUndefined();
      expect(await destinations.update(id, change, { hold })).not.toHaveProperty('lanesHeldUntil');
      const again = destinations.update(id, settings(), { hold });
      await expect(again).rejects.toMatchObject({ code: 'lanes_not_held' });
    },
  );

  test('are not changed with a hold that has run out or was released', async () => {
    const { destinations } = store;
    const { id } = await destinations.create(settings());
    const short = await destinations.holdLanes(id, 1);
    await until('the short hold to run out', () => Date.now() > (short?.until.getTime() ?? 0) + 1);
    await expect(destinations.update(id, { ordering: { lanes: 4 } }, { hold: short })).rejects.toMatchObject({
      code: 'lanes_not_held',
    });
    const hold = await until('the next hold', () => destinations.holdLanes(id, 30_000));
    if (hold) await destinations.releaseLanes(hold);
    const change = destinations.update(id, { ordering: { lanes: 4 } }, { hold });
    await expect(change).rejects.toMatchObject({ code: 'lanes_not_held' });
  });
});

describe('the event index', () => {
  const eventId = (): string => randomBytes(16).toString('base64url');
  const row = (id: string, lane: string, runId: string = randomUUID()) => ({ eventId: id, workflowId: lane, runId });

  test('finds each lane of an event with the run that took it first', async () => {
    const [id, other] = [eventId(), eventId()];
    const first = row(id, 'delivery:a:1');
    await store.eventIndex.add([first, row(other, 'delivery:a:1')]);
    const later = row(id, 'delivery:b:1');
    await store.eventIndex.add([row(id, 'delivery:a:1'), later, first]); // The POST sent again.
    const found = await store.eventIndex.find(id);
    expect(found.map(({ workflowId, runId }) => ({ workflowId, runId }))).toEqual(
      [first, later].map(({ workflowId, runId }) => ({ workflowId, runId })),
    );
    expect(await store.eventIndex.find(eventId())).toEqual([]);
    expect(await store.eventIndex.find('no id')).toEqual([]);
  });

  test('knows which lanes of a destination took events lately, by an index of times that every day has', async () => {
    const before = new Date();
    const lanes = ['delivery:dst_x:1', 'delivery:dst_x:2', 'delivery:dst_x:2', 'delivery:dst_xy:1'];
    await store.eventIndex.add(lanes.map((lane) => row(eventId(), lane)));
    const since = (time: Date, limit = 10) => store.eventIndex.lanesSince('dst_x', time, limit);
    expect((await since(before)).toSorted()).toEqual(['delivery:dst_x:1', 'delivery:dst_x:2']);
    expect(await since(before, 1)).toHaveLength(1);
    expect(await since(new Date(Date.now() + 60_000))).toEqual([]);
    const { rows } = await pool.query<{ days: number; indexed: number }>(`
      select count(*)::int as days, count(*) filter (where exists (
        select from pg_indexes where tablename = relid::regclass::text and indexdef like '%brin (accepted_at, workflow_id text_bloom_ops%'))::int as indexed
      from pg_partition_tree('event_index') where isleaf`);
    expect(rows[0]?.indexed).toBe(rows[0]?.days);
  });

  test('keeps every row of many calls at once', async () => {
    const rows = Array.from({ length: 2_000 }, (_, n) => row(eventId(), `delivery:many:${n % 7}`));
    await Promise.all(rows.map((one) => store.eventIndex.add([one])));
    const { rows: found } = await pool.query<{ event_id: string; workflow_id: string; run_id: string }>(
      `select event_id, workflow_id, run_id from event_index where workflow_id like 'delivery:many:%'`,
    );
    const asStored = rows.map(({ eventId: id, workflowId, runId }) =>
      [Buffer.from(id, 'base64url').toString('hex'), workflowId, runId].join(),
    );
    expect(found.map((one) => [one.event_id.replaceAll('-', ''), one.workflow_id, one.run_id].join()).sort()).toEqual(
      asStored.sort(),
    );
  });

  test('refuses a row that is none, and keeps the others of other calls', async () => {
    const good = row(eventId(), 'delivery:a:1');
    const [bad, kept] = await Promise.allSettled([
      store.eventIndex.add([row('short', 'delivery:a:1')]),
      store.eventIndex.add([good]),
    ]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'index_row_invalid' } });
    expect(kept.status).toBe('fulfilled');
    expect(await store.eventIndex.find(good.eventId)).toHaveLength(1);
  });

  test('forgets whole days, and no others', async () => {
    const database = new Database(pool, own.databaseUrl);
    const monday = new Date('2026-01-05T12:00:00Z');
    await ensurePartitions(database, monday); // To Thursday.
    const [old, young] = [eventId(), eventId()];
    const insert = `insert into event_index (event_id, run_id, accepted_at, accepted_on, workflow_id)
      values (encode(decode($1, 'hex'), 'hex')::uuid, gen_random_uuid(), $2::date, $2::date, 'delivery:a:1')`;
    await pool.query(insert, [Buffer.from(old, 'base64url').toString('hex'), '2026-01-05']);
    await pool.query(insert, [Buffer.from(young, 'base64url').toString('hex'), '2026-01-07']);
    const today = row(eventId(), 'delivery:a:1');
    await store.eventIndex.add([today]);

    const dropped = await store.eventIndex.dropBefore(new Date('2026-01-07T23:59:59Z'));
    expect(dropped.toSorted()).toEqual(['event_index_20260105', 'event_index_20260106']);
    const found = await Promise.all([old, young, today.eventId].map((id) => store.eventIndex.find(id)));
    expect(found.map((lanes) => lanes.length)).toEqual([0, 1, 1]);
  });

  test('makes the partitions of the next days once, though several processes begin at once', async () => {
    const database = new Database(pool, own.databaseUrl);
    const day = new Date('2027-03-01T00:00:00Z');
    await Promise.all([1, 2, 3].map(() => ensurePartitions(database, day)));
    const { rows } = await pool.query<{ name: string }>(
      `select relid::regclass::text as name from pg_partition_tree('event_index') where relid::regclass::text like '%_2027%'`,
    );
    expect(rows.map(({ name }) => name).sort()).toEqual([1, 2, 3, 4].map((n) => `event_index_2027030${n}`));
  });
});

test('a sample is kept though a text in it is none that jsonb takes: one customer’s broker can’t stop the numbers of all', async () => {
  await store.numbers.takeTurn('tester', 1_000);
  const lanes = { Waiting: 1, Suspended: 0, Parked: 0, Paused: 0, Delivering: 0 };
  const seen = { lanes, deadLetters: 0, suspendedDestinations: 0, isWhole: true };
  const error = { name: 'TOKEN_REFUSED', message: 'it said \u0000 and \ud83d' };
  const sick = { destinationId: 'dst_sick', state: 'Waiting', deadLetters: 0, lanes: { Waiting: 1 }, error } as const;
  await store.numbers.keep(seen, [sick, { ...sick, destinationId: 'dst_other', error: undefined }]);
  const kept = await store.numbers.health(['dst_sick', 'dst_other']);
  expect([kept.size, kept.get('dst_sick')?.error]).toEqual([2, { ...error, message: 'it said   and \ufffd' }]);
});

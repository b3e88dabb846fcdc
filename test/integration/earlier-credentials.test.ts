/** Who may still send with credentials that were replaced, as Postgres keeps it. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { migrate } from '../../store/migrate.ts';
import { openStore, type Store } from '../../store/store.ts';
import { newDatabase } from '../harness/database.ts';

let own: Awaited<ReturnType<typeof newDatabase>>;
let client: pg.Client;
let store: Store;
let id: string;
beforeAll(async () => {
  own = await newDatabase();
  await migrate(own.databaseUrl);
  client = new pg.Client({ connectionString: own.databaseUrl });
  await client.connect();
  store = await openStore({
    databaseUrl: own.databaseUrl,
    secretKeys: [{ id: 'k1', key: randomBytes(32) }],
  });
});
afterAll(async () => {
  await store.close();
  await client.end();
  await own.drop();
});
beforeEach(async () => {
  await client.query('delete from workers');
  ({ id } = await store.destinations.create({
    ...{ customerExternalId: 'acct', type: 'KAFKA', name: 'n', brokers: ['b:9092'], topic: 't', enabled: true },
    ...{ partitionKey: 'customerExternalId', eventTypes: ['*'], ordering: { lanes: 'key' } },
    auth: { mode: 'SASL_PLAIN', tls: true, username: 'u' },
    producer: { lingerMs: 0, batchSizeBytes: 1_000, acks: 'all' },
    onDeadLetter: 'continue',
    secrets: { password: 'first' },
  }));
});

const rotate = (password: string) => store.destinations.update(id, { secrets: { password } });
const workersWithEarlier = async (): Promise<number | undefined> =>
  (await store.destinations.get(id))?.earlierCredentials?.workers;

test('each worker that runs is counted until it says that it has let go; a change of anything else counts none', async () => {
  const { earlierCredentials: workers } = store;
  expect([await workers.renew('a'), await workers.renew('b')]).toEqual([[], []]);
  await store.destinations.update(id, { name: 'another' });
  expect(await workersWithEarlier()).toBeUndefined();
  const { version, earlierCredentials } = await rotate('second');
  expect(earlierCredentials).toEqual({ replacedAt: expect.stringMatching(/^\d{4}-.*Z$/), workers: 2 });
  expect(await workers.renew('a')).toEqual([{ destinationId: id, beforeVersion: version }]);
  await workers.letGo('a', { destinationId: id, beforeVersion: version });
  expect([await workersWithEarlier(), await workers.renew('a')]).toEqual([1, []]);
  await workers.letGo('b', { destinationId: id, beforeVersion: version });
  expect(await workersWithEarlier()).toBeUndefined();
});

test('credentials that were replaced once more meanwhile are not taken for let go of', async () => {
  const { earlierCredentials: workers } = store;
  await workers.renew('a');
  const second = await rotate('second');
  const third = await rotate('third');
  await workers.letGo('a', { destinationId: id, beforeVersion: second.version });
  expect(await workers.renew('a')).toEqual([{ destinationId: id, beforeVersion: third.version }]);
  expect(await workersWithEarlier()).toBe(1);
});

test('a worker that has died or ended keeps nothing, and one that is back begins anew', async () => {
  const { earlierCredentials: workers } = store;
  for (const worker of ['dead', 'ended', 'alive']) await workers.renew(worker);
  await rotate('second');
  await workers.leave('ended');
  expect(await workersWithEarlier()).toBe(2);
  await client.query(`update workers set until = now() - interval '1 second' where id = 'dead'`);
  expect(await workersWithEarlier()).toBe(1);
  await workers.renew('alive');
  const { rows } = await client.query('select worker_id from earlier_credentials');
  expect(rows).toEqual([{ worker_id: 'alive' }]);
  expect(await workers.renew('dead')).toEqual([]);
});

test('the earlier secrets are nowhere in the database once they are replaced', async () => {
  await store.earlierCredentials.renew('a');
  const sealedNow = async (): Promise<string> =>
    (await client.query<{ sealed: string }>('select sealed::text as sealed from destinations where id = $1', [id]))
      .rows[0]?.sealed ?? '';
  const { password: before } = JSON.parse(await sealedNow());
  await rotate('second');
  const tables = await client.query<{ name: string }>(
    `select quote_ident(tablename) as name from pg_tables where schemaname = 'public'`,
  );
  let text = '';
  for (const { name } of tables.rows) text += JSON.stringify((await client.query(`select * from ${name}`)).rows);
  expect([text.includes(before), text.includes(id)]).toEqual([false, true]);
});

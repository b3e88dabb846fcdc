/** Who may still send with credentials that were replaced, as Postgres keeps it. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ProducerPool } from '../../activities/kafka/producerPool.ts';
import { Probing } from '../../activities/probing.ts';
import { ConnectionTests } from '../../api/connectionTests.ts';
import { LettingGo, type LettingGoOptions } from '../../store/lettingGo.ts';
import { migrate } from '../../store/migrate.ts';
import { openStore, type Store } from '../../store/store.ts';
import { newDatabase } from '../harness/database.ts';
import { answering } from '../harness/hostileServers.ts';
import { until } from '../harness/until.ts';

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
  id = await newDestination();
});

const newDestination = async (): Promise<string> => {
  const { id: made } = await store.destinations.create({
    ...{ customerExternalId: 'acct', type: 'KAFKA', name: 'n', brokers: ['b:9092'], topic: 't', enabled: true },
    ...{ partitionKey: 'customerExternalId', eventTypes: ['*'], ordering: { lanes: 'key' } },
    auth: { mode: 'SASL_PLAIN', tls: true, username: 'u' },
    producer: { lingerMs: 0, batchSizeBytes: 1_000, acks: 'all' },
    onDeadLetter: 'continue',
    secrets: { password: 'first' },
  });
  return made;
};
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

test('a worker that was cut off for half a minute may still send with them, and counts', async () => {
  await store.earlierCredentials.renew('a');
  await client.query(`update workers set until = until - interval '30 seconds'`);
  await rotate('second');
  expect(await workersWithEarlier()).toBe(1);
});

test('credentials are replaced, though a worker ends in that very moment', async () => {
  for (const worker of ['ending', 'alive']) await store.earlierCredentials.renew(worker);
  await client.query('begin');
  await client.query(`delete from workers where id = 'ending'`);
  const rotated = rotate('second');
  const isWaiting = async (): Promise<boolean> =>
    (await client.query(`select 1 from pg_locks where not granted`)).rows.length > 0;
  await until('it to wait for that', isWaiting, (waits) => waits);
  await client.query('commit');
  await rotated;
  expect(await workersWithEarlier()).toBe(1);
});

test('a worker that begins while they are being replaced has the new ones, or is counted', async () => {
  const { earlierCredentials: workers } = store;
  const locksWaitedFor = async (): Promise<number> => {
    const ofThis = 'database = (select oid from pg_database where datname = current_database())';
    return (await client.query(`select 1 from pg_locks where not granted and ${ofThis}`)).rows.length;
  };
  await client.query('begin');
  await client.query('lock table destinations in share mode'); // Who runs is read by then; the change itself can't be written.
  const rotated = rotate('second');
  await until('the change to wait', locksWaitedFor, (count) => count === 1);
  let opened: number | undefined;
  const begun = workers.renew('late').then(async () => {
    opened = (await store.destinations.open(id))?.version;
  });
  const hasGoneOn = async (): Promise<boolean> => opened !== undefined || (await locksWaitedFor()) > 1;
  await until('the worker to have begun, or to wait', hasGoneOn, (has) => has);
  await client.query('commit');
  const { version } = await rotated;
  await begun;
  expect([opened === version, await workersWithEarlier()]).toEqual([true, undefined]);
});

function untilOver(): { promise: Promise<void>; over: () => void } {
  let over = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    over = resolve;
  });
  return { promise, over };
}

describe('a worker', () => {
  const logger = pino({ level: 'silent' });
  const told: unknown[] = [];
  const lettingGo = (users: LettingGoOptions['users']) => {
    const { earlierCredentials, destinations } = store;
    const tellKeeper: LettingGoOptions['tellKeeper'] = async (...of) => void told.push(of);
    return new LettingGo({ earlierCredentials, destinations, users, tellKeeper, logger });
  };
  const opened = async () => {
    const found = await store.destinations.open(id);
    if (!found) throw new Error('The destination is not there.');
    return found;
  };
  const pool = new ProducerPool();
  afterAll(() => pool.close());

  test('runs only once Postgres has taken that it does', async () => {
    await client.query('alter table workers rename to workers_elsewhere');
    const worker = lettingGo([pool]);
    let isStarted = false;
    const starting = worker.start().then(() => {
      isStarted = true;
    });
    await expect(store.earlierCredentials.renew('another')).rejects.toMatchObject({ code: 'store_not_migrated' });
    expect(isStarted).toBe(false);
    await client.query('alter table workers_elsewhere rename to workers');
    await starting;
    await rotate('second');
    expect(await workersWithEarlier()).toBe(1);
    await worker.stop();
  });

  test('that has let go tells the keeper of the new ones: the API may have died before it could', async () => {
    const worker = lettingGo([pool]);
    await worker.start();
    const { version } = await rotate('second');
    await until('it to be let go of', workersWithEarlier, (workers) => workers === undefined);
    await worker.stop();
    expect(told).toContainEqual([id, version]);
  });

  test('that can open one destination no more still lets go of the others', async () => {
    const other = await newDestination();
    const worker = lettingGo([pool]);
    await worker.start();
    for (const one of [id, other]) await store.destinations.update(one, { secrets: { password: 'second' } });
    await client.query(`update destinations set sealed = '{"password": "v1.k0.AAAA"}' where id = $1`, [id]);
    const noted = async () =>
      (await client.query<{ destination_id: string }>('select destination_id from earlier_credentials')).rows;
    await until('one to be let go of', noted, (rows) => rows.length < 2);
    expect(await noted()).toEqual([{ destination_id: id }]);
    await worker.stop();
  });

  test('that probes a destination with earlier credentials has not let go of them', async () => {
    const probing = new Probing();
    const worker = lettingGo([pool, probing]);
    await worker.start();
    const before = await opened();
    const { promise, over } = untilOver();
    const probe = probing.during(id, (has) => {
      has(before.version);
      return promise;
    });
    await rotate('second');
    const { version } = await opened();
    expect([probing.hasLetGoBefore({ id, version }), probing.hasLetGoBefore(before)]).toEqual([false, true]);
    expect(await workersWithEarlier()).toBe(1);
    over();
    await probe;
    await until('it to be let go of', workersWithEarlier, (workers) => workers === undefined);
    await worker.stop();
  });

  test('that is an API has let go of earlier credentials once the connection tests that it began with them are over', async () => {
    const silent = await answering(() => undefined); // It lets nobody in: the test lasts as long as one may.
    const { version } = await store.destinations.update(id, {
      brokers: [silent.address],
      secrets: { password: 'first' },
    });
    const tests = new ConnectionTests();
    const api = lettingGo([tests]);
    await api.start();
    let isOver = false;
    const testing = tests
      .ofStored(store.destinations, id, (opened) => tests.run({ ...opened, allowPrivate: true }, false))
      .finally(() => {
        isOver = true;
      });
    const first = await opened();
    const hasLetGo = (before: number): boolean => tests.hasLetGoBefore({ ...first, version: before });
    const hasBegun = async (): Promise<boolean> => hasLetGo(version) && !hasLetGo(version + 1);
    await until('the test to have begun', hasBegun, (has) => has);
    await rotate('second');
    const seen = await until(
      'it to be let go of',
      async () => ({ isOver, count: await workersWithEarlier() }),
      ({ count }) => count === undefined,
    );
    expect(seen.isOver).toBe(true);
    expect((await testing).passed).toBe(false);
    await api.stop();
    await silent.stop();
  });
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

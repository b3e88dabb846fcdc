/** Searches of the store with as many rows as a large Causeway has. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate } from '../../store/migrate.ts';
import { openStore, type Store } from '../../store/store.ts';
import { newDatabase } from '../harness/database.ts';

const destinationsCount = 10_000;
const events = 400_000;
/** Generous: the machine is busy. In the decisions are the figures of a quiet one. */
const answersInMs = 2_000;

let own: Awaited<ReturnType<typeof newDatabase>>;
let client: pg.Client;
let store: Store;
beforeAll(async () => {
  own = await newDatabase();
  await migrate(own.databaseUrl);
  client = new pg.Client({ connectionString: own.databaseUrl });
  await client.connect();
  const key = { id: 'k1', key: randomBytes(32) };
  store = await openStore({ databaseUrl: own.databaseUrl, secretKeys: [key], eventIndexDays: 30 });
  // The first day's partitions; then rows of 40 seconds, in the order of their time, of all destinations in turn.
  await store.eventIndex.add([
    { eventId: randomBytes(16).toString('base64url'), workflowId: 'delivery:x:y', runId: runOf(0) },
  ]);
  await client.query(
    `insert into destinations (id, customer_external_id, type, name, enabled, event_types, partition_key, on_dead_letter, config, sealed)
     select 'dst_' || n, 'acct_' || n / 2, 'KAFKA', 'Production ' || n, true, '{*}', 'customerExternalId', 'continue',
       jsonb_build_object('topic', 'orders.' || n % 500, 'brokers', '[]'::jsonb, 'auth', '{}'::jsonb, 'producer', '{}'::jsonb), '{}'
     from generate_series(1, $1::int) as n`,
    [destinationsCount],
  );
  await client.query(
    `insert into event_index (event_id, run_id, accepted_at, accepted_on, workflow_id)
     select gen_random_uuid(), gen_random_uuid(), date_trunc('milliseconds', at), (at at time zone 'utc')::date, 'delivery:dst_' || 1 + n % $2::int || ':k' || n % 7
     from (select n, now() - ($1::int - n) * interval '0.1 millisecond' as at from generate_series(1, $1::int) as n) as rows`,
    [events, destinationsCount],
  );
  await client.query(`select brin_summarize_new_values(c.oid) from pg_class c join pg_index i on i.indexrelid = c.oid
    join pg_am a on a.oid = c.relam where a.amname = 'brin' and c.relkind = 'i'`);
  // As bad as it can be for the filters: no two rows of one lane or destination.
  await client.query(
    `insert into event_index (event_id, run_id, accepted_at, accepted_on, workflow_id)
     select gen_random_uuid(), gen_random_uuid(), now(), (now() at time zone 'utc')::date, 'delivery:other_' || n || ':k' || n
     from generate_series(1, 30000) as n`,
  );
  await client.query('analyze');
}, 180_000);
afterAll(async () => {
  await client?.end();
  await store?.close();
  await own?.drop();
});

const runOf = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

async function timed<T>(work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await work();
  expect(performance.now() - startedAt).toBeLessThan(answersInMs);
  return result;
}

test('a search among 10,000 destinations finds them by a part of name, topic, customer or id, page by page', async () => {
  const found = async (search: string): Promise<string[]> => {
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await timed(() => store.destinations.list({ search, cursor, limit: 100 }));
      ids.push(...page.destinations.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    return ids;
  };
  expect(await found('production 4711')).toEqual(['dst_4711']);
  expect(await found('ORDERS.499')).toHaveLength(20);
  expect((await found('acct_321')).slice(-2)).toEqual(['dst_643', 'dst_642']);
  expect(await found('dst_10000')).toEqual(['dst_10000']);
  expect(await found('100%')).toEqual([]);
  expect(await found('dst_7_')).toEqual([]);
});

test('the events of one lane and of one destination are found among 400,000 of 10,000, whole and in order', async () => {
  const all = async (where: { workflowId: string } | { destinationIds: string[] }) => {
    const found: { acceptedAt: Date; workflowId: string }[] = [];
    let before: Awaited<ReturnType<typeof store.eventIndex.recent>>['next'];
    do {
      const page = await timed(() => store.eventIndex.recent(where, { limit: 10, before }));
      found.push(...page.events);
      before = page.next;
    } while (before);
    return found;
  };
  const ofDestination = await all({ destinationIds: ['dst_4711'] });
  expect(ofDestination).toHaveLength(events / destinationsCount);
  const times = ofDestination.map(({ acceptedAt }) => acceptedAt.getTime());
  expect(times).toEqual(times.toSorted((a, b) => b - a));
  const { workflowId = '' } = ofDestination[0] ?? {};
  expect(await all({ workflowId })).toEqual(ofDestination.filter((one) => one.workflowId === workflowId));
  expect(await all({ destinationIds: ['dst_1', 'dst_2', 'dst_3'] })).toHaveLength(3 * (events / destinationsCount));
  expect(await all({ workflowId: 'delivery:dst_1:none' })).toEqual([]);
});

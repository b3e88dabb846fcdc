import { createHash } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newApiKey } from '../../dev/programs.ts';
import type { TestApi } from '../harness/api.ts';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';

/** DESIGN.md: what one API process changed, the others use within a second. */
const withinMs = 1_000;
/** Two of the API and a worker: each hears of changes. */
const processes = 3;

let causeway: Causeway;
let other: TestApi;
let database: pg.Client;
beforeAll(async () => {
  causeway = await startCauseway();
  other = await causeway.anotherApi();
  database = new pg.Client({ connectionString: causeway.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await causeway.stop();
});

/** To how many destinations the other process takes an event of this customer. */
async function deliveriesOf(customerExternalId: string): Promise<number> {
  const { status, text, body } = await other.post({ eventType: 'order.shipped', customerExternalId, payload: {} });
  if (status !== 202) throw new Error(`${status}: ${text}`);
  return (body as { deliveries: unknown[] }).deliveries.length;
}

/** Expects that the other process sees so many destinations within a second from now. */
const expectSoon = (customerExternalId: string, deliveries: number): Promise<number> =>
  until(
    `${deliveries} deliveries`,
    () => deliveriesOf(customerExternalId),
    (seen) => seen === deliveries,
    withinMs,
  );

const change = (id: string, method: string, body?: unknown) =>
  causeway.api.request(method, `/v1/destinations/${id}`, body);

/** Created, changed, disabled, enabled and deleted in one process, each seen in the other. */
async function expectEveryChangeSoon(): Promise<void> {
  const { id, customerExternalId } = await causeway.createDestination({ topic: 'nowhere', eventTypes: ['invoice.*'] });
  expect(await deliveriesOf(customerExternalId)).toBe(0); // Now the other process has it in memory.
  await change(id, 'PATCH', { eventTypes: ['order.*'] });
  await expectSoon(customerExternalId, 1);
  await change(id, 'PATCH', { enabled: false });
  await expectSoon(customerExternalId, 0);
  await change(id, 'PATCH', { enabled: true });
  await expectSoon(customerExternalId, 1);
  await causeway.createDestination({ customerExternalId, topic: 'nowhere' });
  await expectSoon(customerExternalId, 2);
  await change(id, 'DELETE');
  await expectSoon(customerExternalId, 1);
}

const listeners = async (): Promise<number[]> => {
  const { rows } = await database.query<{ pid: number }>(
    `select pid from pg_stat_activity where application_name = 'causeway-changes' and datname = current_database()`,
  );
  return rows.map(({ pid }) => pid);
};

async function cutListeners(): Promise<number> {
  const pids = await listeners();
  await database.query('select pg_terminate_backend(pid) from unnest($1::int[]) as pid', [pids]);
  return pids.length;
}

/** When the first event was sent that came to this topic, of those sent one after the other, each once the one before has come. */
async function sentWhenFirstAt(customerExternalId: string, topics: { before: string; now: string }): Promise<number> {
  const there = async () => ({
    before: (await causeway.kafka.records(topics.before)).length,
    now: (await causeway.kafka.records(topics.now)).length,
  });
  for (;;) {
    const last = await there();
    const sentAtMs = performance.now();
    await deliveriesOf(customerExternalId);
    const came = await until('the event to come', there, ({ before, now }) => before > last.before || now > last.now);
    if (came.now > last.now) return sentAtMs;
  }
}

test('what an API process changed, a worker that has delivered to the destination uses within a second', async () => {
  const { id, customerExternalId, topic: before } = await causeway.createDestination();
  const now = await causeway.kafka.newTopic();
  await deliveriesOf(customerExternalId);
  await until(
    'the worker to deliver',
    () => causeway.kafka.records(before),
    ({ length }) => length === 1,
  );
  const changedAtMs = performance.now();
  await change(id, 'PATCH', { topic: now });
  expect((await sentWhenFirstAt(customerExternalId, { before, now })) - changedAtMs).toBeLessThan(withinMs);
});

describe('what one API process changed, another one uses within a second', () => {
  test('with destinations', expectEveryChangeSoon);

  test('with API keys', async () => {
    const key = newApiKey();
    const status = async () =>
      (await other.request('GET', '/v1/destinations', undefined, { authorization: `Bearer ${key}` })).status;
    const soon = (wanted: number) => until(`status ${wanted}`, status, (seen) => seen === wanted, withinMs);
    expect(await status()).toBe(401);
    const digest = createHash('sha256').update(key).digest();
    await database.query('insert into api_keys (digest, name) values ($1, $2)', [digest, 'second']);
    await soon(200);
    await database.query('delete from api_keys where digest = $1', [digest]);
    await soon(401);
  });

  test('also when the connection on which changes are heard is cut at that moment, and after it is back', async () => {
    const { id, customerExternalId } = await causeway.createDestination({ topic: 'nowhere' });
    expect(await deliveriesOf(customerExternalId)).toBe(1);
    const before = await listeners();
    expect(before).toHaveLength(processes);
    await cutListeners();
    await change(id, 'PATCH', { enabled: false });
    await expectSoon(customerExternalId, 0);
    await until(
      'both to listen again',
      listeners,
      (now) => now.length === processes && !now.some((pid) => before.includes(pid)),
    );
    await expectEveryChangeSoon();
  });

  test('also while that connection is cut again and again', async () => {
    let isOver = false;
    let cuts = 0;
    const cutting = (async () => {
      while (!isOver) cuts += await cutListeners();
    })();
    try {
      // On a quick machine one round is over before the connections are back to be cut again.
      do await expectEveryChangeSoon();
      while (cuts <= 2);
    } finally {
      isOver = true;
      await cutting;
    }
    expect(cuts).toBeGreaterThan(2);
  });
});

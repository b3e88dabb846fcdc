/** Keys and customers are hashed in Temporal, from the start or from some day on, and found by name all the same. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestApi } from '../harness/api.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { causeway as cli } from '../harness/cli.ts';
import { postEvent, untilDelivery } from '../harness/eventLog.ts';

let causeway: Causeway;
/** Has the setting. */
let hashing: TestApi;
let before: CreatedDestination;
const [key, customer] = [`order-${randomBytes(9).toString('hex')}`, `acct-${randomBytes(9).toString('hex')}`];
beforeAll(async () => {
  causeway = await startCauseway({ env: { CAUSEWAY_PAYLOAD_KEYS: `k1:${randomBytes(32).toString('base64')}` } });
  before = await causeway.createDestination({ partitionKey: 'payload.key', ordering: { lanes: 'key' } });
});
afterAll(() => causeway.stop());

const keys = [key, 'b', 'c'];
const event = (customerExternalId: string, n: number, of = key) => ({
  ...{ eventType: 'e', customerExternalId, idempotencyKey: `${of}-${n}`, payload: { key: of, n } },
});
const untilDelivered = (id: string) =>
  untilDelivery('its delivery', hashing ?? causeway.api, id, ({ status }) => status === 'delivered', 60_000);
const hashed = (id: string): boolean => /^delivery:[^:]+:hmac-[\w-]{22}$/.test(id);
/** The numbers of each key's records, as they lie in the topic. */
async function numbersIn(topic: string): Promise<Record<string, number[]>> {
  const payloads = (await causeway.kafka.records(topic)).map(({ value }) => JSON.parse(String(value)).payload);
  return Object.fromEntries(keys.map((of) => [of, payloads.filter((one) => one.key === of).map(({ n }) => n)]));
}
/** Sends once it is accepted: while a destination moves, its events are refused. */
async function accepted(n: number, of: string): Promise<{ id: string; workflowId: string }> {
  const api = n % 2 === 0 ? hashing : causeway.api;
  const { body } = await until(
    'the event to be accepted',
    () => api.post(event(before.customerExternalId, n, of)),
    ({ status }) => status === 202,
  );
  const { id, deliveries } = body as { id: string; deliveries: { workflowId: string }[] }; // What a 202 holds.
  return { id, workflowId: deliveries[0]?.workflowId ?? '' };
}
/** A key's events one after the other, none of them waited for until it is delivered. */
async function wave(from: number, of: string): Promise<{ id: string; workflowId: string }[]> {
  const all: { id: string; workflowId: string }[] = [];
  for (let n = from; n < from + ofWave; n++) all.push(await accepted(n, of));
  return all;
}
const ofWave = 5;

test('switched on while events flow through several processes, each key keeps its order, nothing is lost or there twice', async () => {
  const first = await postEvent(causeway.api, event(before.customerExternalId, 0));
  expect((await untilDelivered(first)).workflowId).toBe(`delivery:${before.id}:${key}`);
  for (const of of ['b', 'c'])
    await untilDelivered(await postEvent(causeway.api, event(before.customerExternalId, 0, of)));
  hashing = await causeway.anotherApi({ CAUSEWAY_HASH_KEYS: 'true' });
  const workflows = new Set<string>();
  let next = 1;
  for (; next < 500 && (next < 20 || [...workflows].filter(hashed).length < keys.length); next += ofWave) {
    const all = (await Promise.all(keys.map((of) => wave(next, of)))).flat();
    for (const { workflowId } of all) workflows.add(workflowId);
    // So that there are moments in which its lanes are empty.
    await Promise.all(all.map(({ id }) => untilDelivered(id)));
  }
  expect([...workflows].filter(hashed)).toHaveLength(keys.length);
  // Sent again, it has it: what is sent after it comes, and nothing before that.
  expect((await hashing.post(event(before.customerExternalId, 0))).status).toBe(202);
  for (const of of keys) await untilDelivered((await accepted(next, of)).id);
  const numbers = Array.from({ length: next + 1 }, (_, n) => n);
  expect(await numbersIn(before.topic)).toEqual(Object.fromEntries(keys.map((of) => [of, numbers])));
});

test('a process that does not have the setting is refused, and which one is said', async () => {
  await expect(causeway.anotherApi()).rejects.toThrow('hash_keys_differ: Keys and customers are hashed in Temporal');
  await expect(causeway.anotherWorker()).rejects.toThrow('hash_keys_differ');
});

test('every command and route finds a lane by its name, and shows it', async () => {
  const made = await hashing.request('POST', '/v1/destinations', {
    ...{ type: 'KAFKA', name: 'n', customerExternalId: customer, brokers: causeway.kafka.brokers },
    ...{ topic: await causeway.kafka.newTopic(1, { 'max.message.bytes': '900' }), partitionKey: 'payload.key' },
    ...{ ordering: { lanes: 'key' }, auth: { mode: 'NONE', tls: false } },
  });
  const { id } = made.body as CreatedDestination;
  const small = await postEvent(hashing, event(customer, 1));
  const { workflowId } = await untilDelivered(small);
  expect(workflowId).toMatch(/^delivery:[^:]+:hmac-/);
  const large = await postEvent(hashing, { ...event(customer, 2), payload: { key, n: 2, pad: 'x'.repeat(2_000) } });
  await untilDelivery('a dead letter', hashing, large, ({ status }) => status === 'parked');

  const get = async (path: string) => (await hashing.get(path)).body;
  const shown = { lane: key, workflowId };
  await until(
    'the lane to be listed',
    async () => (await get(`/v1/destinations/${id}/dead-letters`)) as { deadLetters: unknown[] },
    ({ deadLetters }) => deadLetters.length === 1,
  );
  expect(await get(`/v1/destinations/${id}/lanes`)).toMatchObject({ lanes: [shown] });
  expect(await get(`/v1/destinations/${id}/dead-letters`)).toMatchObject({ deadLetters: [shown] });
  expect(await get(`/v1/destinations/${id}/lane-log?lane=${key}`)).toMatchObject(shown);
  expect(await get(`/v1/dead-letters?customerExternalId=${customer}`)).toMatchObject({ deadLetters: [shown] });
  expect(await get(`/v1/deliveries?destinationId=${id}&partitionKey=${key}`)).toMatchObject({
    deliveries: [{ eventId: large }, { eventId: small }],
  });
  const run = async (...args: string[]) => {
    const { code, out, err } = await cli(hashing, args);
    expect([code, err]).toEqual([0, expect.anything()]);
    return out;
  };
  expect(await run('lanes', id)).toContain(key);
  expect(await run('dead-letters', id)).toContain(large);
  expect(await run('log', id, '--lane', key)).toContain('MESSAGE_TOO_LARGE');
  await run('pause', id, '--lane', key, '--reason', 'r');
  expect((await hashing.request('POST', `/v1/destinations/${id}/discard`, { lane: key })).status).toBe(202);
  // Nothing waits in it, and its pause would be lost.
  const change = () => hashing.request('PATCH', `/v1/destinations/${id}`, { ordering: { lanes: 2 } });
  const refused = await until('the dead letter to be gone', change, ({ text }) => !text.includes('events_waiting'));
  expect(refused.body).toMatchObject({ code: 'lanes_paused' });
  await run('resume', id, '--lane', key);
  // What was done under its name before is found by it, too.
  const offset0 = expect.objectContaining({ firstOffset: 0 }); // The first event was alone, and the first of its topic.
  const log = `/v1/destinations/${before.id}/lane-log?lane=${key}&limit=1000`;
  expect(await get(log)).toMatchObject({
    ...{ lane: key, workflowId: expect.stringContaining(':hmac-') },
    entries: expect.arrayContaining([expect.objectContaining({ kind: 'delivered', landed: [offset0] })]),
  });
});

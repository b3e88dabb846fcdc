/** Event contents are encrypted in Temporal; who lacks a key loses nothing, and whoever may see them does. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../dev/servers/install.ts';
import { temporalCli } from '../../dev/servers/temporal.ts';
import type { TestApi } from '../harness/api.ts';
import { type Causeway, startCauseway, type TestProcess, until } from '../harness/causeway.ts';
import { causeway as cli } from '../harness/cli.ts';
import { postEvent, untilDelivery } from '../harness/eventLog.ts';
import { leaksIn, traceOf } from '../harness/leaks.ts';
import { type TestTemporal, testTemporal } from '../harness/temporal.ts';
import { tracesOfTemporal } from '../harness/traces.ts';

const [k1, k2] = ['k1', 'k2'].map((id) => `${id}:${randomBytes(32).toString('base64')}`);
const keys = (...ring: (string | undefined)[]): Record<string, string> => ({ CAUSEWAY_PAYLOAD_KEYS: ring.join() });

let causeway: Causeway;
let temporal: TestTemporal;
/** Of the second day: it has the key, as the worker that is started in place of the first one does. */
let api: TestApi;
let worker: TestProcess;
beforeAll(async () => {
  causeway = await startCauseway({ env: { LOG_LEVEL: 'debug' } });
  temporal = await testTemporal(causeway);
});
afterAll(async () => {
  await temporal.stop();
  await causeway.stop();
});

const newKey = (): string => `order-${randomBytes(12).toString('hex')}`;
const eventOf = (customerExternalId: string, secret: string) => ({
  ...{ eventType: 'order.placed', customerExternalId, payload: { secret } },
});
const runsOf = async (workflowId: string): Promise<string> => {
  const { status } = await temporal.client.workflow.getHandle(workflowId).describe();
  return status.name;
};
const workerLog = (name = 'worker'): Promise<string> => readFile(join(causeway.logDir, `${name}.log`), 'utf8');
const untilDelivered = (eventId: string, timeoutMs = 60_000) =>
  untilDelivery('its delivery', api, eventId, ({ status }) => status === 'delivered', timeoutMs);

test('a worker without the key fails no lane and parks nothing: what it can not read waits, and it raises an alarm', async () => {
  const destination = await causeway.createDestination();
  const { customerExternalId: customer, topic } = destination;
  const before = await postEvent(causeway.api, eventOf(customer, 'in the clear'));
  const { workflowId } = await untilDelivery('delivery', causeway.api, before, ({ status }) => status === 'delivered');

  // The API has the key first: as whoever begins to encrypt may have it, though the guide says otherwise.
  api = await causeway.anotherApi(keys(k1));
  const secret = newKey();
  const encrypted = await postEvent(api, eventOf(customer, secret));
  await until('an alarm', workerLog, (log) => log.includes('PAYLOAD_KEY_MISSING'));
  expect(await workerLog()).toContain('which CAUSEWAY_PAYLOAD_KEYS lacks');
  expect(await runsOf(workflowId)).toBe('RUNNING');
  expect(await causeway.kafka.records(topic)).toHaveLength(1);
  const metrics = /"url":"(http:[^"]+\/metrics)"/.exec(await workerLog())?.[1] ?? '';
  expect(await (await fetch(metrics)).text()).toMatch(/alarm="PAYLOAD_KEY_MISSING"} [1-9]/);

  // One that starts now hears of it before it polls, and so does an API.
  await expect(causeway.anotherWorker()).rejects.toThrow(
    'payload_key_missing: Payloads in Temporal are encrypted with "k1"',
  );
  await expect(causeway.anotherApi(keys(k2))).rejects.toThrow('payload_key_missing');
  const other = `k1:${randomBytes(32).toString('base64')}`;
  await expect(causeway.anotherWorker(keys(other))).rejects.toThrow('payload_key_wrong');

  await causeway.worker.stop();
  worker = await causeway.anotherWorker(keys(k1));
  expect(await untilDelivered(encrypted)).toMatchObject({ workflowId });
  const values = (await causeway.kafka.records(topic)).map(({ value }) => JSON.parse(String(value)).payload.secret);
  expect(values).toEqual(['in the clear', secret]);
  // Histories of before are read on, by who has the key.
  expect((await api.get(`/v1/events/${before}`)).text).toContain('"delivered"');
});

test('nothing of an event is legible in Temporal, and an operator with a key of the scope read sees it with its CLI', async () => {
  const { customerExternalId: customer } = await causeway.createDestination({ partitionKey: 'payload.secret' });
  const secret = newKey();
  const eventId = await postEvent(api, eventOf(customer, secret));
  const { workflowId } = await untilDelivered(eventId);
  const traces = await tracesOfTemporal(temporal.client, causeway, [workflowId]);
  const planted = [{ name: 'the event', value: secret }];
  expect(leaksIn(traces, planted)).toEqual([]);

  const show = async (header: string): Promise<string> =>
    run(
      await temporalCli(),
      [
        ...['workflow', 'show', '--workflow-id', workflowId, '--output', 'json'],
        ...['--address', causeway.temporal.address, '--namespace', causeway.temporal.namespace],
        ...['--codec-endpoint', `${api.url}/codec`, '--codec-header', header],
      ],
      { timeoutMs: 30_000 },
    );
  const made = await api.request('POST', '/v1/api-keys', { name: 'reader', scopes: ['read'] });
  const { key } = made.body as { key: string }; // What a 201 holds.
  expect(leaksIn([traceOf('the CLI', await show(`Authorization=Bearer ${key}`))], planted)).toEqual([
    'the event: the CLI',
  ]);
  await expect(show('Authorization=Bearer nobody')).rejects.toThrow();
});

test('the key is changed while all runs: lanes, dead letters and histories of before are read on', async () => {
  const { id, customerExternalId: customer, topic } = await causeway.createDestination();
  await causeway.kafka.configure(topic, { 'max.message.bytes': '600' });
  const [first, large] = [newKey(), `${newKey()} ${randomBytes(2_000).toString('hex')}`];
  await untilDelivered(await postEvent(api, eventOf(customer, first)));
  const parked = await postEvent(api, eventOf(customer, large));
  await untilDelivery('a dead letter', api, parked, ({ status }) => status === 'parked');

  // First everywhere behind the old one, then in front of it.
  for (const ring of [keys(k1, k2), keys(k2, k1)]) {
    const next = await causeway.anotherWorker(ring);
    await worker.stop();
    worker = next;
    api = await causeway.anotherApi(ring);
  }
  const last = newKey();
  await untilDelivered(await postEvent(api, eventOf(customer, last)));
  expect((await api.get(`/v1/destinations/${id}/dead-letters`)).body).toMatchObject({
    deadLetters: [{ eventId: parked }],
  });
  await causeway.kafka.configure(topic, { 'max.message.bytes': '1000000' });
  await api.request('POST', `/v1/destinations/${id}/replay`, { ids: [parked] });
  await untilDelivered(parked);
  const values = (await causeway.kafka.records(topic)).map(({ value }) => JSON.parse(String(value)).payload.secret);
  expect(values).toEqual([first, last, large]);
  const { checks } = (await api.get('/v1/checks')).body as { checks: { name: string }[] };
  expect(checks.find(({ name }) => name === 'payload keys')).toMatchObject({
    status: 'ok',
    detail: 'payloads are encrypted with "k2"',
  });
  const env = { DATABASE_URL: causeway.databaseUrl, CAUSEWAY_SECRET_KEYS: `s:${randomBytes(32).toString('base64')}` };
  const forgotten = await cli(api, ['secrets', 'forget-payload-key', 'k2'], { env });
  expect(forgotten).toMatchObject({ code: 1, err: expect.stringContaining('within the last five minutes') });
});

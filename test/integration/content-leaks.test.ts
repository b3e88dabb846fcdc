/** With payload encryption and hashed keys nothing of an event is found in Temporal, its database file, or a log, whatever became of it. */
import { randomBytes } from 'node:crypto';
import { appendFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defineSearchAttributeKey } from '@temporalio/common';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dataConverterWith } from '../../domain/dataConverter.ts';
import { laneWorkflowType } from '../../domain/lane.ts';
import type { TestApi } from '../harness/api.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { causeway as cli } from '../harness/cli.ts';
import { postEvent, untilDelivery } from '../harness/eventLog.ts';
import { leaksIn, type PlantedSecret, type Trace, traceOf } from '../harness/leaks.ts';
import { beginReplay, replayed } from '../harness/replays.ts';
import { sharedServers } from '../harness/sharedServers.ts';
import { type TestTemporal, testTemporal } from '../harness/temporal.ts';
import {
  listenedTo,
  tracesOfDatabase,
  tracesOfMetrics,
  tracesOfProcesses,
  tracesOfTemporal,
} from '../harness/traces.ts';

const secret = (name: string): string => `${name} ${randomBytes(15).toString('base64url')}`;
const plain = (name: string): string => `${name}-${randomBytes(12).toString('hex')}`;
const [payloadKey, customer] = [randomBytes(32), plain('acct')];
const keys = { delivered: plain('key'), parked: plain('key'), waiting: plain('key'), overflowing: plain('key') };
const values = { small: secret('"é\\'), large: secret('large'), header: plain('idem') };
/** In no place but Postgres, which has customers' names, and answers to those that have a key of the API. */
const names: PlantedSecret[] = [
  { name: 'customer', value: customer },
  ...Object.entries(keys).map(([name, value]) => ({ name: `key of ${name}`, value })),
];
const contents: PlantedSecret[] = [
  ...Object.entries(values).map(([name, value]) => ({ name, value })),
  { name: 'payload key', value: payloadKey },
];

let causeway: Causeway;
let temporal: TestTemporal;
let api: TestApi;
let answers: Trace[];
beforeAll(async () => {
  causeway = await startCauseway({
    env: {
      ...{ LOG_LEVEL: 'debug', CAUSEWAY_HASH_KEYS: 'true' },
      CAUSEWAY_PAYLOAD_KEYS: `k1:${payloadKey.toString('base64')}`,
    },
    apiEnv: { CAUSEWAY_LANE_HISTORY_BYTES_MAX: '65536', CAUSEWAY_LANE_HISTORY_EVENTS_MAX: '50' },
    workerEnv: { CAUSEWAY_WAIT_AFTER_MS: '1000' },
  });
  const key = { id: 'k1', key: payloadKey };
  temporal = await testTemporal(causeway, dataConverterWith({ encrypting: undefined, all: [key] }));
  ({ api, answers } = listenedTo(causeway.api));
});
afterAll(async () => {
  await temporal.stop();
  await causeway.stop();
});

const destinationFor = (settings: object = {}): Promise<CreatedDestination> =>
  causeway.createDestination({
    ...{ customerExternalId: customer, partitionKey: 'payload.key', ordering: { lanes: 'key' }, ...settings },
  });
const post = (eventType: string, key: string, more: object = {}): Promise<string> =>
  postEvent(api, {
    ...{ eventType, customerExternalId: customer, correlationId: values.small },
    payload: { key, value: values.small, ...more },
  });
const untilIs = (wanted: string, id: string) =>
  untilDelivery(wanted, api, id, ({ status }) => status === wanted, 60_000);

/** All files of Temporal's databases, those that are not written back yet too. */
async function tracesOfTemporalFiles(): Promise<Trace[]> {
  const dir = join(sharedServers().dir, 'temporal');
  const files = (await readdir(dir)).filter((name) => name.includes('.db'));
  return await Promise.all(files.map(async (name) => traceOf('the file of Temporal', await readFile(join(dir, name)))));
}
const temporalTraces = async (): Promise<Trace[]> => [
  ...(await tracesOfTemporal(temporal.client, causeway)),
  ...(await tracesOfTemporalFiles()),
];

async function throughAll(): Promise<CreatedDestination[]> {
  const [good, away, tooSmall] = await Promise.all([
    destinationFor({ eventTypes: ['good', 'overflow'] }),
    destinationFor({ eventTypes: ['away'], brokers: ['127.0.0.1:9'] }),
    destinationFor({
      ...{ eventTypes: ['large'], topic: await causeway.kafka.newTopic(1, { 'max.message.bytes': '1500' }) },
    }),
  ]);
  const delivered = await postEvent(api, {
    ...{ eventType: 'good', customerExternalId: customer, idempotencyKey: values.header },
    payload: { key: keys.delivered, value: values.small },
  });
  await untilIs('delivered', delivered);
  const waiting = await post('away', keys.waiting);
  await untilIs('waiting', waiting);
  const parked = [];
  for (const n of [1, 2]) parked.push(await post('large', keys.parked, { n, pad: values.large.repeat(100) }));
  for (const id of parked) await untilIs('parked', id);

  await api.request('POST', `/v1/destinations/${good.id}/pause`, { reason: 'a test' });
  const many = [];
  for (let n = 0; n < 24; n++) {
    many.push(await post('overflow', keys.overflowing, { n, pad: values.large.repeat(6_000) }));
  }
  const segments = async () => {
    const found: string[] = [];
    const query = `TaskQueue = '${causeway.temporal.taskQueue}:segment'`;
    for await (const { workflowId } of temporal.client.workflow.list({ query })) found.push(workflowId);
    return found;
  };
  const opened = await until('segments', segments, (found) => found.length > 0, 60_000);
  expect(opened.filter((id) => !/^overflow:[^:]+:hmac-/.test(id))).toEqual([]);
  await api.request('POST', `/v1/destinations/${good.id}/resume`, {});
  for (const id of many) await untilIs('delivered', id);

  await causeway.kafka.configure(tooSmall.topic, { 'max.message.bytes': '1000000' });
  for (const [command, id] of [
    ['replay', parked[0]],
    ['discard', parked[1]],
  ] as const) {
    expect((await api.request('POST', `/v1/destinations/${tooSmall.id}/${command}`, { ids: [id] })).status).toBe(202);
  }
  await untilIs('delivered', parked[0] ?? '');
  await untilIs('discarded', parked[1] ?? '');
  const again = await beginReplay(api, { customerExternalId: customer, status: 'delivered', eventType: 'good' });
  expect(await replayed(api, again)).toMatchObject({ status: 'done', events: 1 });
  for (const args of [['lanes', away.id], ['log', waiting], ['log', away.id, '--lane', keys.waiting], ['doctor']]) {
    const { out, err } = await cli(api, args);
    answers.push(traceOf('the CLI', out + err));
  }
  return [good, away, tooSmall];
}

test('success, retries, dead letters, overflow and replays at debug level leave nothing of an event legible', async () => {
  const made = await throughAll();
  const traces = await temporalTraces();
  const kinds = new Set(traces.map(({ where }) => where));
  for (const kind of ['delivery, history', 'delivery, description', 'overflow, history', 'replay, history']) {
    expect(kinds).toContain(`Temporal, ${kind}`);
  }
  expect(kinds).toContain('the file of Temporal');
  // The hunt sees what is legible: a destination's id is.
  expect(leaksIn(traces, [{ name: 'id', value: made[0]?.id ?? '' }])).toEqual(
    expect.arrayContaining(['id: Temporal, delivery, description', 'id: the file of Temporal']),
  );
  const processes = [...(await tracesOfProcesses(causeway)), ...(await tracesOfMetrics(causeway))];
  for (const kind of ['log api.log', 'log worker.log', 'process arguments', "the worker's metrics"]) {
    expect(processes.map(({ where }) => where)).toContain(kind);
  }
  expect(leaksIn([...traces, ...processes], [...names, ...contents])).toEqual([]);
  expect(leaksIn([...answers, ...(await tracesOfDatabase(causeway))], contents)).toEqual([]);
});

test("in search attributes all lanes of a customer have the same hash in its name's place", async () => {
  const customerExternalId = defineSearchAttributeKey('CustomerExternalId', 'KEYWORD');
  const query = `TaskQueue = '${causeway.temporal.taskQueue}' AND WorkflowType = '${laneWorkflowType}'`;
  const found: unknown[] = [];
  for await (const { typedSearchAttributes } of temporal.client.workflow.list({ query })) {
    found.push(typedSearchAttributes.get(customerExternalId));
  }
  expect(found.length).toBeGreaterThanOrEqual(Object.keys(keys).length);
  expect([...new Set(found)]).toEqual([expect.stringMatching(/^hmac-[\w-]{22}$/)]);
});

test('deliveries that are asked for by a key show their lane by its name', async () => {
  const lane = keys.parked;
  const { body: all } = await api.get('/v1/destinations');
  const { destinations } = all as { destinations: { id: string; eventTypes: string[] }[] }; // What a 200 holds.
  const id = destinations.find(({ eventTypes }) => eventTypes.includes('large'))?.id;
  const { body } = await api.get(`/v1/deliveries?destinationId=${id}&partitionKey=${lane}`);
  const shown = { lane, workflowId: expect.stringMatching(/^delivery:[^:]+:hmac-/) };
  expect(body).toMatchObject({ deliveries: [shown, shown] });
});

test('an event that is leaked on purpose is found in Temporal and in its file', async () => {
  const { client } = temporal;
  const leaking = await client.workflow.start('leaking', {
    ...{ taskQueue: causeway.temporal.taskQueue, workflowId: `leaking:${keys.delivered}` },
    args: [{ value: values.large }],
    memo: { customer },
  });
  await leaking.terminate();
  await appendFile(join(causeway.logDir, 'api.log'), `{"msg":"${Buffer.from(values.small).toString('base64')}"}\n`);
  const found = leaksIn(
    [
      ...(await tracesOfTemporal(client, causeway, [leaking.workflowId])),
      ...(await tracesOfTemporalFiles()),
      ...(await tracesOfProcesses(causeway)),
    ],
    [...names, ...contents],
  );
  expect(found).toEqual(
    expect.arrayContaining([
      'large: Temporal, leaking, history',
      'customer: Temporal, leaking, description',
      'key of delivered: Temporal, leaking, description',
      'large: the file of Temporal',
      'key of delivered: the file of Temporal',
      'small: log api.log',
    ]),
  );
});

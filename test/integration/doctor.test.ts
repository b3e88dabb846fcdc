import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { Client, Connection, type ConnectionLike } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { version } from '../../activities/version.ts';
import { VisibilityPace } from '../../activities/visibilityPace.ts';
import { runChecks } from '../../api/checks.ts';
import { dropDatabase } from '../../dev/servers/postgres.ts';
import { temporalCli } from '../../dev/servers/temporal.ts';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';
import { causeway as cli } from '../harness/cli.ts';
import { closedPort } from '../harness/hostileServers.ts';
import { sharedServers } from '../harness/sharedServers.ts';
import { type TestTemporal, testTemporal } from '../harness/temporal.ts';

type Check = { name: string; status: string; detail: string; remedy?: string | undefined };

let causeway: Causeway;
let temporal: TestTemporal;
const namespace = `doctor-${randomBytes(4).toString('hex')}`;

/** A Causeway in a namespace of its own, as an operator may have made it: what is wrong there disturbs nobody. */
beforeAll(async () => {
  const { address } = sharedServers().temporal;
  temporal = await testTemporal({ temporal: { address, namespace, taskQueue: 'none' } });
  const { workflowService, connection } = temporal.client;
  await workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: msToTs('1 day') });
  await until(
    'the namespace to answer',
    () => connection.operatorService.listSearchAttributes({ namespace }).catch(() => undefined),
    Boolean,
  );
  causeway = await startCauseway({ temporal: { address, namespace }, workers: 0 });
});
afterAll(async () => {
  await causeway?.stop();
  await temporal?.stop();
});

async function doctor(): Promise<{ code: number; checks: Map<string, Check> }> {
  const { code, out } = await cli(causeway.api, ['doctor', '--json']);
  const { checks } = JSON.parse(out) as { checks: Check[] };
  return { code, checks: new Map(checks.map((check) => [check.name, check])) };
}
const check = async (name: string): Promise<Check | undefined> => (await doctor()).checks.get(name);
const untilOk = (name: string): Promise<unknown> =>
  until(
    `${name} to be well`,
    () => check(name),
    (found) => found?.status === 'ok',
  );

/** Runs the command that stands in a remedy, by a shell, with Temporal's address and nothing else that we know. */
async function runRemedy({ remedy = '' }: Check): Promise<void> {
  const [command] = /temporal operator .*$/.exec(remedy) ?? [];
  expect(command).toBeDefined();
  const path = `${dirname(await temporalCli())}:${process.env.PATH}`;
  await promisify(execFile)('bash', ['-c', command ?? ''], {
    env: { ...process.env, PATH: path, TEMPORAL_ADDRESS: causeway.temporal.address },
  });
}

/** A poll of a worker of another version, which Temporal remembers for minutes. */
async function pollAs(buildId: string, queue: string): Promise<void> {
  const { workflowService, connection } = temporal.client;
  const poll = { namespace, taskQueue: { name: queue }, identity: 'old@host', workerVersionCapabilities: { buildId } };
  const polls: (() => Promise<unknown>)[] = [
    () => workflowService.pollWorkflowTaskQueue(poll),
    () => workflowService.pollActivityTaskQueue(poll),
  ];
  // A poll that meets its deadline was one; a shorter deadline Temporal refuses.
  await Promise.all(polls.map((one) => connection.withDeadline(Date.now() + 3_000, one).catch(() => undefined)));
}

test('a namespace that keeps its history for a day is a warning, with the command that mends it', async () => {
  const found = await check('namespace');
  expect(found).toMatchObject({ status: 'warning', detail: `${namespace}, keeps closed runs for 1 days` });
  if (found) await runRemedy(found);
  await untilOk('namespace');
  expect(await check('namespace')).toMatchObject({ detail: `${namespace}, keeps closed runs for 30 days` });

  expect(await check('event index')).toMatchObject({
    status: 'ok',
    detail: "goes back 30 days, Temporal's history 30",
  });
  await runRemedy({ remedy: `temporal operator namespace update --namespace ${namespace} --retention 45d` } as Check);
  expect(await check('event index')).toMatchObject({
    ...{ status: 'warning', detail: "goes back 30 days, Temporal's history 45" },
    remedy: expect.stringContaining('Set CAUSEWAY_EVENT_INDEX_DAYS of the API to 45'),
  });
});

test('a namespace that is not there is to be made; where Temporal is away, nobody is told to make one', async () => {
  const namespaceRow = async (connection: ConnectionLike, namespace: string): Promise<Check | undefined> => {
    const destinations = { open: async () => undefined, newest: async () => ({ ids: [], count: 0 }) };
    const store = { check: async () => undefined, now: async () => new Date() };
    const client = new Client({ connection, namespace });
    const known = { temporal: client, taskQueue: 'none', eventIndexDays: 30, pace: new VisibilityPace() };
    const payloadKeys = { use: async () => undefined, trouble: () => undefined, encrypting: undefined };
    return (await runChecks({ ...known, payloadKeys, destinations, store })).find(({ name }) => name === 'namespace');
  };
  expect(await namespaceRow(temporal.client.connection, 'none')).toMatchObject({
    ...{ status: 'failing', remedy: 'Make it: temporal operator namespace create --namespace none --retention 30d' },
  });
  const closed = await Connection.connect({ address: causeway.temporal.address });
  await closed.close();
  expect(await namespaceRow(closed, namespace)).toMatchObject({
    ...{ status: 'failing', remedy: expect.stringContaining('See that Temporal is up') },
  });
});

test('a search attribute that is missing, or of another type, is named, with the command that mends it', async () => {
  const { operatorService } = temporal.client.connection;
  const untilFailing = (detail: string) =>
    until(
      detail,
      () => check('search attributes'),
      (one) => one?.status === 'failing' && one.detail === detail,
    );
  await operatorService.removeSearchAttributes({ namespace, searchAttributes: ['DeadLetters'] });
  const missing = await untilFailing('missing: DeadLetters');
  if (missing) await runRemedy(missing);
  await untilOk('search attributes');

  await operatorService.removeSearchAttributes({ namespace, searchAttributes: ['DeadLetters'] });
  const { INDEXED_VALUE_TYPE_KEYWORD: DeadLetters } = proto.temporal.api.enums.v1.IndexedValueType;
  await operatorService.addSearchAttributes({ namespace, searchAttributes: { DeadLetters } });
  const other = await untilFailing('of another type than lanes need: DeadLetters');
  if (other) await runRemedy(other);
  await untilOk('search attributes');
});

test('without a worker each task queue is named that nobody polls, and with one each is well', async () => {
  const { taskQueue } = causeway.temporal;
  const none = await doctor();
  expect(none.code).toBe(1);
  expect(none.checks.get('worker')).toMatchObject({
    status: 'failing',
    detail: `nobody polls ${taskQueue} (workflows), ${taskQueue} (activities), ${taskQueue}:slow (activities), ${taskQueue}:keeper (activities), ${taskQueue}:segment (workflows), ${taskQueue}:export (workflows), ${taskQueue}:export (activities)`,
    remedy: 'Start a worker: npm run worker',
  });
  expect(none.checks.get('worker version')).toMatchObject({
    status: 'warning',
    remedy: 'Start a worker: npm run worker',
  });

  await pollAs('0.0.9+abc', taskQueue);
  const gaps = `nobody polls ${taskQueue}:slow (activities), ${taskQueue}:keeper (activities), ${taskQueue}:segment (workflows), ${taskQueue}:export (workflows), ${taskQueue}:export (activities)`;
  // Temporal gives the same answer for some seconds.
  const old = await until('the poll to be seen', doctor, ({ checks }) => checks.get('worker')?.detail === gaps);
  expect(old.checks.get('worker')).toMatchObject({ status: 'failing' });
  expect(old.checks.get('worker version')).toMatchObject({
    ...{ status: 'warning', detail: `the API has ${version}, workers 0.0.9` },
    remedy: expect.stringContaining('Run API and workers of one version'),
  });

  await causeway.worker.start();
  await untilOk('worker');
  const well = await doctor();
  expect(well.code).toBe(0);
  expect(well.checks.get('worker version')?.detail).toBe(`the API has ${version}, workers 0.0.9, ${version}`);
});

test("a clock that differs from the API's is a warning, by how much it does", async () => {
  expect(await check('clock')).toMatchObject({ status: 'ok' });
  expect(await check('store clock')).toMatchObject({ status: 'ok' });
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 90_000 });
  onTestFinished(() => void vi.useRealTimers());
  expect(await check('clock')).toMatchObject({
    ...{ status: 'warning', detail: "this machine's and the API's differ by 90 s" },
    remedy: expect.stringContaining('NTP'),
  });
});

test("each destination's Kafka is asked: one that can not be delivered to is named, with what mends it, and none that a person stopped", async () => {
  expect(await check('kafka')).toMatchObject({ status: 'ok', detail: 'there is no destination to ask' });
  const topic = await causeway.kafka.newTopic();
  const good = await causeway.createDestination({ topic });
  const paused = await causeway.createDestination({ topic, brokers: [await closedPort()] });
  expect((await causeway.api.request('POST', `/v1/destinations/${paused.id}/pause`, {})).status).toBe(202);
  expect(await check('kafka')).toMatchObject({
    ...{ status: 'ok', detail: '1 of 1 destinations were asked: they can be delivered to' },
  });
  const away = await causeway.createDestination({ topic, brokers: [await closedPort()] });
  const unknown = await causeway.createDestination({ topic: `none-${randomBytes(4).toString('hex')}` });
  const { code, checks } = await doctor();
  expect(code).toBe(0);
  expect(checks.get('kafka')).toMatchObject({
    ...{ status: 'warning', detail: "3 of 3 destinations were asked: 2 can't be delivered to" },
  });
  expect([...checks.keys()].filter((name) => name.startsWith('kafka ')).toSorted()).toEqual(
    [`kafka ${away.id}`, `kafka ${unknown.id}`].toSorted(),
  );
  expect(checks.get(`kafka ${away.id}`)).toMatchObject({
    detail: expect.stringMatching(`^test destination of ${away.customerExternalId}: connect at .*: ECONNREFUSED`),
    remedy: expect.stringContaining('See that the brokers are up'),
  });
  expect(checks.get(`kafka ${unknown.id}`)?.detail).toContain('topic at');

  const step = await cli(causeway.api, ['destinations', 'test', good.id]);
  expect([step.code, step.err]).toEqual([0, '']);
  expect(step.out).toMatch(/^STEP +BROKER +OUTCOME +MS +FOUND +REMEDY\nresolve +.* ok .*\nconnect +.* ok /);
  expect(await causeway.kafka.records(topic)).toEqual([]);
  expect(await cli(causeway.api, ['destinations', 'test', good.id, '--send-event'])).toMatchObject({ code: 0 });
  expect(await causeway.kafka.records(topic)).toHaveLength(1);
  const failed = await cli(causeway.api, ['destinations', 'test', away.id, '--json']);
  expect([failed.code, JSON.parse(failed.out), JSON.parse(failed.err)]).toMatchObject([
    1,
    { passed: false, steps: expect.arrayContaining([expect.objectContaining({ step: 'connect', outcome: 'failed' })]) },
    { error: { code: 'connection_test_failed' } },
  ]);
});

test('where Postgres is away, the store is named and not the API, which answers', async () => {
  await dropDatabase(sharedServers().databaseUrl, new URL(causeway.databaseUrl).pathname.slice(1));
  const away = await until('the store to be away', doctor, ({ checks }) => checks.get('api')?.status === 'failing');
  expect(away.code).toBe(1);
  expect([...away.checks.values()].map(({ name, status }) => [name, status])).toEqual([
    ...[
      ['api', 'failing'],
      ['clock', 'ok'],
      ['store', 'failing'],
      ['temporal', 'ok'],
    ],
  ]);
  expect(away.checks.get('api')?.detail).toContain('answers, and does nothing else now');
  expect(away.checks.get('store')?.remedy).toContain('See that Postgres is up');
});

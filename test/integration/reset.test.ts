import { afterAll, beforeAll, expect, test } from 'vitest';
import { runSizesOf } from '../../dev/laneRuns.ts';
import { laneWorkflowId } from '../../domain/lane.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { postEvent, untilDelivery } from '../harness/eventLog.ts';
import { beginReplay, replayed } from '../harness/replays.ts';
import { operate, type TestTemporal, testTemporal } from '../harness/temporal.ts';

let causeway: Causeway;
let temporal: TestTemporal;
beforeAll(async () => {
  // Short runs: a few events, and the lane continues as new.
  causeway = await startCauseway({ apiEnv: { CAUSEWAY_LANE_HISTORY_EVENTS_MAX: '50' } });
  temporal = await testTemporal(causeway);
});
afterAll(async () => {
  await temporal?.stop();
  await causeway.stop();
});

const post = ({ customerExternalId }: CreatedDestination, name: string, more = {}): Promise<string> =>
  postEvent(causeway.api, { eventType: 'e', customerExternalId, idempotencyKey: name, payload: {}, ...more });
const untilStatus = (wanted: string, id: string) =>
  untilDelivery(`status ${wanted}`, causeway.api, id, ({ status }) => status === wanted);
async function deliver(destination: CreatedDestination, names: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const name of names) {
    const id = await post(destination, name);
    await untilStatus('delivered', id);
    ids.push(id);
  }
  return ids;
}
const numbered = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, n) => String(from + n));
const namesOn = async ({ topic }: CreatedDestination): Promise<string[]> =>
  (await causeway.kafka.records(topic)).map(({ headers }) => headers.idempotency_key ?? '');
const untilName = (destination: CreatedDestination, name: string): Promise<string[]> =>
  until(
    `${name} on the topic`,
    () => namesOn(destination),
    (names) => names.includes(name),
  );

const workflowOf = ({ id, customerExternalId }: CreatedDestination): string => laneWorkflowId(id, customerExternalId);
const signal = (destination: CreatedDestination, name: string, ...more: string[]): Promise<string> =>
  operate(causeway, 'workflow', 'signal', '--workflow-id', workflowOf(destination), '--name', name, ...more);
const reset = (destination: CreatedDestination, ...to: string[]): Promise<string> =>
  operate(causeway, 'workflow', 'reset', '--workflow-id', workflowOf(destination), ...to);
async function firstRunOf(destination: CreatedDestination): Promise<string> {
  const shown = await operate(
    causeway,
    'workflow',
    'show',
    '--workflow-id',
    workflowOf(destination),
    '--output',
    'json',
  );
  return /"firstExecutionRunId": "([^"]+)"/.exec(shown)?.[1] ?? '';
}

test('what was delivered after the reset point is not sent again, and its log stays', async () => {
  const destination = await causeway.createDestination();
  const ids = await deliver(destination, ['1', '2', '3']);
  await reset(destination, '--type', 'FirstWorkflowTask', '--reason', 'to see that nothing happens');
  ids.push(...(await deliver(destination, ['4'])));
  expect(await namesOn(destination)).toEqual(['1', '2', '3', '4']);
  for (const id of ids) {
    const { attempts, offset } = await untilStatus('delivered', id);
    expect([attempts.length, offset]).toEqual([1, ids.indexOf(id)]);
  }
  // The lane knows them all, as before.
  for (const name of ['1', '4']) await post(destination, name);
  await deliver(destination, ['5']);
  expect(await namesOn(destination)).toEqual(['1', '2', '3', '4', '5']);
});

test('what waits is not lost by a reset: it keeps its order, and what is accepted since comes after it', async () => {
  const destination = await causeway.createDestination();
  await deliver(destination, ['1']);
  await signal(destination, 'pause');
  const waiting = [await post(destination, '2'), await post(destination, '3')];
  await reset(destination, '--type', 'FirstWorkflowTask', '--reason', 'a defect was mended');
  const since = await post(destination, '4');
  await untilStatus('paused', since); // The pause came after the reset point, too.
  await signal(destination, 'resume');
  expect(await untilName(destination, '4')).toEqual(['1', '2', '3', '4']);
  for (const id of [...waiting, since]) {
    const { attempts } = await untilStatus('delivered', id);
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['delivered']);
  }
});

test('over many runs, a reset of an old one, and another reset after it, each event arrives once', async () => {
  const destination = await causeway.createDestination();
  await deliver(destination, numbered(0, 25));
  const first = await firstRunOf(destination);
  expect((await runSizesOf(temporal.client, workflowOf(destination))).length).toBeGreaterThan(1);
  await reset(destination, '--run-id', first, '--event-id', '5', '--reason', 'far back');
  await deliver(destination, numbered(25, 35));
  await reset(destination, '--run-id', first, '--event-id', '5', '--reason', 'far back once more');
  await deliver(destination, numbered(35, 45));
  expect(await namesOn(destination)).toEqual(numbered(0, 45));
  await reset(destination, '--type', 'FirstWorkflowTask', '--reason', 'the run that is there now');
  await deliver(destination, ['45']);
  expect(await namesOn(destination)).toEqual(numbered(0, 46));
});

/** The workflow task of the first run that ended while its first batch was on its way. */
async function taskInMidst(destination: CreatedDestination): Promise<string> {
  const handle = temporal.client.workflow.getHandle(workflowOf(destination), await firstRunOf(destination));
  const { events } = await handle.fetchHistory();
  const all = events ?? [];
  const scheduledAt = all.findIndex((event) => event.activityTaskScheduledEventAttributes);
  const task = all.slice(scheduledAt).find((event) => event.workflowTaskCompletedEventAttributes);
  return scheduledAt < 0 ? '' : String(task?.eventId ?? '');
}

test('a batch that is on its way at the reset point is told by the run that the reset made, and is not sent again by a reset to there', async () => {
  const destination = await causeway.createDestination({ brokers: ['127.0.0.1:1'] }); // Nobody listens there.
  const id = await post(destination, '1');
  await untilDelivery('tried', causeway.api, id, ({ attempts }) => attempts.length > 0);
  await signal(destination, 'resume'); // A workflow task while the batch is on its way.
  const task = await until('the task in its midst', () => taskInMidst(destination), Boolean);
  const first = await firstRunOf(destination);
  const toMidst = ['--run-id', first, '--event-id', task, '--reason'] as const;
  await reset(destination, ...toMidst, 'in the midst of a batch');
  const brokers = { brokers: causeway.kafka.brokers };
  expect((await causeway.api.request('PATCH', `/v1/destinations/${destination.id}`, brokers)).status).toBe(200);
  await untilStatus('delivered', id);
  const delivered = { status: 'delivered', destinationId: destination.id, dryRun: true };
  expect(await replayed(causeway.api, await beginReplay(causeway.api, delivered))).toMatchObject({ events: 1 });

  await reset(destination, ...toMidst, 'once more, long after');
  await deliver(destination, ['2']);
  expect(await namesOn(destination)).toEqual(['1', '2']);
  await untilStatus('delivered', id);
});

test.each([
  'the run that the first one made',
  'the same run as the first one, which Temporal gives nothing of what came since',
])('what was accepted after a reset, and waits, is not lost by another one of %s', async (which) => {
  const destination = await causeway.createDestination();
  await deliver(destination, ['1']);
  await signal(destination, 'pause');
  const first = await firstRunOf(destination);
  const again = ['--event-id', '5', '--output', 'json', '--reason'];
  const made = /"runId": *"([^"]+)"/.exec(await reset(destination, '--run-id', first, ...again, 'once'))?.[1] ?? '';
  expect(made).not.toBe(first);
  for (const name of ['2', '3']) await untilStatus('paused', await post(destination, name));
  // The run that it made begins with a copy of the same history.
  await reset(destination, '--run-id', which.startsWith('the run') ? made : first, ...again, 'once more');
  await untilStatus('paused', await post(destination, '4'));
  await reset(destination, '--run-id', first, ...again, 'and once more');
  await untilStatus('paused', await post(destination, '5'));
  await signal(destination, 'resume');
  expect(await untilName(destination, '5')).toEqual(numbered(1, 6));
  await deliver(destination, ['6']);
  expect(await namesOn(destination)).toEqual(numbered(1, 7));
});

test('a reset whose reason says "send again" publishes again what was delivered after the reset point: the same records', async () => {
  const destination = await causeway.createDestination();
  await deliver(destination, ['1', '2']);
  await reset(destination, '--type', 'FirstWorkflowTask', '--reason', 'Send again: the customer lost a topic');
  await deliver(destination, ['3']);
  const records = await causeway.kafka.records(destination.topic);
  expect(records.map(({ headers }) => headers.idempotency_key)).toEqual(['1', '2', '1', '2', '3']);
  const [first, , again] = records.map(({ key, value, headers }) => [String(key), String(value), headers]);
  expect(again).toEqual(first);
});

test('a dead letter is there after a reset, and is replayed; what was given up stays so', async () => {
  const { kafka } = causeway;
  const destination = await causeway.createDestination({
    topic: await kafka.newTopic(1, { 'max.message.bytes': '1500' }),
  });
  await deliver(destination, ['1']);
  const parked = await post(destination, 'large', { payload: { pad: 'x'.repeat(5_000) } });
  await untilStatus('parked', parked);
  const unwanted = await post(destination, 'unwanted', { payload: { pad: 'x'.repeat(5_000) } });
  await untilStatus('parked', unwanted);
  await signal(destination, 'discard', '--input', JSON.stringify({ ids: [unwanted] }));
  await reset(destination, '--type', 'FirstWorkflowTask', '--reason', 'to see that it stays');
  await deliver(destination, ['2']);
  await untilStatus('parked', parked);
  await kafka.configure(destination.topic, { 'max.message.bytes': '1000000' });
  await signal(destination, 'replay');
  await untilStatus('delivered', parked);
  expect(await namesOn(destination)).toEqual(['1', '2', 'large']);
  await untilStatus('discarded', unwanted);
});

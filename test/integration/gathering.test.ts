import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { LaneHistories } from '../../activities/laneHistory.ts';
import { laneRuns } from '../../activities/laneRuns.ts';
import { createStrayActivity } from '../../activities/strays.ts';
import { until as untilWith } from '../../dev/servers/until.ts';
import { blockOf } from '../../domain/block.ts';
import { dataConverter } from '../../domain/dataConverter.ts';
import { laneWorkflowId } from '../../domain/lane.ts';
import { bundledWorkflows } from '../../worker/laneWorker.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { causeway as cli } from '../harness/cli.ts';
import { postEvent, untilDelivery } from '../harness/eventLog.ts';
import { operate, type TestTemporal, testTemporal } from '../harness/temporal.ts';

let causeway: Causeway;
let temporal: TestTemporal;
beforeAll(async () => {
  causeway = await startCauseway();
  temporal = await testTemporal(causeway);
});
afterAll(async () => {
  await temporal?.stop();
  await causeway.stop();
});

const workflowOf = ({ id, customerExternalId }: CreatedDestination): string => laneWorkflowId(id, customerExternalId);
const handleOf = (destination: CreatedDestination) => temporal.client.workflow.getHandle(workflowOf(destination));
const post = ({ customerExternalId }: CreatedDestination, name: string): Promise<string> =>
  postEvent(causeway.api, { eventType: 'e', customerExternalId, idempotencyKey: name, payload: {} });
const namesOn = async ({ topic }: CreatedDestination): Promise<string[]> =>
  (await causeway.kafka.records(topic)).map(({ headers }) => headers.idempotency_key ?? '');
function reset(destination: CreatedDestination, runId: string): Promise<string> {
  const to = ['--workflow-id', workflowOf(destination), '--run-id', runId, '--event-id', '5'];
  return operate(causeway, 'workflow', 'reset', ...to, '--reason', 'a test');
}

/** A paused lane that delivered the first event; which run did. */
async function pausedLane(): Promise<{ destination: CreatedDestination; first: string }> {
  const destination = await causeway.createDestination();
  const id = await post(destination, '1');
  await untilDelivery('delivered', causeway.api, id, ({ status }) => status === 'delivered');
  await handleOf(destination).signal('pause');
  return { destination, first: (await handleOf(destination).describe()).runId };
}

/** A worker whose activities don't reach Temporal, while the worker itself does. */
async function cutOffWorker(): Promise<Worker> {
  const nowhere = Connection.lazy({ address: '127.0.0.1:1' });
  const client = new Client({ connection: nowhere, namespace: causeway.temporal.namespace, dataConverter });
  const connection = await NativeConnection.connect({ address: causeway.temporal.address });
  onTestFinished(async () => {
    await nowhere.close();
    await connection.close();
  });
  const { namespace, taskQueue } = causeway.temporal;
  return await Worker.create({
    ...{ connection, namespace, taskQueue, dataConverter, workflowBundle: await bundledWorkflows() },
    activities: createStrayActivity({ histories: new LaneHistories(client), runs: laneRuns(client) }),
  });
}

test('a lane that was reset and cannot gather what strayed says so, sends nothing, and goes on in order once it can', async () => {
  const { destination, first } = await pausedLane();
  await reset(destination, first);
  for (const name of ['2', '3']) await post(destination, name);
  await causeway.worker.stop();
  await reset(destination, first);
  await post(destination, '4');
  await handleOf(destination).signal('resume');
  await (await cutOffWorker()).runUntil(async () => {
    const shown = async (): Promise<string> =>
      (await cli(causeway.api, ['lanes', destination.id])).out + JSON.stringify(await pendingOf(destination));
    const text = await until('it to try again', shown, (seen) => /"attempt":[2-9]/.test(seen));
    expect(text).toMatch(/gathering\. The lane was reset/);
    expect(text).toContain('Temporal did not answer');
    const { body } = await causeway.api.get(`/v1/destinations/${destination.id}/lanes`);
    expect(body).toMatchObject({ lanes: [{ status: { held: { reason: 'gathering' } } }] });
  });
  expect(await namesOn(destination)).toEqual(['1']);
  await causeway.worker.start();
  await until(
    'all records',
    () => namesOn(destination),
    (names) => names.length === 4,
  );
  await post(destination, '5');
  expect(
    await until(
      'the last record',
      () => namesOn(destination),
      (names) => names.includes('5'),
    ),
  ).toEqual(['1', '2', '3', '4', '5']);
  expect(await handleOf(destination).query('status')).not.toHaveProperty('held');
});

async function pendingOf(destination: CreatedDestination) {
  const { raw } = await handleOf(destination).describe();
  return (raw.pendingActivities ?? []).map(({ activityType, attempt, lastFailure }) => ({
    name: activityType?.name,
    attempt,
    failure: lastFailure?.message,
  }));
}

const partsMax = 60;
const partName = (n: number): string => `part-${n}`;

/** An event's block, as an API whose clock says so would send it. */
function blockAt({ customerExternalId: key }: CreatedDestination, name: string, acceptedAtMs: number) {
  const value = { eventType: 'e', customerExternalId: key, idempotencyKey: name, payload: {} };
  const delivery = { id: name.padStart(22, 'P'), key, value: Buffer.from(JSON.stringify(value)) };
  return blockOf([delivery], acceptedAtMs, 0);
}

/** A part of a replay, with an older time of acceptance than the part before it. */
const partOf = (destination: CreatedDestination, n: number) =>
  [blockAt(destination, partName(n), 1_000_000 - n), { replay: 'rpl_test', round: 0, part: n, by: 'ada' }] as const;

test('what a lane gathers is neither lost nor out of order, though its worker is killed meanwhile and the clocks of those who accepted it differ', async () => {
  const { destination, first } = await pausedLane();
  await post(destination, '2');
  await reset(destination, first);
  await handleOf(destination).signal('enqueue', blockAt(destination, '3', 1));
  for (let n = 0; n < partsMax; n++) await handleOf(destination).signal('resend', ...partOf(destination, n));
  await handleOf(destination).signal('enqueue', blockAt(destination, '4', Date.now() + 3_600_000));
  await causeway.worker.kill();
  await reset(destination, first);
  await post(destination, '5');
  await handleOf(destination).signal('resume');
  // It may have gathered all before it is seen to poll: so that is not waited for.
  const starting = causeway.worker.start().catch(() => undefined);
  const inMidst = async (): Promise<boolean> => (await pendingOf(destination)).some(({ name }) => name === 'stray');
  await untilWith('it to gather', inMidst, Boolean, { timeoutMs: 60_000, everyMs: 5 });
  await causeway.worker.kill();
  await starting; // It was killed, which a start rejects with.
  expect(await namesOn(destination)).toEqual(['1']);
  await causeway.worker.start();
  const parts = Array.from({ length: partsMax }, (_, n) => partName(n));
  const names = await until(
    'all records',
    () => namesOn(destination),
    (seen) => seen.length >= 5 + parts.length,
  );
  expect(names.filter((name) => name.startsWith('part'))).toEqual(parts);
  expect(names.filter((name) => !name.startsWith('part'))).toEqual(['1', '2', '3', '4', '5']);
});

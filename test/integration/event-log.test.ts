import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { heldInRuns } from '../../activities/heldInRuns.ts';
import { LaneHistories } from '../../activities/laneHistory.ts';
import { runsListedBy } from '../../activities/laneRuns.ts';
import { deliveryHistories, readDelivery } from '../../api/deliveryLogs.ts';
import { digestOfEventId } from '../../domain/eventId.ts';
import type { LaneStatus } from '../../domain/laneMessages.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { deliveryOf, type LoggedDelivery, postEvent, untilDelivery } from '../harness/eventLog.ts';
import { expectProblem } from '../harness/problem.ts';
import { ownKafka } from '../harness/servers.ts';
import { operate, type TestTemporal, testTemporal } from '../harness/temporal.ts';

/** After this long Temporal gives up a try of which it hears nothing, in ms. */
const heartbeatTimeoutMs = 4_000;
/** The worker's clock and Temporal's are the same, but rounded in different ways, in ms. */
const clocksApartMs = 5;

let broker: Awaited<ReturnType<typeof ownKafka>>;
let causeway: Causeway;
let temporal: TestTemporal;
beforeAll(async () => {
  broker = await ownKafka();
  // Runs of 50 history events: a handful of batches.
  causeway = await startCauseway({ kafka: broker, apiEnv: { CAUSEWAY_LANE_HISTORY_EVENTS_MAX: '50' } });
  temporal = await testTemporal(causeway);
});
afterAll(async () => {
  await temporal.stop();
  await causeway.stop();
  await broker.remove();
});

const signalBroker = (signal: 'SIGSTOP' | 'SIGCONT'): void => {
  if (broker.pid !== undefined) process.kill(broker.pid, signal);
};
/** The broker takes connections and requests from then on, as far as its machine's network does, and answers nothing. */
const freezeBroker = (): void => {
  signalBroker('SIGSTOP');
  onTestFinished(() => signalBroker('SIGCONT'));
};
const post = ({ customerExternalId }: CreatedDestination, pad = ''): Promise<string> =>
  postEvent(causeway.api, { eventType: 'e', customerExternalId, payload: { pad } });
const untilStatus = (wanted: string, eventId: string, timeoutMs?: number) =>
  untilDelivery(`status ${wanted}`, causeway.api, eventId, ({ status }) => status === wanted, timeoutMs);

/** A destination whose producer is connected: what fails next, fails on the way of a request or in its answer. */
async function connectedDestination(): Promise<CreatedDestination> {
  const destination = await causeway.createDestination();
  await untilStatus('delivered', await post(destination));
  return destination;
}

test('an event that waits for a worker is queued, without an attempt', async () => {
  const destination = await causeway.createDestination();
  await causeway.worker.stop();
  const id = await post(destination);
  const delivery = await deliveryOf(causeway.api, id);
  expect(delivery).toEqual({
    destinationId: destination.id,
    workflowId: `delivery:${destination.id}:${destination.customerExternalId}`,
    runId: expect.any(String),
    status: 'queued',
    acceptedAt: expect.any(String),
    attempts: [],
    interventions: [],
  });
  await causeway.worker.start();
  const { attempts, ...delivered } = await untilStatus('delivered', id);
  expect(delivered).toEqual({ ...delivery, status: 'delivered', attempts: undefined, partition: 0, offset: 0 });
  expect(attempts).toEqual([
    {
      number: 1,
      startedAt: expect.any(String),
      durationMs: expect.any(Number),
      outcome: 'delivered',
      records: 1,
      broker: broker.brokers[0],
      partition: 0,
      offset: 0,
    },
  ]);
});

test('an id that was never given is answered 404, and what is no id 400', async () => {
  expectProblem(await causeway.api.get('/v1/events/evt_AAAAAAAAAAAAAAAAAAAAAA'), 404, 'event_not_found');
  expectProblem(await causeway.api.get('/v1/events/evt_short'), 400, 'request_invalid');
});

test('an event parked many runs of its lane ago is parked, then replayed, with the attempts of both times', async () => {
  const { kafka } = causeway;
  const topic = await kafka.newTopic(1, { 'max.message.bytes': '1500' });
  const destination = await causeway.createDestination({ topic });
  const id = await post(destination, 'x'.repeat(5_000));
  const parked = await untilStatus('parked', id);
  const { workflowId, runId } = parked;

  const runs = async (): Promise<number> => {
    await post(destination);
    const { runId: now } = await temporal.client.workflow.getHandle(workflowId).describe();
    seen.add(now);
    return seen.size;
  };
  const seen = new Set([runId]);
  await until('the fourth run', runs, (count) => count >= 4);
  const still = await deliveryOf(causeway.api, id);
  expect(still).toEqual({ ...parked, runId: expect.any(String) });
  expect(still.runId).not.toBe(runId);

  await kafka.configure(topic, { 'max.message.bytes': '100000' });
  const signal = ['workflow', 'signal', '--workflow-id', workflowId, '--name', 'replay'];
  await operate(causeway, ...signal, '--input', JSON.stringify({ ids: [id], by: 'ada' }));
  const { attempts, interventions } = await untilStatus('delivered', id);
  expect(attempts.slice(0, parked.attempts.length)).toEqual(parked.attempts);
  expect(attempts.slice(parked.attempts.length)).toMatchObject([{ outcome: 'delivered' }]);
  expect(interventions).toMatchObject([{ kind: 'replay', by: 'ada' }]);
});

test('an attempt whose worker was killed while it was under way is on record, its outcome unknown', async () => {
  const destination = await connectedDestination();
  freezeBroker();
  const id = await post(destination);
  const { attempts: underWay } = await untilDelivery(
    'an attempt under way',
    causeway.api,
    id,
    ({ attempts }) => attempts.length > 0,
  );
  expect(underWay).toEqual([
    { number: 1, startedAt: expect.any(String), outcome: 'running', records: 1, partition: 0 },
  ]);
  await causeway.worker.kill();
  signalBroker('SIGCONT');
  await causeway.worker.start();

  const { attempts } = await untilStatus('delivered', id);
  expect(attempts[0]).toEqual({
    number: 1,
    startedAt: underWay[0]?.startedAt,
    durationAtLeastMs: expect.any(Number),
    durationAtMostMs: expect.any(Number),
    outcome: 'unknown',
    records: 1,
    partition: 0,
    error: expect.objectContaining({ kind: 'outcomeUnknown', name: 'WORKER_LOST' }),
  });
  expect(attempts.at(-1)).toMatchObject({ outcome: 'delivered' });
});

test('an attempt that was lost before it said a word is on record, between what was heard before and the next try', async () => {
  const destination = await connectedDestination();
  await broker.kill();
  const id = await post(destination);
  await untilDelivery('a failed attempt', causeway.api, id, ({ attempts }) => attempts.length > 0);
  // Frozen it takes the next try, and says nothing of it.
  process.kill(causeway.worker.pid ?? 0, 'SIGSTOP');
  const retrying = await untilDelivery('a lost try', causeway.api, id, ({ error }) => error?.name === 'WORKER_LOST');
  expect(retrying.status).toBe('retrying');
  await causeway.worker.kill();
  await broker.restart();
  await causeway.worker.start();

  const { attempts } = await untilStatus('delivered', id);
  const inShort = (of: LoggedDelivery) =>
    of.attempts.map(({ number, startedAt, outcome }) => [number, startedAt, outcome]);
  expect(inShort({ ...retrying, attempts }).slice(0, retrying.attempts.length)).toEqual(inShort(retrying));
  const lost = attempts.filter(({ startIsEarliest }) => startIsEarliest);
  expect(lost.length).toBeGreaterThan(0);
  for (const { number, startedAt, durationMs, durationAtMostMs = 0, outcome } of lost) {
    expect([durationMs, outcome]).toEqual([undefined, 'unknown']);
    const heardOf = attempts.filter(({ startIsEarliest }) => !startIsEarliest);
    const before = heardOf.findLast((one) => one.number < number);
    const next = heardOf.find((one) => one.number > number);
    const endedAtMs = Date.parse(before?.startedAt ?? '') + (before?.durationMs ?? 0);
    expect(Date.parse(startedAt)).toBeGreaterThanOrEqual(Math.floor(endedAtMs));
    expect(Date.parse(startedAt) + durationAtMostMs).toBeLessThan(Date.parse(next?.startedAt ?? '') + clocksApartMs);
    expect(durationAtMostMs).toBeGreaterThanOrEqual(heartbeatTimeoutMs);
  }
});

test('an attempt without an answer is on record, its outcome unknown: the record may be there twice, and is the same', async () => {
  const destination = await connectedDestination();
  freezeBroker();
  const id = await post(destination);
  const hasFailed = ({ attempts }: { attempts: { error?: unknown }[] }): boolean => attempts[0]?.error !== undefined;
  const { attempts: before } = await untilDelivery('no answer', causeway.api, id, hasFailed);
  expect(before[0]).toMatchObject({
    outcome: 'unknown',
    durationMs: expect.any(Number),
    broker: broker.brokers[0],
    error: { kind: 'outcomeUnknown', name: 'NO_ANSWER_IN_TIME' },
  });
  signalBroker('SIGCONT');

  const { attempts } = await untilStatus('delivered', id, 60_000);
  expect(attempts[0]).toEqual(before[0]);
  const last = await post(destination);
  await untilStatus('delivered', last);
  const records = await causeway.kafka.records(destination.topic);
  const own = records.filter(({ headers }) => headers.idempotency_key === id);
  expect(own.length).toBeGreaterThan(0);
  expect(new Set(own.map(({ value }) => String(value))).size).toBe(1);
});

test('an attempt whose connection was lost with the request in flight is on record, its outcome unknown', async () => {
  const destination = await connectedDestination();
  freezeBroker();
  const id = await post(destination);
  await untilDelivery('an attempt under way', causeway.api, id, ({ attempts }) => attempts.length > 0);
  await broker.kill();
  await broker.restart();

  const { attempts } = await untilStatus('delivered', id);
  expect(attempts[0]).toMatchObject({ outcome: 'unknown', broker: broker.brokers[0], partition: 0 });
  expect(attempts[0]?.error).toMatchObject({
    kind: 'outcomeUnknown',
    name: expect.stringMatching(/^(CONNECTION_CLOSED|ECONNRESET)$/),
  });
});

test('while the broker is away the event is retrying, with the time of its next attempt', async () => {
  const destination = await connectedDestination();
  await broker.kill();
  const id = await post(destination);
  const retrying = await untilDelivery(
    'a second attempt to fail',
    causeway.api,
    id,
    ({ nextAttemptAt, attempts }) => nextAttemptAt !== undefined && attempts.length > 1,
  );
  expect(retrying).toMatchObject({ status: 'retrying', error: { kind: 'transient', remedy: expect.any(String) } });
  const last = retrying.attempts.at(-1);
  expect(Date.parse(retrying.nextAttemptAt ?? '')).toBeGreaterThan(Date.parse(last?.startedAt ?? ''));
  expect(retrying.attempts.map(({ number, outcome }) => [number, outcome])).toEqual(
    retrying.attempts.map((_, n) => [n + 1, 'failed']),
  );
  expect(last?.error).toMatchObject({ kind: 'transient', name: 'ECONNREFUSED' });

  await broker.restart();
  const delivered = await untilStatus('delivered', id);
  expect(delivered.nextAttemptAt).toBeUndefined();
  expect(delivered.error).toBeUndefined();
  expect(delivered.attempts.slice(0, retrying.attempts.length)).toEqual(retrying.attempts);
});

test('an event that waited through more runs of its lane than are read is followed to where it waits, and was delivered', async () => {
  const destination = await causeway.createDestination();
  const { workflowId } = await untilStatus('delivered', await post(destination));
  const handle = temporal.client.workflow.getHandle(workflowId);
  await handle.signal('pause', { by: 'ada' });
  const waiting = await post(destination);
  const { runId, acceptedAt } = await untilStatus('paused', waiting);
  for (const runs = new Set([runId]); runs.size < 6; runs.add((await handle.describe()).runId)) await post(destination);

  const histories = new LaneHistories(temporal.client);
  const held = heldInRuns(temporal.client, histories, runsListedBy(temporal.client));
  const indexed = { workflowId, runId, acceptedAt: new Date(acceptedAt) };
  const log = () => readDelivery(deliveryHistories(histories, held), digestOfEventId(waiting) ?? '', indexed, 2);
  const open = (await handle.describe()).runId;
  const still = await until('its last run', log, (one) => one.runId === open);
  expect(still).toMatchObject({ status: 'paused', attempts: [], runsPassedOver: expect.any(Number) });
  await handle.signal('resume');
  const delivered = await until('its delivery', log, ({ status }) => status === 'delivered');
  expect(delivered).toMatchObject({ attempts: [{ outcome: 'delivered' }], runsPassedOver: expect.any(Number) });
  expect([still, delivered].some((one) => 'incomplete' in one)).toBe(false);
});

test('a dead letter is found in the run that replayed it, and in the open lane where Temporal has deleted the beginning', async () => {
  const topic = await causeway.kafka.newTopic(1, { 'max.message.bytes': '1500' });
  const destination = await causeway.createDestination({ topic });
  const replayed = await post(destination, 'x'.repeat(5_000));
  const kept = await post(destination, 'x'.repeat(5_000));
  await untilStatus('parked', kept);
  const { workflowId, runId, acceptedAt } = await untilStatus('parked', replayed);
  const handle = temporal.client.workflow.getHandle(workflowId);
  for (const runs = new Set([runId]); runs.size < 5; runs.add((await handle.describe()).runId)) {
    await untilStatus('delivered', await post(destination));
  }
  await causeway.kafka.configure(topic, { 'max.message.bytes': '1000000' });
  await handle.signal('replay', { ids: [replayed], by: 'ada' });
  await untilStatus('delivered', replayed);

  const histories = new LaneHistories(temporal.client);
  const held = heldInRuns(temporal.client, histories, runsListedBy(temporal.client));
  const indexed = { workflowId, runId, acceptedAt: new Date(acceptedAt) };
  const read = () => readDelivery(deliveryHistories(histories, held), digestOfEventId(replayed) ?? '', indexed, 2);
  const log = await until('its later run', read, ({ status }) => status === 'delivered');
  expect(log).toMatchObject({
    attempts: [{ outcome: 'failed' }, { outcome: 'delivered' }],
    interventions: [{ by: 'ada' }],
  });
  expect(log).not.toHaveProperty('incomplete');

  const { workflowService, options } = temporal.client;
  const still = await until(
    'the first run to be deleted',
    async () => {
      const request = { namespace: options.namespace, workflowExecution: { workflowId, runId } };
      await workflowService.deleteWorkflowExecution(request).catch(() => undefined);
      return await deliveryOf(causeway.api, kept);
    },
    ({ deletedBefore }) => deletedBefore === true,
  );
  expect(still).toMatchObject({ status: 'parked', error: { name: 'MESSAGE_TOO_LARGE' } });
});

test('an event in an overflow segment is known to wait there though Temporal has deleted the run that took it in', async () => {
  const destination = await causeway.createDestination();
  const { workflowId, runId } = await untilStatus('delivered', await post(destination));
  const handle = temporal.client.workflow.getHandle(workflowId);
  await handle.signal('pause', { by: 'ada' });
  const pad = 'x'.repeat(200_000);
  const waiting: string[] = [];
  for (let n = 0; n < 14; n++) waiting.push(await post(destination, pad));
  const overflow = async () => (await handle.query<LaneStatus>('status')).overflow?.segments ?? 0;
  await until('two segments', overflow, (segments) => segments >= 2);
  for (const runs = new Set([runId]); runs.size < 4; runs.add((await handle.describe()).runId)) await post(destination);
  const inSegment = waiting[1] ?? '';
  const { workflowService, options } = temporal.client;
  const told = await until(
    'all closed runs to be deleted',
    async () => {
      const open = (await handle.describe()).runId;
      for (const runId of await runsListedBy(temporal.client)(workflowId)) {
        const request = { namespace: options.namespace, workflowExecution: { workflowId, runId } };
        if (runId !== open) await workflowService.deleteWorkflowExecution(request).catch(() => undefined);
      }
      return await deliveryOf(causeway.api, inSegment);
    },
    ({ deletedBefore }) => deletedBefore === true,
  );
  expect(told).toMatchObject({ status: 'paused', attempts: [] });
  await handle.signal('resume');
  expect(await untilStatus('delivered', inSegment)).toMatchObject({ attempts: [{ outcome: 'delivered' }] });
});

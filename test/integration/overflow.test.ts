import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runSizesOf } from '../../dev/laneRuns.ts';
import { laneWorkflowId } from '../../domain/lane.ts';
import { type LaneStatus, laneQueries } from '../../domain/laneMessages.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { deliveryOf, untilDelivery } from '../harness/eventLog.ts';
import { firstSeen } from '../harness/order.ts';
import { operate, type TestTemporal, testTemporal } from '../harness/temporal.ts';

const minutes = 60_000;
const perPost = 250;
/** No run of anything may pass these. */
const historyEventsMax = 10_000;
const historyBytesMax = 10_000_000;
const filler = 'x'.repeat(300);

let causeway: Causeway;
let temporal: TestTemporal;
beforeAll(async () => {
  causeway = await startCauseway({ apiEnv: { CAUSEWAY_LANE_HISTORY_EVENTS_MAX: '60' } });
  temporal = await testTemporal(causeway);
});
afterAll(async () => {
  await temporal.stop();
  await causeway.stop();
});

type Sender = {
  /** Posts the next so many events of each key, until each is accepted. */
  send(count: number): Promise<void>;
  /** What was accepted, by key, in order. */
  accepted: Map<string, string[]>;
  ids: Map<string, string>;
};

function senderOf({ customerExternalId }: CreatedDestination, keys: readonly string[]): Sender {
  const accepted = new Map<string, string[]>(keys.map((key) => [key, []]));
  const ids = new Map<string, string>();
  let n = 0;
  const post = async (events: { idempotencyKey: string; payload: { key: string } }[]): Promise<void> => {
    const answer = await until(
      'a batch to be accepted',
      () => causeway.api.postBatch(events),
      ({ status }) => status === 202,
      minutes,
    );
    const { results } = answer.body as { results: { id: string }[] };
    events.forEach(({ idempotencyKey, payload }, i) => {
      accepted.get(payload.key)?.push(idempotencyKey);
      ids.set(idempotencyKey, results[i]?.id ?? '');
    });
  };
  const send = async (count: number): Promise<void> => {
    const events = Array.from({ length: count }, () => {
      const key = keys[n % keys.length] ?? '';
      const idempotencyKey = `${key}#${n++}`;
      return {
        eventType: 'e',
        customerExternalId,
        idempotencyKey,
        payload: { key, n, filler: filler + Math.random() },
      };
    });
    for (let at = 0; at < events.length; at += perPost) await post(events.slice(at, at + perPost));
  };
  return { send, accepted, ids };
}

const lanesOf = ({ id }: CreatedDestination, lanes: readonly string[]): string[] =>
  lanes.map((lane) => laneWorkflowId(id, lane));
const signalAll = async (lanes: readonly string[], signal: string): Promise<void> => {
  for (const lane of lanes) await temporal.client.workflow.getHandle(lane).signal(signal);
};
const statusesOf = (lanes: readonly string[]): Promise<LaneStatus[]> =>
  Promise.all(lanes.map((lane) => temporal.client.workflow.getHandle(lane).query<LaneStatus>(laneQueries.status)));
const waitingIn = async (lanes: readonly string[]): Promise<number> =>
  (await statusesOf(lanes)).reduce((sum, { waitingEvents }) => sum + waitingEvents, 0);

/** Waits for as many records as were accepted; answers all that are there. */
async function arrived({ topic }: CreatedDestination, { accepted }: Sender) {
  const count = [...accepted.values()].reduce((sum, ids) => sum + ids.length, 0);
  return await until(
    `${count} events on the topic`,
    () => causeway.kafka.records(topic),
    (records) => new Set(records.map(({ headers }) => headers.idempotency_key)).size >= count,
    2 * minutes,
  );
}

async function expectBoundedRuns(lanes: readonly string[]): Promise<number> {
  const runs = (await Promise.all(lanes.map((lane) => runSizesOf(temporal.client, lane)))).flat();
  expect(Math.max(...runs.map(({ historyEvents }) => historyEvents))).toBeLessThan(historyEventsMax);
  expect(Math.max(...runs.map(({ historyBytes }) => historyBytes))).toBeLessThan(historyBytesMax);
  return runs.length;
}

async function openSegments({ id }: CreatedDestination): Promise<number> {
  const query = `WorkflowType = 'segment' AND WorkflowId STARTS_WITH 'overflow:${id}:' AND ExecutionStatus = 'Running'`;
  return (await temporal.client.workflow.count(query)).count;
}

describe('a destination that is paused while 20,000 events come', () => {
  test('for one key: each arrives once, in order, though the worker is killed in their midst', {
    timeout: 5 * minutes,
  }, async () => {
    const destination = await causeway.createDestination({ partitionKey: 'payload.key', ordering: { lanes: 'key' } });
    const lanes = lanesOf(destination, ['k']);
    const sender = senderOf(destination, ['k']);
    await sender.send(1);
    await arrived(destination, sender);
    await signalAll(lanes, 'pause');
    await sender.send(8_000);
    await causeway.worker.kill();
    await sender.send(1_000);
    await causeway.worker.start();
    await sender.send(11_000);
    await until(
      'all to wait',
      () => waitingIn(lanes),
      (waiting) => waiting === 20_000,
    );
    await until(
      'segments to be opened',
      () => statusesOf(lanes),
      ([status]) => (status?.overflow?.segments ?? 0) > 8,
    );
    const inSegment = sender.ids.get('k#5000') ?? '';
    expect(await deliveryOf(causeway.api, inSegment)).toMatchObject({ status: 'paused', attempts: [] });

    await signalAll(lanes, 'resume');
    const records = await arrived(destination, sender);
    expect(records.map(({ headers }) => headers.idempotency_key)).toEqual(sender.accepted.get('k'));
    const delivery = await untilDelivery(
      'its attempt',
      causeway.api,
      inSegment,
      ({ status }) => status === 'delivered',
    );
    expect(delivery.attempts).toMatchObject([{ number: 1, outcome: 'delivered', offset: 5_000 }]);
    expect(await expectBoundedRuns(lanes)).toBeGreaterThan(2); // It goes on from run to run.
    await until(
      'every segment to be closed',
      () => openSegments(destination),
      (open) => open === 0,
    );
  });

  test('over 4 lanes: all arrive in order, though more come and the worker is killed while they are delivered', {
    timeout: 5 * minutes,
  }, async () => {
    const destination = await causeway.createDestination({ partitionKey: 'payload.key', ordering: { lanes: 4 } });
    const lanes = lanesOf(destination, ['0', '1', '2', '3']);
    const keys = Array.from({ length: 100 }, (_, n) => `order-${n}`);
    const sender = senderOf(destination, keys);
    await sender.send(1_000);
    await arrived(destination, sender);
    await signalAll(lanes, 'pause');
    await sender.send(20_000);
    await until(
      'all to wait',
      () => waitingIn(lanes),
      (waiting) => waiting === 20_000,
    );
    expect(Math.min(...(await statusesOf(lanes)).map(({ overflow }) => overflow?.segments ?? 0))).toBeGreaterThan(0);

    await signalAll(lanes, 'resume');
    await until(
      'some to arrive',
      () => causeway.kafka.records(destination.topic),
      ({ length }) => length > 5_000,
    );
    await causeway.worker.kill();
    await causeway.worker.start();
    await sender.send(3_000);
    const records = await arrived(destination, sender);
    for (const key of keys) expect(firstSeen(records, key)).toEqual(sender.accepted.get(key));
    await expectBoundedRuns(lanes);
    await until(
      'every segment to be closed',
      () => openSegments(destination),
      (open) => open === 0,
    );
  });
});

/** A lane that has delivered one event and is paused, with 6,000 more of the key `k`, most of them in segments. */
async function pausedWithSegments() {
  const destination = await causeway.createDestination({ partitionKey: 'payload.key', ordering: { lanes: 'key' } });
  const [lane = ''] = lanesOf(destination, ['k']);
  const sender = senderOf(destination, ['k']);
  await sender.send(1);
  await arrived(destination, sender);
  await signalAll([lane], 'pause');
  await sender.send(6_000);
  await until(
    'all to wait',
    () => waitingIn([lane]),
    (waiting) => waiting === 6_000,
  );
  expect((await statusesOf([lane]))[0]?.overflow?.segments).toBeGreaterThan(1);
  return { destination, lane, sender };
}

test('a lane that is reset to its beginning while events of it are in segments loses none, and keeps their order', {
  timeout: 2 * minutes,
}, async () => {
  const { destination, lane, sender } = await pausedWithSegments();
  const [first] = (await runSizesOf(temporal.client, lane)).toReversed();
  await operate(
    causeway,
    'workflow',
    'reset',
    '-w',
    lane,
    '-r',
    first?.runId ?? '',
    '-t',
    'FirstWorkflowTask',
    '--reason',
    'a test',
  );
  await until(
    'all to wait again',
    () => waitingIn([lane]),
    (waiting) => waiting >= 6_000,
  );
  await signalAll([lane], 'resume');
  const records = await arrived(destination, sender);
  expect(firstSeen(records, 'k')).toEqual(sender.accepted.get('k'));
  await until(
    'every segment to be closed',
    () => openSegments(destination),
    (open) => open === 0,
  );
});

test('a lane that is reset to after it opened segments, and before it read them, reads them again and sends nothing twice', {
  timeout: 2 * minutes,
}, async () => {
  const { destination, lane, sender } = await pausedWithSegments();
  const { runId } = await temporal.client.workflow.getHandle(lane).describe();
  const { events } = await temporal.client.workflow.getHandle(lane, runId).fetchHistory();
  const point = events?.findLast((event) => event.workflowTaskCompletedEventAttributes)?.eventId;
  await signalAll([lane], 'resume');
  await arrived(destination, sender);
  await until(
    'every segment to be closed',
    () => openSegments(destination),
    (open) => open === 0,
  );

  await operate(causeway, 'workflow', 'reset', '-w', lane, '-r', runId, '-e', String(point), '--reason', 'a test');
  await until(
    'the lane to have read its segments, and to wait for none',
    () => statusesOf([lane]),
    ([status]) => status?.waitingEvents === 0 && status.overflow === undefined,
  );
  await sender.send(3);
  const records = await arrived(destination, sender);
  expect(records.map(({ headers }) => headers.idempotency_key)).toEqual(sender.accepted.get('k'));
  expect((await statusesOf([lane]))[0]?.counts).toMatchObject({ accepted: 6_004, delivered: 6_004 });
  const reading = (await logOf(destination, 'k')).filter(({ kind }) => kind === 'segmentRead');
  expect(new Set(reading.map(({ segmentId }) => segmentId)).size).toBeLessThan(reading.length);
});

type LogPage = { entries: { kind: string; segmentId?: string }[]; nextCursor?: string };
/** The whole log of a lane. */
async function logOf({ id }: CreatedDestination, lane: string): Promise<LogPage['entries']> {
  const entries: LogPage['entries'] = [];
  for (let query = ''; ; ) {
    const { body } = await causeway.api.get(`/v1/destinations/${id}/lane-log?lane=${lane}&limit=1000${query}`);
    const page = body as LogPage;
    entries.push(...page.entries);
    if (page.nextCursor === undefined) return entries;
    query = `&cursor=${encodeURIComponent(page.nextCursor)}`;
  }
}

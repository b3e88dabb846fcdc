import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LaneStatus, laneQueries } from '../../domain/laneMessages.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { deliveryOf, untilDelivery } from '../harness/eventLog.ts';
import type { KafkaRecord } from '../harness/kafka.ts';
import { firstSeen } from '../harness/order.ts';
import { beginReplay, replayed } from '../harness/replays.ts';
import { operate, type TestTemporal, testTemporal } from '../harness/temporal.ts';

let causeway: Causeway;
let temporal: TestTemporal;
beforeAll(async () => {
  causeway = await startCauseway();
  temporal = await testTemporal(causeway);
});
afterAll(async () => {
  await temporal.stop();
  await causeway.stop();
});

const anyRecords = { 'max.message.bytes': '1000000' };
/** Three of these are more than a lane carries of dead letters. */
const tooLarge = 'x'.repeat(200 * 1024);

type Posted = { id: string; name: string; text: string; key: string };
type Lanes = { lanes: { lane: string; workflowId: string; deadLetters: number; status?: LaneStatus }[] };
type LaneLog = { entries: { kind: string; holderId?: string; events?: number }[] };
type Letters = { deadLetters: { eventId: string; bytes: number; bodyIn?: string; error: { name: string } }[] };

/** A topic that takes no large records, whose keys share one lane; and what is posted to it. */
async function newLane() {
  const { api, kafka } = causeway;
  const topic = await kafka.newTopic(1, { 'max.message.bytes': '1500' });
  const destination = await causeway.createDestination({ topic, partitionKey: 'payload.key', ordering: { lanes: 1 } });
  const workflowId = `delivery:${destination.id}:0`;
  let count = 0;
  const post = async (key: string, { isLarge = false, eventType = 'e' } = {}): Promise<Posted> => {
    const name = String(count++).padStart(3, '0');
    const payload = JSON.stringify({ key, pad: isLarge ? tooLarge : '' });
    const text = `{"eventType":"${eventType}","occurredAt":"2026-01-15T09:30:00Z","customerExternalId":"${destination.customerExternalId}","idempotencyKey":"${name}","payload":${payload}}`;
    const { id } = (
      await until(
        'it to be accepted',
        () => api.post(text),
        ({ status }) => status === 202,
      )
    ).body as Posted;
    return { id, name, text, key };
  };
  const lanes = async () => ((await api.get(`/v1/destinations/${destination.id}/lanes`)).body as Lanes).lanes;
  const untilParked = (parked: number) =>
    until(
      `${parked} to be parked`,
      lanes,
      ([lane]) => lane?.deadLetters === parked && lane.status?.waitingEvents === 0,
      60_000,
    );
  const letters = async () =>
    ((await api.get(`/v1/destinations/${destination.id}/dead-letters?limit=1000`)).body as Letters).deadLetters;
  const openHolders = async (): Promise<Run[]> => {
    const query = `WorkflowType = 'holder' AND WorkflowId STARTS_WITH 'overflow:${destination.id}:' AND ExecutionStatus = 'Running'`;
    const open: Run[] = [];
    for await (const { workflowId, runId } of temporal.client.workflow.list({ query }))
      open.push({ workflowId, runId });
    return open;
  };
  const handle = temporal.client.workflow.getHandle(workflowId);
  const status = () => handle.query<LaneStatus>(laneQueries.status);
  return {
    ...{ destination, topic, workflowId, post, lanes, untilParked, letters, status, openHolders },
    signal: (name: string, input: unknown) => handle.signal(name, input),
    reset: (...to: string[]) =>
      operate(causeway, 'workflow', 'reset', '--workflow-id', workflowId, ...to, '--reason', 'a test'),
    /** So many are parked, and nothing waits to be sent. */
    untilThrough: (parked: number) =>
      until(
        'it to be through',
        status,
        ({ waitingEvents, deadLetters }) => waitingEvents === 0 && deadLetters === parked,
        60_000,
      ),
    untilNoHolderIsOpen: () => until('every holder to be closed', openHolders, (open) => open.length === 0),
    untilHolders: (min: number) => until('holders to be open', openHolders, (open) => open.length >= min),
    mend: () => kafka.configure(topic, anyRecords),
    untilOnTopic: (events: number) =>
      until(
        `${events} events on the topic`,
        () => kafka.records(topic),
        (seen) => new Set(namesOf(seen)).size >= events,
        60_000,
      ),
  };
}
type Run = { workflowId: string; runId: string };
type TestLane = Awaited<ReturnType<typeof newLane>>;

const namesOf = (records: readonly KafkaRecord[]): string[] =>
  records.map(({ headers }) => headers.idempotency_key ?? '');
const inOrder = (posted: readonly Posted[], key: string): string[] =>
  posted.filter((one) => one.key === key).map(({ name }) => name);

/** So many large events of two keys, and a small one of another key after each. */
async function postMany(lane: TestLane, count: number): Promise<{ large: Posted[]; small: Posted[] }> {
  const [large, small]: [Posted[], Posted[]] = [[], []];
  for (let n = 0; n < count; n++) {
    large.push(await lane.post(`k${n % 2}`, { isLarge: true, eventType: n % 4 < 2 ? 'wanted' : 'unwanted' }));
    small.push(await lane.post('other'));
  }
  return { large, small };
}

function expectSame(
  records: readonly KafkaRecord[],
  posted: readonly Posted[],
  { customerExternalId }: CreatedDestination,
): void {
  for (const { name, text, key } of posted) {
    const record = records.find(({ headers }) => headers.idempotency_key === name);
    expect(String(record?.value) === text, `the value of ${name}`).toBe(true);
    expect([String(record?.key), record?.headers]).toEqual([
      key,
      {
        event_type: JSON.parse(text).eventType,
        occurred_at: expect.any(String),
        customer_external_id: customerExternalId,
        idempotency_key: name,
      },
    ]);
  }
}

test('20 refused events of 200 KiB hold up no other key, though the worker is killed meanwhile; a replay sends each once, in order, the same record', {
  timeout: 240_000,
}, async () => {
  const lane = await newLane();
  const { api, worker } = causeway;
  const first = await postMany(lane, 7);
  await worker.kill();
  const second = await postMany(lane, 3);
  await worker.start();
  const third = await postMany(lane, 5);
  await worker.kill();
  await worker.start();
  const last = await postMany(lane, 5);
  const large = [first, second, third, last].flatMap((one) => one.large);
  const small = [first, second, third, last].flatMap((one) => one.small);
  expect(firstSeen(await lane.untilOnTopic(20), 'other')).toEqual(inOrder(small, 'other'));
  await lane.untilParked(20);
  const [shown, ...others] = await lane.lanes();
  expect([shown?.workflowId, others]).toEqual([lane.workflowId, []]);
  await lane.untilHolders(3);
  const letters = await lane.letters();
  expect(letters.map(({ eventId }) => eventId).toSorted()).toEqual(large.map(({ id }) => id).toSorted());
  expect(letters.every(({ bytes, error }) => bytes > 200_000 && error.name === 'MESSAGE_TOO_LARGE')).toBe(true);
  expect(letters.filter(({ bodyIn }) => bodyIn).length).toBeGreaterThan(15);
  expect(await deliveryOf(api, large[0]?.id ?? '')).toMatchObject({
    status: 'parked',
    error: { name: 'MESSAGE_TOO_LARGE' },
  });

  await lane.mend();
  await lane.signal('replay', { all: true, reason: 'limit raised', by: 'ada' });
  const records = await lane.untilOnTopic(40);
  for (const key of ['k0', 'k1']) expect(firstSeen(records, key)).toEqual(inOrder(large, key));
  const ofLarge = namesOf(records).filter((name) => large.some((one) => one.name === name));
  expect(ofLarge).toHaveLength(20); // Each once: no worker was killed since.
  expectSame(records, large, lane.destination);
  const delivery = await untilDelivery(
    'it is delivered',
    api,
    large[0]?.id ?? '',
    ({ status }) => status === 'delivered',
  );
  expect(delivery.interventions).toMatchObject([{ kind: 'replay', reason: 'limit raised', by: 'ada' }]);
  await lane.untilParked(0);
  await lane.untilNoHolderIsOpen();
});

test('a replay by event type finds bodies in holders; a worker killed while they are sent loses none and leaves no holder open', {
  timeout: 240_000,
}, async () => {
  const lane = await newLane();
  const { large } = await postMany(lane, 12);
  await lane.untilParked(12);
  await lane.mend();
  const wanted = large.filter(({ text }) => text.includes('"wanted"'));
  const selector = {
    destinationId: lane.destination.id,
    status: 'parked',
    eventType: 'wanted',
    reason: 'r',
    by: 'ada',
  };
  const replay = await replayed(causeway.api, await beginReplay(causeway.api, selector));
  expect(replay).toMatchObject({ status: 'done', events: wanted.length });
  expect(namesOf(await lane.untilOnTopic(12 + wanted.length))).toEqual(
    expect.arrayContaining(wanted.map(({ name }) => name)),
  );
  await lane.untilParked(12 - wanted.length);

  await lane.signal('replay', { all: true });
  await until('some of it to be sent', lane.status, ({ counts }) => counts.delivered > 12 + wanted.length);
  await causeway.worker.kill();
  await causeway.worker.start();
  const records = await lane.untilOnTopic(24);
  for (const key of ['k0', 'k1']) expect(firstSeen(records, key).toSorted()).toEqual(inOrder(large, key));
  await lane.untilParked(0);
  await lane.untilNoHolderIsOpen();
});

/** A lane with eight large dead letters, some of them in holders; and a record behind them. */
async function parkedLane() {
  const lane = await newLane();
  const { large } = await postMany(lane, 8);
  await lane.untilParked(8);
  await lane.untilHolders(1);
  // Redone after a reset, the task that parks would hear of what comes next before it parks.
  await lane.post('other');
  await lane.untilOnTopic(9);
  return { ...lane, large };
}

/** Where a lane can be reset to. */
async function pointNow({ workflowId }: TestLane): Promise<string[]> {
  const { runId } = await temporal.client.workflow.getHandle(workflowId).describe();
  const { events } = await temporal.client.workflow.getHandle(workflowId, runId).fetchHistory();
  const point = events?.findLast((event) => event.workflowTaskCompletedEventAttributes)?.eventId;
  return ['--run-id', runId, '--event-id', String(point)];
}

async function firstTaskOf({ workflowId }: TestLane): Promise<string[]> {
  const { raw } = await temporal.client.workflow.getHandle(workflowId).describe();
  return ['--run-id', raw.workflowExecutionInfo?.firstRunId ?? '', '--type', 'FirstWorkflowTask'];
}

/** As retention deletes: these runs, or of each workflow the latest. Temporal does so when it has come to it. */
async function deleted(runs: readonly { workflowId: string; runId?: string }[]): Promise<void> {
  for (const { workflowId, runId } of runs) {
    const run = runId === undefined ? [] : ['--run-id', runId];
    await operate(causeway, 'workflow', 'delete', '--workflow-id', workflowId, ...run);
  }
  for (const { workflowId, runId } of runs) {
    const isGone = () =>
      temporal.client.workflow
        .getHandle(workflowId, runId)
        .describe()
        .then(
          () => false,
          () => true,
        );
    await until(`${workflowId} to be gone`, isGone, Boolean, 90_000);
  }
}

test('a lane that is reset to before its letters were replayed parks none of those that were delivered, though their holders are deleted', {
  timeout: 240_000,
}, async () => {
  const lane = await parkedLane();
  const point = await pointNow(lane);
  const holders = new Set((await lane.letters()).flatMap(({ bodyIn }) => bodyIn ?? []));
  const [given = { id: '' }, ...others] = lane.large;
  await lane.mend();
  await lane.signal('discard', { ids: [given.id] });
  await lane.signal('replay', { all: true });
  await lane.untilOnTopic(16);
  await lane.untilNoHolderIsOpen();
  await deleted([...holders].map((workflowId) => ({ workflowId })));

  await lane.reset(...point);
  await until('all to be known', lane.status, ({ counts }) => counts.delivered === 16, 60_000);
  await lane.untilThrough(0);
  await lane.post('last');
  const records = await lane.untilOnTopic(17);
  expect(records).toHaveLength(17);
  expectSame(records, others, lane.destination);
  const log = await Promise.all(lane.large.map(({ id }) => deliveryOf(causeway.api, id)));
  expect(log.map(({ status }) => status)).toEqual(lane.large.map((one) => (one === given ? 'discarded' : 'delivered')));
  await lane.untilNoHolderIsOpen();
});

test('a lane that is reset to before it parked, and to after, has each body once more, and sends nothing twice', {
  timeout: 240_000,
}, async () => {
  const lane = await parkedLane();
  await lane.reset(...(await firstTaskOf(lane)));
  await lane.untilThrough(8);

  await lane.post('other'); // As above.
  await lane.untilOnTopic(10);
  const point = await pointNow(lane);
  await lane.mend();
  await lane.signal('replay', { all: true });
  await lane.untilOnTopic(18);
  await lane.untilNoHolderIsOpen();
  await lane.reset(...point); // The replay is given once more, and its bodies are read again.
  await lane.untilThrough(0);
  await lane.post('last');
  const records = await lane.untilOnTopic(19);
  expect(records).toHaveLength(19);
  expectSame(records, lane.large, lane.destination);
  await lane.untilNoHolderIsOpen();
});

test('a lane that is reset to before it parked, and then to after, has all bodies, though the holders that the first reset closed are deleted', {
  timeout: 240_000,
}, async () => {
  const lane = await parkedLane();
  const [after, before] = [await pointNow(lane), await firstTaskOf(lane)];
  const holders = await lane.openHolders();
  const names = new Set(holders.map(({ workflowId }) => workflowId));
  const openOfThem = async () => (await lane.openHolders()).filter(({ workflowId }) => names.has(workflowId));
  await lane.reset(...before);
  await lane.untilThrough(8);
  await until('them to be closed', openOfThem, (open) => open.length === 0);

  await lane.reset(...after);
  await until('them to be open again', openOfThem, (open) => open.length === names.size);
  await deleted(holders);
  await lane.mend();
  await lane.signal('replay', { all: true });
  const records = await lane.untilOnTopic(17);
  expect(records).toHaveLength(17);
  for (const key of ['k0', 'k1']) expect(firstSeen(records, key)).toEqual(inOrder(lane.large, key));
  expectSame(records, lane.large, lane.destination);
  await until('them to be closed', openOfThem, (open) => open.length === 0);
  // Those that the first reset's lane had opened nobody closes.
  for (const { workflowId } of await lane.openHolders()) {
    await temporal.client.workflow.getHandle(workflowId).terminate('the test is over');
  }
});

test('a letter whose holder was deleted stays parked and says so, and holds up nothing; what a deleted destination parked is sent all the same', {
  timeout: 240_000,
}, async () => {
  const lane = await newLane();
  const { api } = causeway;
  const { large } = await postMany(lane, 8);
  await lane.untilParked(8);
  await lane.untilHolders(2);
  const letters = await lane.letters();
  const holder = letters[0]?.bodyIn ?? '';
  const lost = letters.filter(({ bodyIn }) => bodyIn === holder).map(({ eventId }) => eventId);
  await deleted([{ workflowId: holder }]);
  await lane.mend();
  await lane.signal('replay', { ids: [...lost, large.at(-1)?.id] });
  await lane.untilOnTopic(9);
  const delivery = await untilDelivery(
    'it is parked again',
    api,
    lost[0] ?? '',
    ({ error }) => error?.name === 'SEGMENT_MISSING',
  );
  expect(delivery).toMatchObject({ status: 'parked', error: { remedy: expect.stringContaining(holder) } });
  const now = await lane.letters();
  expect(now.filter(({ error }) => error.name === 'SEGMENT_MISSING').map(({ eventId }) => eventId)).toEqual(lost);

  const log = await api.get(`/v1/destinations/${lane.destination.id}/lane-log?lane=0`);
  expect(log.text).toContain('SEGMENT_MISSING');
  const { entries } = log.body as LaneLog;
  const opened = entries.filter(({ kind }) => kind === 'holderOpened');
  expect(opened.find(({ holderId }) => holderId === holder)?.events).toBe(lost.length);
  expect(entries.find(({ kind }) => kind === 'holderRead')).toMatchObject({ holderId: expect.any(String) });

  // Found, and given up, by their error.
  const ofLost = `/v1/destinations/${lane.destination.id}`;
  const listed = await api.get(`${ofLost}/dead-letters?error=SEGMENT_MISSING`);
  expect(listed.body).toMatchObject({ deadLetters: lost.map((eventId) => ({ eventId })) });
  const given = await api.request('POST', `${ofLost}/discard`, { all: true, error: 'SEGMENT_MISSING' });
  expect([given.status, given.body]).toMatchObject([202, { deadLetters: lost.length }]);
  await lane.untilParked(7 - lost.length);
  expect((await api.request('DELETE', `/v1/destinations/${lane.destination.id}`)).status).toBe(204);
  await lane.signal('replay', { all: true });
  await lane.untilOnTopic(16 - lost.length); // What was accepted is delivered.
  await lane.untilNoHolderIsOpen();
});

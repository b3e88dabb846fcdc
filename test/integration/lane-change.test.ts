import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { freePort } from '../../dev/servers/ports.ts';
import { startToxiproxy } from '../../dev/servers/toxiproxy.ts';
import { blockOf } from '../../domain/block.ts';
import { eventDigest } from '../../domain/eventDigest.ts';
import { defaultLaneLimits, type LaneStart, laneWorkflowId, laneWorkflowType } from '../../domain/lane.ts';
import { laneSignals } from '../../domain/laneMessages.ts';
import { openStore, type Store } from '../../store/store.ts';
import type { Answer, TestApi } from '../harness/api.ts';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';
import { expectProblem } from '../harness/problem.ts';
import { testTemporal } from '../harness/temporal.ts';

const minute = 60_000;
let causeway: Causeway;
let other: TestApi;
beforeAll(async () => {
  causeway = await startCauseway({ workers: 1 });
  other = await causeway.anotherApi();
});
afterAll(() => causeway.stop());

type Late = { answer: Promise<Answer> };

/** An API process whose way to Temporal is made long, and an event that is on this way. */
async function late(context: TestContext, latency: number, sent: ReturnType<typeof event>): Promise<Late> {
  const toxiproxy = await startToxiproxy({ logDir: causeway.logDir });
  context.onTestFinished(() => toxiproxy.stop());
  const port = await freePort();
  const way = await toxiproxy.open('temporal', port, Number(causeway.temporal.address.split(':')[1]));
  const api = await causeway.anotherApi({ TEMPORAL_ADDRESS: `127.0.0.1:${port}` });
  await api.post({ ...sent, eventType: 'none' }); // It knows key and destination by now.
  await way.add({ type: 'latency', stream: 'upstream', attributes: { latency } });
  const answer = api.post(sent);
  await api.get('/v1/destinations'); // Which takes it longer than to begin with the event.
  return { answer };
}

async function withStore(use: (store: Store) => Promise<void>): Promise<void> {
  const store = await openStore({ databaseUrl: causeway.databaseUrl, secretKeys: [{ id: 'k', key: randomBytes(32) }] });
  await use(store).finally(() => store.close());
}

/** Events of the destination were noted to be on their way so much longer ago. */
async function halfAMinuteLater(destinationId: string): Promise<void> {
  const client = new pg.Client({ connectionString: causeway.databaseUrl });
  await client.connect();
  const earlier = `update events_on_their_way set seen_at = seen_at - interval '31 seconds' where starts_with(workflow_id, $1)`;
  await client.query(earlier, [laneWorkflowId(destinationId, '')]).finally(() => client.end());
}

const ordersOnly = { partitionKey: 'payload.orderId', eventTypes: ['order.*'] };
const patch = (id: string, body: unknown) => causeway.api.request('PATCH', `/v1/destinations/${id}`, body);
const event = (customerExternalId: string, orderId: string, n: number) => ({
  eventType: 'order.changed',
  customerExternalId,
  idempotencyKey: `${orderId}-${n}`,
  payload: { orderId, n },
});

const untilAccepted = (sent: ReturnType<typeof event>) =>
  until(
    'the event to be accepted',
    () => other.post(sent),
    ({ status }) => status === 202,
    minute,
  );

/** The numbers of each order's events, in the order in which they lie in Kafka, without repeats. */
async function numbersOf(topic: string): Promise<Map<string, number[]>> {
  const numbers = new Map<string, number[]>();
  for (const { key, value } of await causeway.kafka.records(topic)) {
    const { payload } = JSON.parse(String(value)) as { payload: { n: number } };
    const seen = numbers.get(String(key)) ?? [];
    if (!seen.includes(payload.n)) numbers.set(String(key), [...seen, payload.n]);
  }
  return numbers;
}

const arrived = (topic: string, expected: Map<string, number[]>) =>
  until(
    'all events in Kafka',
    () => numbersOf(topic),
    (seen) => [...expected].every(([key, numbers]) => seen.get(key)?.length === numbers.length),
  );

describe('the lanes of a live destination', () => {
  test('stay as they are while an event waits, and change once it is delivered', async () => {
    const brokers = [`127.0.0.1:${await freePort()}`]; // Nobody is there.
    const { id, customerExternalId, topic } = await causeway.createDestination({
      brokers,
      partitionKey: 'payload.orderId',
    });
    expect((await causeway.api.post(event(customerExternalId, 'o', 0))).status).toBe(202);
    const { detail } = expectProblem(await patch(id, { ordering: { lanes: 2 } }), 409, 'events_waiting');
    expect(detail).toMatch(/^1 event waits in the lanes/);
    expect((await patch(id, { brokers: causeway.kafka.brokers })).status).toBe(200);
    await arrived(topic, new Map([['o', [0]]]));

    const changed = await until(
      'the lanes to change',
      () => patch(id, { ordering: { lanes: 2 } }),
      ({ status }) => status === 200,
    );
    expect(changed.body).toMatchObject({ ordering: { lanes: 2 } });
    const answer = await other.post(event(customerExternalId, 'o', 1));
    expect(answer.body).toMatchObject({ deliveries: [{ workflowId: expect.stringMatching(`^delivery:${id}:[01]$`) }] });
    expect(await arrived(topic, new Map([['o', [0, 1]]]))).toEqual(new Map([['o', [0, 1]]]));
  });

  test.each([
    ['numbered lanes', 2, '1'],
    ['lanes by key', 'key', 'o'],
  ])('stay as they are while an event waits that Temporal does not list yet: %s', async (_, lanes, lane) => {
    const partitionKey = 'payload.orderId';
    const { id, customerExternalId } = await causeway.createDestination({ partitionKey, ordering: { lanes } });
    const workflowId = laneWorkflowId(id, lane);
    const temporal = await testTemporal(causeway);
    const event = { id: randomBytes(16).toString('base64url'), key: 'o', value: Buffer.from('{}') };
    // Without search attributes it isn't found by them, as it is where visibility lags behind.
    const start: LaneStart = { destinationId: id, customerExternalId, lane, limits: defaultLaneLimits };
    const { taskQueue } = causeway.temporal;
    const handle = await temporal.client.workflow.start(laneWorkflowType, { workflowId, taskQueue, args: [start] });
    await handle.signal(laneSignals.pause);
    await handle.signal(laneSignals.enqueue, blockOf([event], Date.now(), 0));
    await withStore((store) =>
      store.eventIndex.add([{ eventId: event.id, workflowId, runId: handle.firstExecutionRunId }]),
    );
    expectProblem(await patch(id, { ordering: { lanes: 3 } }), 409, 'events_waiting');

    await handle.terminate(); // It is gone, and nothing waits in it.
    await temporal.stop();
    const changed = await patch(id, { ordering: { lanes: 3 } });
    expect(changed.status, changed.text).toBe(200);
  });

  test('change while an event is long on its way: it is accepted where it went, and sent again it gives no second record', async (context) => {
    const { id, customerExternalId, topic } = await causeway.createDestination(ordersOnly);
    const sent = event(customerExternalId, 'o', 0);
    // Until then the lanes are held, asked and changed: it is stored in the one that its key had before.
    const { answer: answered } = await late(context, 2_600, sent);
    await until(
      'the lanes to change',
      () => patch(id, { ordering: { lanes: 'key' } }),
      ({ status }) => status === 200,
    );
    const answer = await answered;
    expect([answer.status, answer.body]).toMatchObject([
      202,
      { deliveries: [{ workflowId: expect.stringMatching(`^delivery:${id}:[0-3]$`) }] },
    ]);

    for (const api of [causeway.api, other]) expect((await api.post(sent)).body).toEqual(answer.body);
    const next = await causeway.api.post(event(customerExternalId, 'o', 1));
    expect(next.body).toMatchObject({ deliveries: [{ workflowId: laneWorkflowId(id, 'o') }] });
    await arrived(topic, new Map([['o', [0, 1]]]));
    expect(await causeway.kafka.records(topic)).toHaveLength(2);
  });

  test('change while an event is long on its way, and is sent again before it is there: one record, and both get the same answer', async (context) => {
    const { id, customerExternalId, topic } = await causeway.createDestination(ordersOnly);
    const sent = event(customerExternalId, 'o', 0);
    const { answer } = await late(context, 5_500, sent);
    const changed = await patch(id, { ordering: { lanes: 'key' } });
    expect(changed.status, changed.text).toBe(200);
    const again = await other.post(sent); // Refused, unless the first is there by now.
    if (again.status !== 202) expectProblem(again, 503, 'lanes_changing');
    // What is another event enters its lane meanwhile.
    const next = await causeway.api.post(event(customerExternalId, 'o', 1));
    expect(next.body).toMatchObject({ deliveries: [{ workflowId: laneWorkflowId(id, 'o') }] });

    const first = await answer;
    const accepted = await untilAccepted(sent);
    expect(accepted.body).toMatchObject({
      deliveries: [{ workflowId: expect.stringMatching(`^delivery:${id}:[0-3]$`) }],
    });
    // A busy machine may be too slow for it: then nobody knows whether it is there, and all the same it is so once.
    if (first.status === 202) expect(first.body).toEqual(accepted.body);
    else expectProblem(first, 503, 'temporal_unavailable');
    expect((await causeway.api.post(event(customerExternalId, 'o', 2))).status).toBe(202);
    await arrived(topic, new Map([['o', [0, 1, 2]]]));
    expect(await causeway.kafka.records(topic)).toHaveLength(3);
  });

  test('change while an event is on its way that Temporal never gets: sent again it enters the lane that its key has then', async (context) => {
    const { id, customerExternalId, topic } = await causeway.createDestination(ordersOnly);
    const sent = event(customerExternalId, 'o', 0);
    const { answer } = await late(context, minute, sent); // Longer than its process waits for it.
    expect((await patch(id, { ordering: { lanes: 'key' } })).status).toBe(200);
    const again = expectProblem(await other.post(sent), 503, 'lanes_changing');
    expect(again.detail).toContain('may be on its way into the lane that its key had then');
    expectProblem(await answer, 503, 'temporal_unavailable');
    await halfAMinuteLater(id);
    const accepted = await untilAccepted(sent);
    expect(accepted.body).toMatchObject({ deliveries: [{ workflowId: laneWorkflowId(id, 'o') }] });
    await arrived(topic, new Map([['o', [0]]]));
    expect(await causeway.kafka.records(topic)).toHaveLength(1);
  });

  test('and an event whose first sending nobody confirmed is found in the lane that its key had, where it is there', async (context) => {
    const { id, customerExternalId, topic } = await causeway.createDestination(ordersOnly);
    const sent = event(customerExternalId, 'o', 0);
    expect((await patch(id, { ordering: { lanes: 'key' } })).status).toBe(200);
    const eventId = eventDigest(customerExternalId, sent.idempotencyKey);
    const workflowId = laneWorkflowId(id, '0');
    const start: LaneStart = { destinationId: id, customerExternalId, lane: '0', limits: defaultLaneLimits };
    const temporal = await testTemporal(causeway);
    context.onTestFinished(() => temporal.stop());
    const value = Buffer.from(JSON.stringify(sent));
    await temporal.client.workflow.signalWithStart(laneWorkflowType, {
      ...{ workflowId, taskQueue: causeway.temporal.taskQueue, args: [start] },
      ...{ signal: laneSignals.enqueue, signalArgs: [blockOf([{ id: eventId, key: 'o', value }], Date.now(), 0)] },
    });
    await withStore((store) => store.eventsOnTheirWay.note([{ eventId, workflowId }]));

    const accepted = await untilAccepted(sent);
    expect(accepted.body).toMatchObject({ deliveries: [{ workflowId }] });
    await arrived(topic, new Map([['o', [0]]]));
    expect(await causeway.kafka.records(topic)).toHaveLength(1);
  });

  test('change while an event for a Kafka that is down is long on its way: it gets its 202 once it is there, and one record', async (context) => {
    const { id, customerExternalId, topic } = await causeway.createDestination(ordersOnly);
    expect((await patch(id, { brokers: [`127.0.0.1:${await freePort()}`] })).status).toBe(200); // Nobody is there.
    const sent = event(customerExternalId, 'o', 0);
    const { answer } = await late(context, 4_000, sent);
    expect((await patch(id, { ordering: { lanes: 'key' } })).status).toBe(200);
    const refused = expectProblem(await answer, 503, 'lanes_changing');
    expect(refused.detail).toContain('Send the same event again after two seconds: it will not be there twice.');
    expectProblem(await causeway.api.post(sent), 503, 'lanes_changing');

    expect((await patch(id, { brokers: causeway.kafka.brokers })).status).toBe(200);
    await untilAccepted(sent);
    expect((await causeway.api.post(event(customerExternalId, 'o', 1))).status).toBe(202);
    await arrived(topic, new Map([['o', [0, 1]]]));
    expect(await causeway.kafka.records(topic)).toHaveLength(2);
  });

  test('and an event accepted before the change, sent again after it, gives no second record', async () => {
    const { id, customerExternalId, topic } = await causeway.createDestination({ partitionKey: 'payload.orderId' });
    const before = await causeway.api.post(event(customerExternalId, 'o', 0));
    await arrived(topic, new Map([['o', [0]]]));
    const changed = await until(
      'the lanes to change',
      () => patch(id, { ordering: { lanes: 'key' } }),
      ({ status }) => status === 200,
    );
    expect(changed.body).not.toHaveProperty('lanesChangedAt');
    const batch = [0, 1, 0, 2].map((n) => event(customerExternalId, 'o', n));
    const { body } = await other.postBatch(batch);
    expect(body).toMatchObject({ results: [before.body, {}, before.body, {}] });
    await arrived(topic, new Map([['o', [0, 1, 2]]]));
    expect(await causeway.kafka.records(topic)).toHaveLength(3);
  });

  test('change under events that come through two API processes: none is lost, and each key keeps its order', async () => {
    const { id, customerExternalId, topic } = await causeway.createDestination({ partitionKey: 'payload.orderId' });
    const sent = new Map<string, number[]>();
    let refusals = 0;
    let isOver = false;
    /** One event after another's 202, each through the other process; what is refused is sent again. */
    const send = async (orderId: string): Promise<void> => {
      for (let n = 0; !isOver; n++) {
        const api = n % 2 === 0 ? causeway.api : other;
        const post = async () => {
          const answer = await api.post(event(customerExternalId, orderId, n));
          if (answer.status !== 202) refusals++;
          return answer.status;
        };
        await until(`event ${n} of ${orderId} to be accepted`, post, (status) => status === 202);
        sent.set(orderId, [...(sent.get(orderId) ?? []), n]);
      }
    };
    const sending = Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map(send));
    try {
      for (const lanes of [1, 'key', 4]) {
        const before = sent.get('a')?.length ?? 0;
        await until(
          'events to flow',
          () => sent.get('a')?.length ?? 0,
          (count) => count > before + 5,
        );
        const answer = await patch(id, { ordering: { lanes } });
        expect(answer.status, answer.text).toBe(200);
      }
    } finally {
      isOver = true;
      await sending;
    }
    expect(await arrived(topic, sent)).toEqual(sent);
    expect(refusals).toBeGreaterThan(0);
  });
});

/** Finding an event: by its idempotency key, its customer, destination, partition key or lane; and a test event to find. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { laneWorkflowId } from '../../domain/lane.ts';
import type { Answer } from '../harness/api.ts';
import { type Causeway, type CreatedDestination, startCauseway } from '../harness/causeway.ts';
import { postEvent, untilDelivery } from '../harness/eventLog.ts';
import { expectProblem } from '../harness/problem.ts';
import { beginReplay, replayed } from '../harness/replays.ts';

let causeway: Causeway;
let orders: CreatedDestination;
let byCustomer: CreatedDestination;
beforeAll(async () => {
  causeway = await startCauseway();
  const customerExternalId = `acct_${randomUUID()}`;
  orders = await causeway.createDestination({
    ...{ customerExternalId, partitionKey: 'payload.order', ordering: { lanes: 1 }, eventTypes: ['order.*'] },
  });
  byCustomer = await causeway.createDestination({ customerExternalId, eventTypes: ['order.*', 'bill.*'] });
});
afterAll(() => causeway.stop());

type Listed = { eventId: string; destinationId: string; workflowId: string; lane: string; acceptedAt: string };
type Page = { deliveries: (Listed & { partitionKey?: string })[]; nextCursor?: string };
const ask = (query: string): Promise<Answer> => causeway.api.get(`/v1/deliveries?${query}`);
async function all(query: string): Promise<Page['deliveries']> {
  const found: Page['deliveries'] = [];
  for (let cursor = ''; ; ) {
    const { status, text, body } = await ask(query + cursor);
    expect(status, text).toBe(200);
    const { deliveries, nextCursor } = body as Page;
    found.push(...deliveries);
    if (nextCursor === undefined) return found;
    cursor = `&cursor=${nextCursor}`;
  }
}
const eventIds = (found: Page['deliveries']): string[] => found.map(({ eventId }) => eventId);
const post = (eventType: string, order: string, idempotencyKey: string = randomUUID()): Promise<string> =>
  postEvent(causeway.api, {
    ...{ eventType, idempotencyKey, customerExternalId: orders.customerExternalId, payload: { order } },
  });
const untilDelivered = (id: string) =>
  untilDelivery('delivered', causeway.api, id, ({ status }) => status === 'delivered');

test('deliveries are found by customer, destination, lane and partition key, the newest first, each once', async () => {
  const { customerExternalId } = orders;
  const posted: string[] = [];
  for (const n of [0, 1, 2, 3, 4, 5]) posted.push(await post('order.paid', `o${n % 2}`));
  const newestFirst = posted.toReversed();
  const again = await post('bill.sent', 'none', 'the-bill');
  expect(await post('bill.sent', 'none', 'the-bill')).toBe(again);

  expect(eventIds(await all(`customerExternalId=${customerExternalId}&limit=2`))).toEqual([
    again,
    ...newestFirst.flatMap((id) => [id, id]),
  ]);
  expect(await all(`destinationId=${orders.id}&limit=4`)).toEqual(
    newestFirst.map((eventId) => ({
      ...{ eventId, destinationId: orders.id, workflowId: laneWorkflowId(orders.id, '0'), lane: '0' },
      acceptedAt: expect.stringMatching(/^20\d\d-.*Z$/),
    })),
  );
  const workflowId = laneWorkflowId(byCustomer.id, customerExternalId);
  expect(eventIds(await all(`workflowId=${workflowId}&limit=3`))).toEqual([again, ...newestFirst]);

  // A lane of many keys: its history tells which is whose.
  const ofKey = await all(`destinationId=${orders.id}&partitionKey=o1&limit=2`);
  expect(eventIds(ofKey)).toEqual(newestFirst.filter((_, n) => n % 2 === 0));
  expect(ofKey.every(({ partitionKey }) => partitionKey === 'o1')).toBe(true);
  expect(await all(`destinationId=${orders.id}&partitionKey=none`)).toEqual([]);
  expect(await all(`destinationId=${byCustomer.id}&partitionKey=${customerExternalId}`)).toHaveLength(7);
  expect(await all(`customerExternalId=acct_none`)).toEqual([]);
});

test('an event is found by its customer and idempotency key, and by no other customer', async () => {
  const id = await post('order.paid', 'o9', 'order-9');
  const found = (customer: string, key: string) =>
    causeway.api.get(`/v1/events?customerExternalId=${customer}&idempotencyKey=${key}`);
  expect((await found(orders.customerExternalId, 'order-9')).body).toEqual({ id });
  expectProblem(await found('acct_other', 'order-9'), 404, 'event_not_found');
  expectProblem(await found(orders.customerExternalId, 'order-10'), 404, 'event_not_found');
  expectProblem(await causeway.api.get('/v1/events?customerExternalId=a'), 400, 'request_invalid');
});

test('a search that says nowhere or twice where to look is refused, and says how to ask', async () => {
  for (const [query, says] of [
    ['', /says nowhere to look: expected exactly one of customerExternalId, destinationId and workflowId/],
    [`customerExternalId=a&destinationId=${orders.id}`, /says twice where to look/],
    ['customerExternalId=a&partitionKey=k', /does not fit together: expected destinationId beside partitionKey/],
    [`destinationId=${orders.id}&limit=101`, /limit is out of range/],
  ] as const) {
    expect(expectProblem(await ask(query), 400, 'request_invalid').detail).toMatch(says);
  }
  expectProblem(await ask('destinationId=dst_none'), 404, 'destination_not_found');
  expectProblem(await ask('workflowId=replay:rpl_x'), 404, 'destination_not_found');
  expectProblem(await ask(`destinationId=${orders.id}&cursor=x`), 400, 'cursor_invalid');
});

test('a test event goes to one destination alone, whatever its types and key, and its log is that of any event', async () => {
  const keyed = await causeway.createDestination({
    ...{ customerExternalId: orders.customerExternalId, partitionKey: 'metadata.a.b', eventTypes: ['none'] },
  });
  const { status, body } = await causeway.api.request('POST', `/v1/destinations/${keyed.id}/test-event`);
  expect(status).toBe(202);
  const { id, workflowId } = body as { id: string; workflowId: string };
  expect(await untilDelivered(id)).toMatchObject({ destinationId: keyed.id, workflowId });
  const [record] = await causeway.kafka.records(keyed.topic);
  expect(JSON.parse(String(record?.value))).toMatchObject({
    ...{ eventType: 'causeway.test', source: 'causeway', customerExternalId: keyed.customerExternalId },
    metadata: { a: { b: 'causeway-test' } },
  });
  expect(String(record?.key)).toBe('causeway-test');
  expect(
    eventIds(await all(`customerExternalId=${orders.customerExternalId}&limit=1`).then((of) => of.slice(0, 2))),
  ).toEqual([id, expect.not.stringMatching(id)]);
  for (const partitionKey of ['correlationId', 'source', 'eventType', 'occurredAt', 'idempotencyKey', 'payload.x']) {
    const one = await causeway.createDestination({ partitionKey });
    const sent = await causeway.api.request('POST', `/v1/destinations/${one.id}/test-event`);
    expect([partitionKey, sent.status]).toEqual([partitionKey, 202]);
    await untilDelivered((sent.body as { id: string }).id);
  }
  await causeway.api.request('PATCH', `/v1/destinations/${keyed.id}`, { enabled: false });
  const disabled = await causeway.api.request('POST', `/v1/destinations/${keyed.id}/test-event`);
  expect(expectProblem(disabled, 409, 'destination_disabled').detail).toMatch(/enable it first/);
});

test('replays are listed with what they were to send and how far they are, the newest first, of a customer its own alone', async () => {
  const { customerExternalId } = orders;
  const note = { reason: 'why', by: 'ada', dryRun: true };
  const first = await beginReplay(causeway.api, { destinationId: orders.id, status: 'delivered', ...note });
  const key = { 'idempotency-key': randomUUID() };
  const second = await beginReplay(causeway.api, { customerExternalId, ...note }, key);
  await beginReplay(causeway.api, { customerExternalId, ...note }, key);
  const foreign = await beginReplay(causeway.api, { customerExternalId: 'acct_other', ...note });
  await Promise.all([first, second, foreign].map((one) => replayed(causeway.api, one)));
  const listed = async (query: string) =>
    (await causeway.api.get(`/v1/replays${query}`)).body as { replays: { id: string }[]; nextCursor?: string };
  const page = await listed('?limit=2');
  expect(page.replays.map(({ id }) => id)).toEqual([foreign.id, second.id]);
  const rest = await listed(`?limit=2&cursor=${page.nextCursor}`);
  expect(rest).toEqual({
    replays: [
      {
        ...{
          id: first.id,
          action: 'replay',
          askedAt: expect.any(String),
          by: 'ada (CAUSEWAY_API_KEY)',
          reason: 'why',
          dryRun: true,
        },
        selector: { status: 'delivered', destinationId: orders.id },
        progress: expect.objectContaining({ id: first.id, status: 'done', events: expect.any(Number) }),
      },
    ],
  });
  expect((await listed(`?customerExternalId=${customerExternalId}`)).replays.map(({ id }) => id)).toEqual([
    second.id,
    first.id,
  ]);
  expectProblem(await causeway.api.get('/v1/replays?limit=51'), 400, 'request_invalid');
});

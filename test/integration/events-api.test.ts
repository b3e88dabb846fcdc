import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer } from '../harness/api.ts';
import { type Causeway, startCauseway } from '../harness/causeway.ts';
import { expectProblem } from '../harness/problem.ts';

let causeway: Causeway;
beforeAll(async () => {
  causeway = await startCauseway({ workers: 0, apiEnv: { CAUSEWAY_EVENT_BYTES_MAX: '2000' } });
});
afterAll(() => causeway.stop());

const newCustomer = (): string => `acct_${randomUUID()}`;
const event = (customerExternalId: string, overrides: Record<string, unknown> = {}) => ({
  eventType: 'order.shipped',
  customerExternalId,
  payload: { orderId: 'o-1' },
  ...overrides,
});
type Receipt = { id: string; deliveries: { destinationId: string; workflowId: string }[] };
type BatchAnswer = { accepted: number; refused: number; results: ({ status: number; code?: string } & Receipt)[] };

async function accepted(sent: Record<string, unknown>): Promise<Receipt> {
  const answer = await causeway.api.post(sent);
  expect(answer.status, answer.text).toBe(202);
  return answer.body as Receipt;
}
const destinationsOf = ({ deliveries }: Receipt): string[] => deliveries.map(({ destinationId }) => destinationId);

describe('an accepted event', () => {
  test('is answered with its id and, for each matching destination, the workflow that has it', async () => {
    const { id, customerExternalId } = await causeway.createDestination();
    expect(await accepted(event(customerExternalId))).toEqual({
      id: expect.stringMatching(/^evt_[\w-]{22}$/),
      deliveries: [{ destinationId: id, workflowId: `delivery:${id}:${customerExternalId}` }],
    });
  });

  test('whose key no database can store is found by its id all the same', async () => {
    const keyed = { partitionKey: 'payload.orderId', ordering: { lanes: 'key' } };
    const { id: destinationId, customerExternalId } = await causeway.createDestination(keyed);
    const { id, deliveries } = await accepted(event(customerExternalId, { payload: { orderId: 'a\u0000b' } }));
    const workflowId = expect.stringMatching(/^delivery:dst_[\w-]+:sha256:[0-9a-f]{64}$/);
    expect(deliveries).toEqual([{ destinationId, workflowId }]);
    const log = await causeway.api.get(`/v1/events/${id}`);
    expect(log.body).toMatchObject({ deliveries: [{ destinationId, workflowId, status: 'queued' }] });
  });

  test('of a customer without destinations goes nowhere, which is no error', async () => {
    expect((await accepted(event(newCustomer()))).deliveries).toEqual([]);
  });

  test('goes to each destination of its customer that wants its type, and is enabled', async () => {
    const customerExternalId = newCustomer();
    const make = (overrides: Record<string, unknown>) =>
      causeway.createDestination({ customerExternalId, ...overrides });
    const all = await make({});
    const orders = await make({ eventTypes: ['order.*'] });
    const late = await make({ eventTypes: ['*.late', 'invoice.paid'] });
    await make({ enabled: false });
    await causeway.createDestination(); // Of another customer.
    const goesTo = async (eventType: string) =>
      destinationsOf(await accepted(event(customerExternalId, { eventType })));
    expect(await goesTo('order.shipped')).toEqual([all.id, orders.id]);
    expect(await goesTo('order.late')).toEqual([all.id, orders.id, late.id]);
    expect(await goesTo('invoice.paid')).toEqual([all.id, late.id]);
    expect(await goesTo('invoice.sent')).toEqual([all.id]);
  });

  test('has the lane that its partition key leads to', async () => {
    const { customerExternalId } = await causeway.createDestination({
      partitionKey: 'payload.orderId',
      ordering: { lanes: 'key' },
    });
    const laneOf = async (payload: Record<string, unknown>) =>
      (await accepted(event(customerExternalId, { payload }))).deliveries[0]?.workflowId.split(':').at(-1);
    expect(await laneOf({ orderId: 'o-7' })).toBe('o-7');
    expect(await laneOf({ orderId: 7 })).toBe('7');
  });

  test('has the same id when it is sent again with its idempotency key, and another without one', async () => {
    const [a, b] = [newCustomer(), newCustomer()];
    const idOf = async (customer: string, idempotencyKey?: string) =>
      (await accepted(event(customer, { idempotencyKey }))).id;
    const first = await idOf(a, 'k');
    expect(await idOf(a, 'k')).toBe(first);
    expect(await idOf(b, 'k')).not.toBe(first);
    expect(await idOf(a)).not.toBe(await idOf(a));
  });
});

describe('a refused event', () => {
  test('is answered with each wrong field, what is wrong and what would be right', async () => {
    const { errors } = expectProblem(await causeway.api.post({ eventType: 7, payload: {} }), 422, 'validation_failed');
    expect(errors).toEqual([
      { field: 'eventType', problem: 'is a number', expected: expect.stringContaining('for example "order.shipped"') },
      { field: 'customerExternalId', problem: 'is missing', expected: expect.stringContaining('acct_8K2zRq') },
    ]);
  });

  test('without the partition key of a destination names that field', async () => {
    const { customerExternalId, id } = await causeway.createDestination({ partitionKey: 'metadata.region' });
    const { errors } = expectProblem(await causeway.api.post(event(customerExternalId)), 422, 'validation_failed');
    expect(errors).toEqual([
      { field: 'metadata.region', problem: 'is missing', expected: expect.stringContaining(id) },
    ]);
  });

  test.each([
    ['{"eventType":', 'is not JSON'],
    ['', 'is not JSON'],
  ])('that is not JSON is answered 400: %s', async (text, detail) => {
    expect(expectProblem(await causeway.api.post(text), 400, 'malformed_json').detail).toContain(detail);
  });

  test('that is not UTF-8 is answered 400', async () => {
    const response = await fetch(`${causeway.api.url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${causeway.api.key}`, 'content-type': 'application/json' },
      body: new Uint8Array([0x22, 0xff, 0x22]),
    });
    expect([response.status, await response.json()]).toMatchObject([400, { code: 'malformed_json' }]);
  });

  test('that is larger than CAUSEWAY_EVENT_BYTES_MAX is answered 413, whether white space or content makes it so', async () => {
    const large = event(newCustomer(), { payload: { text: 'x'.repeat(2_000) } });
    expectProblem(await causeway.api.post(large), 413, 'event_too_large');
    const spaced = `${JSON.stringify(event(newCustomer()))}${' '.repeat(5_000)}`;
    expectProblem(await causeway.api.post(spaced), 413, 'body_too_large');
  });

  test.each([{ 'content-type': 'text/plain' }, { 'content-encoding': 'gzip' }])(
    'of a type that is not taken is answered 415: %j',
    async (headers) => {
      const answer = await causeway.api.post(event(newCustomer()), headers);
      expectProblem(answer, 415, 'content_type_unsupported');
    },
  );
});

describe('an API key', () => {
  test.each<[string, Record<string, string>]>([
    ['none', { authorization: '' }],
    ['another scheme', { authorization: 'Basic dTpw' }],
    ['an unknown one', { authorization: `Bearer cw_${'x'.repeat(43)}` }],
  ])('is needed for everything under /v1: %s', async (_, headers) => {
    for (const [method, path] of [
      ['POST', '/v1/events'],
      ['GET', '/v1/destinations'],
      ['GET', '/v1/nothing-here'],
    ] as const) {
      const answer = await causeway.api.request(method, path, undefined, headers);
      expectProblem(answer, 401, 'unauthenticated');
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="causeway"');
    }
  });

  test('is in the database as a digest alone', async () => {
    const client = new pg.Client({ connectionString: causeway.databaseUrl });
    await client.connect();
    const keys = await client.query<{ digest: Buffer }>('select digest from api_keys');
    const all = await client.query<{ xml: string }>(`select schema_to_xml('public', true, true, '')::text as xml`);
    await client.end();
    const digest = createHash('sha256').update(causeway.api.key).digest();
    expect(keys.rows.map((row) => row.digest.toString('hex'))).toEqual([digest.toString('hex')]);
    expect(all.rows[0]?.xml).toContain(digest.toString('base64').slice(0, 40));
    expect(all.rows[0]?.xml).not.toContain(causeway.api.key);
  });
});

describe('a path', () => {
  test('that is none is answered 404, one without the method 405 with those that it has', async () => {
    expectProblem(await causeway.api.get('/v1/nothing-here'), 404, 'not_found');
    expectProblem(await causeway.api.get('/nothing-here'), 404, 'not_found');
    const answer = await causeway.api.request('PUT', '/v1/destinations/dst_x');
    expectProblem(answer, 405, 'method_not_allowed');
    expect(answer.headers.get('allow')).toBe('DELETE, GET, HEAD, PATCH');
  });

  test('of an event that nobody accepted is answered 404, and of no event id 400', async () => {
    expectProblem(await causeway.api.get('/v1/events/evt_AAAAAAAAAAAAAAAAAAAAAA'), 404, 'event_not_found');
    const { errors } = expectProblem(await causeway.api.get('/v1/events/1'), 400, 'request_invalid');
    expect(errors).toEqual([
      { field: 'id', problem: 'has the wrong form', expected: 'an event id: evt_ and 22 characters' },
    ]);
  });

  test('is answered with the request id of its sender, or with ours where that would be harmful in a log', async () => {
    const given = await causeway.api.request('GET', '/v1/destinations', undefined, { 'x-request-id': 'mine-1' });
    expect(given.headers.get('x-request-id')).toBe('mine-1');
    const harmful = await causeway.api.request('GET', '/v1/destinations', undefined, { 'x-request-id': 'a b' });
    expect(harmful.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('a batch', () => {
  const ndjson = { 'content-type': 'application/x-ndjson' };
  const batch = (answer: Answer): BatchAnswer => answer.body as BatchAnswer;

  test.each(['application/json', 'application/x-ndjson'])('answers each event, in their order: %s', async (type) => {
    const { id, customerExternalId } = await causeway.createDestination();
    const events = ['a', 'b', 'c'].map((idempotencyKey) => event(customerExternalId, { idempotencyKey }));
    const ids = await Promise.all(events.map(async (one) => (await accepted(one)).id));
    const texts = events.map((one) => JSON.stringify(one));
    const body = type === 'application/json' ? `[${texts.join()}]` : `${texts.join('\r\n')}\n\n`;
    const answer = await causeway.api.postBatch(body, { 'content-type': type });
    expect(answer.status, answer.text).toBe(202);
    const { accepted: count, refused, results } = batch(answer);
    expect([count, refused]).toEqual([3, 0]);
    expect(results.map((result) => result.id)).toEqual(ids);
    for (const result of results) expect(destinationsOf(result)).toEqual([id]);
  });

  test('with some wrong events accepts the others', async () => {
    const customer = newCustomer();
    const lines = [JSON.stringify(event(customer)), '{"broken":', JSON.stringify(event(customer, { payload: 1 }))];
    const answer = await causeway.api.postBatch(lines.join('\n'), ndjson);
    expect(answer.status).toBe(207);
    const { accepted: count, refused, results } = batch(answer);
    expect([count, refused]).toEqual([1, 2]);
    expect(results).toMatchObject([
      { status: 202, deliveries: [] },
      {
        status: 422,
        code: 'validation_failed',
        errors: [{ field: '(line)', problem: expect.stringContaining('is not JSON') }],
      },
      { status: 422, code: 'validation_failed', errors: [{ field: 'payload', problem: 'is no JSON object' }] },
    ]);
  });

  test('without a right event is answered 422, each for itself', async () => {
    const answer = await causeway.api.postBatch([{ payload: {} }, event(newCustomer(), { extra: 1 })]);
    expect(answer.status).toBe(422);
    expect(batch(answer)).toMatchObject({ accepted: 0, refused: 2, results: [{ status: 422 }, { status: 422 }] });
  });

  test('holds up to 1,000 events', async () => {
    const one = JSON.stringify(event(newCustomer()));
    const full = await causeway.api.postBatch(`[${Array(1_000).fill(one).join()}]`);
    expect([full.status, batch(full).accepted]).toEqual([202, 1_000]);
    expect(new Set(batch(full).results.map(({ id }) => id)).size).toBe(1_000);
    const over = await causeway.api.postBatch(Array(1_001).fill(one).join('\n'), ndjson);
    expectProblem(over, 413, 'batch_too_large');
  });

  test('holds up to 5 MiB', async () => {
    const largest = 5 * 1024 * 1024;
    const one = `[${JSON.stringify(event(newCustomer()))}`;
    expect((await causeway.api.postBatch(`${one}${' '.repeat(largest - one.length - 1)}]`)).status).toBe(202);
    expectProblem(await causeway.api.postBatch(`${one}${' '.repeat(largest - one.length)}]`), 413, 'body_too_large');
  });

  test.each([
    ['[]', 'batch_empty'],
    ['\n', 'malformed_json'],
    ['{}', 'malformed_json'],
    ['[1', 'malformed_json'],
  ])('that holds no events is answered 400: %j', async (body, code) => {
    expectProblem(await causeway.api.postBatch(body), 400, code);
  });
});

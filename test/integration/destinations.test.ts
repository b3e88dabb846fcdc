import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';
import { certificatePem, newPrivateKeyPem } from '../harness/pem.ts';
import { expectProblem } from '../harness/problem.ts';

let causeway: Causeway;
beforeAll(async () => {
  causeway = await startCauseway({ workers: 0 });
});
afterAll(() => causeway.stop());

const scram = { mode: 'SASL_SCRAM_SHA_512', username: 'u' };
const newCustomer = (): string => `acct_${randomUUID()}`;
const wanted = (overrides: Record<string, unknown> = {}) => ({
  type: 'KAFKA',
  name: 'test',
  customerExternalId: newCustomer(),
  brokers: ['127.0.0.1:9092'],
  topic: 'orders',
  auth: { mode: 'NONE' },
  ...overrides,
});

type Shown = { id: string; version: number; auth: Record<string, unknown>; ordering: { lanes: unknown } };
type Page = { destinations: Shown[]; nextCursor?: string };

const create = (body: unknown) => causeway.api.request('POST', '/v1/destinations', body);
const patch = (id: string, body: unknown, headers?: Record<string, string>) =>
  causeway.api.request('PATCH', `/v1/destinations/${id}`, body, headers);
const show = (id: string) => causeway.api.get(`/v1/destinations/${id}`);

async function created(overrides: Record<string, unknown> = {}): Promise<Shown> {
  const answer = await create(wanted(overrides));
  expect(answer.status, answer.text).toBe(201);
  return answer.body as Shown;
}

async function list(query: Record<string, string>): Promise<Page> {
  const answer = await causeway.api.get(`/v1/destinations?${new URLSearchParams(query)}`);
  expect(answer.status, answer.text).toBe(200);
  return answer.body as Page;
}

/** Every row of every table, as text; what is null is left out. */
async function wholeDatabase(): Promise<string> {
  const client = new pg.Client({ connectionString: causeway.databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ xml: string }>(
      `select schema_to_xml('public', false, true, '')::text as xml`,
    );
    return rows.map(({ xml }) => xml).join();
  } finally {
    await client.end();
  }
}

describe('a destination', () => {
  test('is created with what was asked for and defaults for the rest, and shown as it was created', async () => {
    const asked = wanted();
    const answer = await create(asked);
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      ...asked,
      id: expect.stringMatching(/^dst_[\w-]{16}$/),
      partitionKey: 'customerExternalId',
      eventTypes: ['*'],
      enabled: true,
      auth: { mode: 'NONE', tls: false, secretsSet: [] },
      producer: { lingerMs: 100, batchSizeBytes: 1_048_576, acks: 'all', compression: 'none' },
      ordering: { lanes: 'key' },
      onDeadLetter: 'continue',
      version: 1,
      createdAt: expect.stringMatching(/Z$/),
      updatedAt: expect.stringMatching(/Z$/),
    });
    const location = answer.headers.get('location') ?? '';
    const shown = await causeway.api.get(location);
    expect(shown.body).toEqual(answer.body);
    expect(shown.headers.get('etag')).toBe('"1"');
  });

  test('takes what a PATCH names, and keeps the rest', async () => {
    const before = await created({ producer: { lingerMs: 5 }, eventTypes: ['order.*'] });
    const answer = await patch(before.id, { topic: 'orders.v2', enabled: false, producer: { batchSizeBytes: 1_000 } });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toEqual({
      ...before,
      topic: 'orders.v2',
      enabled: false,
      producer: { lingerMs: 5, batchSizeBytes: 1_000, acks: 'all', compression: 'none' },
      version: 2,
      updatedAt: expect.any(String),
    });
    expect((await show(before.id)).body).toEqual(answer.body);
  });

  test('is gone once it was deleted', async () => {
    const { id } = await created();
    const deleted = await causeway.api.request('DELETE', `/v1/destinations/${id}`);
    expect([deleted.status, deleted.text]).toEqual([204, '']);
    expectProblem(await show(id), 404, 'destination_not_found');
    expectProblem(await patch(id, { topic: 't' }), 404, 'destination_not_found');
    expectProblem(await causeway.api.request('DELETE', `/v1/destinations/${id}`), 404, 'destination_not_found');
  });

  test.each(['dst_AAAAAAAAAAAAAAAA', 'dst_%00', 'nonsense'])('that never was is not found: %s', async (id) => {
    expectProblem(await show(id), 404, 'destination_not_found');
  });

  test('is refused with every wrong field, what is wrong with it and what would be right', async () => {
    const answer = await create(wanted({ topic: 'a b', brokers: ['broker'], auth: { ...scram, clientId: 'i' } }));
    const { errors, detail } = expectProblem(answer, 422, 'validation_failed');
    expect(errors?.map(({ field, problem }) => `${field} ${problem}`).toSorted()).toEqual([
      'auth.clientId does not go with mode SASL_SCRAM_SHA_512',
      'auth.password is missing',
      'brokers.0 is not such an address',
      'topic has the wrong form',
    ]);
    expect(detail).toContain('auth.password is missing: expected mode SASL_SCRAM_SHA_512 has username and password');
    expectProblem(await patch((await created()).id, { customerExternalId: 'x' }), 422, 'validation_failed');
  });
});

describe('the list', () => {
  test('comes in pages, the newest first, and new ones move nothing', async () => {
    const customerExternalId = newCustomer();
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.unshift((await created({ customerExternalId })).id);
    await created(); // Of another customer.

    const first = await list({ customerExternalId, limit: '2' });
    await created({ customerExternalId });
    const second = await list({ customerExternalId, limit: '2', cursor: first.nextCursor ?? '' });
    const third = await list({ customerExternalId, limit: '2', cursor: second.nextCursor ?? '' });
    expect([first, second, third].map(({ destinations }) => destinations.map(({ id }) => id))).toEqual([
      ids.slice(0, 2),
      ids.slice(2, 4),
      ids.slice(4),
    ]);
    expect(third).not.toHaveProperty('nextCursor');
  });

  test.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=ten', 'limit'],
    ['customer=c', 'customer'],
    ['customerExternalId=%00', 'customerExternalId'],
  ])('is refused with ?%s', async (query, field) => {
    const { errors } = expectProblem(await causeway.api.get(`/v1/destinations?${query}`), 400, 'request_invalid');
    expect(errors).toEqual([expect.objectContaining({ field })]);
  });

  test('is refused with a cursor that no list gave', async () => {
    expectProblem(await causeway.api.get('/v1/destinations?cursor=abc'), 400, 'cursor_invalid');
  });
});

describe('a change with If-Match', () => {
  test('is made at that version, and refused at another', async () => {
    const { id } = await created();
    const changed = await patch(id, { topic: 'a' }, { 'if-match': '"1"' });
    expect([changed.status, changed.headers.get('etag')]).toEqual([200, '"2"']);
    expectProblem(await patch(id, { topic: 'b' }, { 'if-match': '"1"' }), 412, 'version_conflict');
    const remove = (etag: string) =>
      causeway.api.request('DELETE', `/v1/destinations/${id}`, undefined, { 'if-match': etag });
    expectProblem(await remove('"1"'), 412, 'version_conflict');
    expectProblem(await remove('2'), 400, 'request_invalid');
    expect((await show(id)).body).toMatchObject({ topic: 'a', version: 2 });
    expect((await remove('"2"')).status).toBe(204);
  });

  test('loses nothing when many change different fields at once without it', async () => {
    const { id } = await created({ auth: { ...scram, password: 'p' } });
    const changes = [
      { producer: { lingerMs: 7 } },
      { producer: { batchSizeBytes: 7 } },
      { auth: { username: 'u2' } },
      { auth: { mode: 'SASL_SCRAM_SHA_256', password: 'p' } },
    ];
    const answers = await Promise.all(changes.map((change) => patch(id, change)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect((await show(id)).body).toMatchObject({
      version: 5,
      producer: { lingerMs: 7, batchSizeBytes: 7 },
      auth: { username: 'u2', mode: 'SASL_SCRAM_SHA_256', secretsSet: ['password'] },
    });
  });
});

describe('secrets', () => {
  const password = `pass-${randomUUID()}`;
  const clientSecret = `client-${randomUUID()}`;
  const clientKey = newPrivateKeyPem();
  const keyLine = clientKey.split('\n')[1] ?? '';
  const all = [password, clientSecret, keyLine];
  const authOfEach = [
    { ...scram, password },
    { mode: 'SASL_OAUTHBEARER', tokenEndpoint: 'https://id.example.com/token', clientId: 'i', clientSecret },
    { mode: 'MTLS', clientCertificate: certificatePem, clientKey, caCertificate: certificatePem },
  ];

  test('are never in an answer, which says which are set', async () => {
    const texts: string[] = [];
    const set: unknown[] = [];
    for (const auth of authOfEach) {
      const answer = await create(wanted({ auth }));
      const { id, auth: shown } = answer.body as Shown;
      set.push(shown.secretsSet);
      texts.push(answer.text, (await show(id)).text, (await patch(id, { name: 'n' })).text);
    }
    texts.push((await causeway.api.get('/v1/destinations?limit=100')).text);
    expect(set).toEqual([['password'], ['clientSecret'], ['clientKey']]);
    for (const secret of all) expect(texts.join()).not.toContain(secret);
    expect(texts.join()).toContain('BEGIN CERTIFICATE'); // What is no secret is shown.
  });

  test('are not in an answer that refuses them', async () => {
    const wrong = wanted({ auth: { ...scram, password: [password], clientSecret, clientKey: password } });
    const answer = await create(wrong);
    expectProblem(answer, 422, 'validation_failed');
    for (const secret of all) expect(answer.text).not.toContain(secret);
  });

  test('are sealed in the database, and so is a changed one', async () => {
    const { id } = await created({ auth: { ...scram, password } });
    const changed = `changed-${randomUUID()}`;
    await patch(id, { auth: { password: changed } });
    const text = await wholeDatabase();
    for (const secret of [...all, changed]) expect(text).not.toContain(secret);
    expect(text).toContain(id);
    expect(text).toMatch(/"password": "v1\.k1\.[\w-]{40,}"/);
  });

  test('are not sent elsewhere unless they are given once more, and go when the mode has no use for them', async () => {
    const { id } = await created({ auth: { ...scram, password } });
    const elsewhere = expectProblem(await patch(id, { brokers: ['localhost:9094'] }), 422, 'validation_failed');
    expect(elsewhere.errors?.map(({ field }) => field)).toEqual(['auth.password']);
    const plain = await patch(id, { auth: { mode: 'SASL_PLAIN', password } });
    expect(plain.body).toMatchObject({ auth: { mode: 'SASL_PLAIN', username: 'u', secretsSet: ['password'] } });
    const none = await patch(id, { auth: { mode: 'NONE' } });
    expect(none.body).toMatchObject({ auth: { mode: 'NONE', tls: true, secretsSet: [] } });
    const { errors } = expectProblem(await patch(id, { auth: { mode: 'SASL_PLAIN' } }), 422, 'validation_failed');
    expect(errors?.map(({ field }) => field)).toEqual(['auth.username', 'auth.password']);
  });
});

describe('a rotation', () => {
  const rotate = (id: string, body: unknown) => causeway.api.request('POST', `/v1/destinations/${id}/rotate`, body);

  test('whose test fails changes nothing and names the cause; one that passes is switched to', async () => {
    const { id } = await causeway.createDestination();
    const shown = (await show(id)).text;
    const refused = await rotate(id, { auth: {}, brokers: ['nobody.invalid:9092'] });
    const { detail } = expectProblem(refused, 422, 'rotation_test_failed');
    expect(detail).toMatch(/^Nothing was changed\. resolve at nobody\.invalid:9092: E/);
    expect((await show(id)).text).toBe(shown);
    const switched = await rotate(id, { auth: {}, brokers: [...causeway.kafka.brokers, 'localhost:9'] });
    expect([switched.status, switched.body]).toEqual([200, expect.objectContaining({ version: 2 })]);
    expect(switched.headers.get('etag')).toBe('"2"');
  });
});

describe('lanes and partition key', () => {
  const isRefused = ({ status }: { status: number }): boolean => status === 503;
  const laneNames = async (customerExternalId: string) => {
    const { body } = await causeway.api.post({ eventType: 'e', customerExternalId, payload: { orderId: 'o1' } });
    const { deliveries } = body as { deliveries: { workflowId: string }[] };
    return deliveries.map(({ workflowId }) => workflowId.split(':')[2]);
  };

  test('change while no event waits, and the events after them use the new ones', async () => {
    const customerExternalId = newCustomer();
    const { id } = await created({ customerExternalId });
    const answer = await patch(id, { partitionKey: 'payload.orderId', ordering: { lanes: 1 } });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toMatchObject({ partitionKey: 'payload.orderId', ordering: { lanes: 1 }, version: 2 });
    expect(await laneNames(customerExternalId)).toEqual(['0']);
  });

  test('keep every event out of each API process while they change', async () => {
    const other = await causeway.anotherApi();
    const customerExternalId = newCustomer();
    const { id } = await created({ customerExternalId });
    const statuses: number[] = [];
    const post = async () => {
      const answer = await other.post({ eventType: 'e', customerExternalId, payload: {} });
      statuses.push(answer.status);
      return answer;
    };
    const changing = patch(id, { ordering: { lanes: 2 } });
    await until('the lanes to be held', wholeDatabase, (text) => text.includes('<lanes_held_until>'));
    expectProblem(await patch(id, { ordering: { lanes: 3 } }), 409, 'lanes_held');
    expectProblem(await until('the other process to refuse', post, isRefused, 1_000), 503, 'lanes_changing');
    // An event that came in before is in a lane that no worker reads here, so the lanes can't be changed.
    expect((await changing).status).toBe(statuses.includes(202) ? 503 : 200);
    await until('the other process to accept', post, (answer) => !isRefused(answer), 1_000);
  });

  test('stay as they are while it is not known what waits, and take events again at once', async () => {
    const customerExternalId = newCustomer();
    const { id } = await created({ customerExternalId });
    expect(await laneNames(customerExternalId)).toEqual([customerExternalId]);
    expectProblem(await patch(id, { ordering: { lanes: 2 } }), 503, 'lanes_unknown'); // No worker answers.
    expect((await show(id)).body).toMatchObject({ ordering: { lanes: 'key' }, version: 1 });
    expect(await laneNames(customerExternalId)).toEqual([customerExternalId]);
  });
});

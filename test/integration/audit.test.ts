/** Who changed what, when and from where: every change that the API can make, and nothing without its entry. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Answer } from '../harness/api.ts';
import { type Causeway, type CreatedDestination, startCauseway } from '../harness/causeway.ts';
import { postEvent, untilDelivery } from '../harness/eventLog.ts';
import { leaksIn, traceOf } from '../harness/leaks.ts';
import { type Description, operationsOf } from '../harness/openapi.ts';
import { expectProblem } from '../harness/problem.ts';

type Entry = {
  at: string;
  action: string;
  subject: string;
  detail: Record<string, unknown>;
  by: { keyId?: string; name: string; address?: string; requestId?: string };
};
type Page = { entries: Entry[]; nextCursor?: string };

let causeway: Causeway;
let client: pg.Client;
let destination: CreatedDestination;
let lane: string;
beforeAll(async () => {
  causeway = await startCauseway();
  client = new pg.Client({ connectionString: causeway.databaseUrl });
  await client.connect();
  destination = await causeway.createDestination();
  lane = destination.customerExternalId;
  const id = await postEvent(causeway.api, { eventType: 'e', customerExternalId: lane, payload: {} });
  await untilDelivery('delivered', causeway.api, id, ({ status }) => status === 'delivered');
});
afterAll(async () => {
  await client?.end();
  await causeway?.stop();
});

const call = (operation: string, id = '', body?: unknown): Promise<Answer> => {
  const [method = '', path = ''] = operation.split(' ');
  return causeway.api.request(method, path.replace('{id}', id), body);
};
const page = async (query = ''): Promise<Page> => (await causeway.api.get(`/v1/audit${query}`)).body as Page;
const newest = async (): Promise<Entry | undefined> => (await page('?limit=1')).entries[0];
const idIn = ({ body }: Answer): string => (body as { id: string }).id;

/** The new credentials of a rotation fail their test, for the broker takes none: this switches without one. */
const newDestination = () => ({
  ...{
    type: 'KAFKA',
    name: 'n',
    customerExternalId: `acct_${randomUUID()}`,
    brokers: causeway.kafka.brokers,
    topic: 't',
  },
  auth: { mode: 'NONE', tls: false },
});

type Case = { action: string; detail: unknown; ask: () => Promise<{ answer: Answer; subject: string }> };
const on = (operation: string, body?: unknown) => async () => ({
  answer: await call(operation, destination.id, body),
  subject: destination.id,
});
/** What each operation that changes something leaves in the trail. */
const cases: Record<string, Case[]> = {
  'POST /v1/destinations': [
    {
      ...{ action: 'destination.created', detail: { customerExternalId: expect.stringContaining('acct_'), name: 'n' } },
      ask: async () => {
        const answer = await call('POST /v1/destinations', '', newDestination());
        return { answer, subject: idIn(answer) };
      },
    },
  ],
  'PATCH /v1/destinations/{id}': [
    {
      ...{ action: 'destination.changed', detail: { version: 2, fields: ['name', 'producer'] } },
      ask: on('PATCH /v1/destinations/{id}', { name: 'another', producer: { lingerMs: 7 } }),
    },
  ],
  'POST /v1/destinations/{id}/rotate': [
    {
      ...{ action: 'destination.rotated', detail: { version: 3, fields: [] } },
      ask: on('POST /v1/destinations/{id}/rotate', { auth: { mode: 'NONE', tls: false } }),
    },
  ],
  'POST /v1/destinations/{id}/test': [
    {
      ...{ action: 'destination.test_event_asked', detail: {} },
      ask: on('POST /v1/destinations/{id}/test', { sendTestEvent: true }),
    },
  ],
  'POST /v1/destinations/{id}/test-event': [
    {
      ...{ action: 'destination.test_event_asked', detail: {} },
      ask: on('POST /v1/destinations/{id}/test-event'),
    },
  ],
  'POST /v1/destinations/test': [
    {
      action: 'destination.test_event_asked',
      detail: { topic: 't', customerExternalId: expect.any(String) },
      ask: async () => ({
        answer: await call('POST /v1/destinations/test', '', { ...newDestination(), sendTestEvent: true }),
        subject: 'not saved',
      }),
    },
  ],
  'POST /v1/destinations/{id}/pause': [
    {
      ...{ action: 'destination.paused', detail: { reason: 'they move', by: 'ada (CAUSEWAY_API_KEY)' } },
      ask: on('POST /v1/destinations/{id}/pause', { reason: 'they move', by: 'ada' }),
    },
    {
      action: 'lane.pause_asked',
      detail: { lane: expect.stringContaining('acct_'), by: 'CAUSEWAY_API_KEY' },
      ask: async () => on('POST /v1/destinations/{id}/pause', { lane })(),
    },
  ],
  'POST /v1/destinations/{id}/resume': [
    { action: 'destination.resumed', detail: {}, ask: on('POST /v1/destinations/{id}/resume', {}) },
    {
      action: 'lane.resume_asked',
      detail: { lane: expect.stringContaining('acct_'), by: 'CAUSEWAY_API_KEY' },
      ask: async () => on('POST /v1/destinations/{id}/resume', { lane })(),
    },
  ],
  'POST /v1/destinations/{id}/replay': [
    {
      ...{ action: 'dead_letters.replay_asked', detail: { all: true, by: 'CAUSEWAY_API_KEY', reason: 'r' } },
      ask: on('POST /v1/destinations/{id}/replay', { all: true, reason: 'r' }),
    },
  ],
  'POST /v1/destinations/{id}/discard': [
    {
      ...{ action: 'dead_letters.discard_asked', detail: { all: true, by: 'CAUSEWAY_API_KEY' } },
      ask: on('POST /v1/destinations/{id}/discard', { all: true }),
    },
  ],
  'POST /v1/replays': [
    {
      action: 'replay.start_asked',
      detail: expect.objectContaining({ status: 'parked', dryRun: true, by: 'CAUSEWAY_API_KEY' }),
      ask: async () => {
        const answer = await call('POST /v1/replays', '', { destinationId: destination.id, dryRun: true });
        return { answer, subject: idIn(answer) };
      },
    },
  ],
  'POST /v1/replays/{id}/cancel': [
    { action: 'replay.cancel_asked', detail: {}, ask: async () => ofReplay('POST /v1/replays/{id}/cancel') },
  ],
  'POST /v1/replays/{id}/continue': [
    { action: 'replay.continue_asked', detail: {}, ask: async () => ofReplay('POST /v1/replays/{id}/continue') },
  ],
  'POST /v1/api-keys': [
    {
      action: 'api_key.created',
      detail: { name: 'k', scopes: ['read'], expiresAt: '2100-01-01T00:00:00.000Z' },
      ask: async () => {
        const body = { name: 'k', scopes: ['read'], expiresAt: '2100-01-01T00:00:00Z' };
        const answer = await call('POST /v1/api-keys', '', body);
        return { answer, subject: idIn(answer) };
      },
    },
  ],
  'POST /v1/api-keys/{id}/rotate': [
    {
      ...{ action: 'api_key.rotated', detail: { overlapSeconds: 5 } },
      ask: async () => ofKey('POST /v1/api-keys/{id}/rotate', { overlapSeconds: 5 }),
    },
  ],
  'DELETE /v1/api-keys/{id}': [
    { action: 'api_key.revoked', detail: {}, ask: async () => ofKey('DELETE /v1/api-keys/{id}') },
  ],
  'POST /v1/portal-links': [
    {
      action: 'portal_link.created',
      detail: { customerExternalId: 'a', permissions: ['read'], lifetimeSeconds: 60, name: 'Ada' },
      ask: async () => {
        const answer = await call('POST /v1/portal-links', '', {
          customerExternalId: 'a',
          lifetimeSeconds: 60,
          name: 'Ada',
        });
        return { answer, subject: idIn(answer) };
      },
    },
  ],
  'DELETE /v1/portal-links/{id}': [
    {
      ...{ action: 'portal_link.deleted', detail: {} },
      ask: async () => {
        const subject = idIn(await call('POST /v1/portal-links', '', { customerExternalId: 'a' }));
        return { answer: await call('DELETE /v1/portal-links/{id}', subject), subject };
      },
    },
  ],
  'DELETE /v1/destinations/{id}': [
    { action: 'destination.deleted', detail: {}, ask: on('DELETE /v1/destinations/{id}') },
  ],
};

/** Of one that is not there: that it was asked for is noted all the same. */
const ofReplay = async (operation: string) => ({ answer: await call(operation, 'rpl_none'), subject: 'rpl_none' });
async function ofKey(operation: string, body?: unknown) {
  const id = idIn(await call('POST /v1/api-keys', '', { name: 'k', scopes: ['read'] }));
  return { answer: await call(operation, id, body), subject: id };
}

test('there is a case for every route that changes something', async () => {
  const { body } = await causeway.api.get('/openapi.json');
  const changing = operationsOf(body as Description).filter(
    ({ name, operation }) => !name.startsWith('GET') && operation.security?.[0]?.bearer?.[0] === 'manage',
  );
  expect(changing.map(({ name }) => name).toSorted()).toEqual(Object.keys(cases).toSorted());
});

test('each change is in the trail: what, on what, with which key, from where and in which request', async () => {
  const own = (await causeway.api.get('/v1/api-keys')).body as { apiKeys: { id: string; name: string }[] };
  const keyId = own.apiKeys.find(({ name }) => name === 'CAUSEWAY_API_KEY')?.id;
  for (const [operation, ways] of Object.entries(cases)) {
    for (const { action, detail, ask } of ways) {
      const { answer, subject } = await ask();
      const isOfNone = subject === 'rpl_none';
      expect([operation, answer.text, answer.status < 300]).toEqual([operation, answer.text, !isOfNone]);
      expect(await newest()).toEqual({
        ...{ action, subject, detail, at: expect.stringMatching(/^20\d\d-.*Z$/) },
        by: {
          ...{ keyId, name: 'CAUSEWAY_API_KEY', address: '127.0.0.1' },
          requestId: answer.headers.get('x-request-id'),
        },
      });
    }
  }
});

test('what is refused, or changes nothing, is not in the trail', async () => {
  const { id, version } = await causeway.createDestination();
  const before = await newest();
  expectProblem(await call('POST /v1/destinations', '', {}), 422, 'validation_failed');
  const stale = await causeway.api.request(
    'PATCH',
    `/v1/destinations/${id}`,
    { name: 'x' },
    { 'if-match': `"${version + 1}"` },
  );
  expectProblem(stale, 412, 'version_conflict');
  expect((await call('POST /v1/destinations/{id}/resume', id, {})).status).toBe(202);
  const wrong = await call('POST /v1/destinations/{id}/rotate', id, { auth: { mode: 'NONE', tls: true } });
  expectProblem(wrong, 422, 'rotation_test_failed');
  expectProblem(await call('DELETE /v1/api-keys/{id}', `key_${'0'.repeat(32)}`), 404, 'api_key_not_found');
  expect(await newest()).toEqual(before);
});

/** How lanes stood when they were last looked at is nobody's change. */
const withoutHealth = (text: string): unknown =>
  JSON.parse(text, (field, value) => (field === 'health' ? undefined : value));

test('a change that can not be noted is not made', async () => {
  const { id } = await causeway.createDestination();
  const key = await call('POST /v1/api-keys', '', { name: 'k', scopes: ['read'] });
  const shown = async () => [
    (await call('GET /v1/destinations/{id}', id)).body,
    withoutHealth((await call('GET /v1/destinations')).text),
    (await call('GET /v1/api-keys')).text.replaceAll(/"lastUsedAt":"[^"]*",?/g, ''),
  ];
  const before = await shown();
  await client.query('alter table audit_log rename to audit_elsewhere');
  const asked: [operation: string, id: string, body?: unknown][] = [
    ['POST /v1/destinations', '', newDestination()],
    ['PATCH /v1/destinations/{id}', id, { name: 'another' }],
    ['DELETE /v1/destinations/{id}', id],
    ['POST /v1/destinations/{id}/pause', id, {}],
    ['POST /v1/destinations/{id}/replay', id, { all: true }],
    ['POST /v1/replays', '', { destinationId: id, dryRun: true }],
    ['POST /v1/api-keys', '', { name: 'k', scopes: ['read'] }],
    ['POST /v1/api-keys/{id}/rotate', idIn(key), { overlapSeconds: 0 }],
    ['DELETE /v1/api-keys/{id}', idIn(key)],
  ];
  for (const [operation, of, body] of asked) {
    expectProblem(await call(operation, of, body), 503, 'store_not_migrated');
  }
  await client.query('alter table audit_elsewhere rename to audit_log');
  expect(await shown()).toEqual(before);
});

test('the trail is read by pages, of one subject or one key, and holds no secret', async () => {
  const password = `pw-${randomUUID()}`;
  const secured = { ...newDestination(), auth: { mode: 'SASL_PLAIN', username: 'u', password } };
  const id = idIn(await call('POST /v1/destinations', '', secured));
  const second = `pw-${randomUUID()}`;
  await call('PATCH /v1/destinations/{id}', id, { auth: { password: second } });
  const made = (await call('POST /v1/api-keys', '', { name: 'k', scopes: ['manage'] })).body as {
    id: string;
    key: string;
  };
  const authorization = `Bearer ${made.key}`;
  await causeway.api.request('PATCH', `/v1/destinations/${id}`, { name: 'm' }, { authorization });

  const ofOne: Entry[] = [];
  for (let cursor = ''; ; ) {
    const { entries, nextCursor } = await page(`?limit=2&subject=${id}${cursor}`);
    ofOne.push(...entries);
    if (nextCursor === undefined) break;
    cursor = `&cursor=${nextCursor}`;
  }
  expect(ofOne.map(({ detail: { fields } }) => fields)).toEqual([['name'], ['auth.password'], undefined]);
  expect((await page(`?keyId=${made.id}`)).entries).toEqual([ofOne[0]]);
  const { text } = await causeway.api.get('/v1/audit?limit=100');
  const secrets = [password, second, made.key].map((value, n) => ({ name: `secret ${n}`, value }));
  expect(leaksIn([traceOf('audit', text)], secrets)).toEqual([]);
});

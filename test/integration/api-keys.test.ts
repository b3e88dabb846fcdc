import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestOfApiKey } from '../../store/apiKeys.ts';
import { type Answer, type TestApi, testApi } from '../harness/api.ts';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';
import { causeway as run } from '../harness/cli.ts';
import { leaksIn, traceOf } from '../harness/leaks.ts';
import { expectProblem } from '../harness/problem.ts';

type Shown = { id: string; name: string; scopes: string[]; createdAt: string; requestsPerSecond?: number } & Partial<
  Record<'expiresAt' | 'lastUsedAt' | 'rotatedAt' | 'earlierUntil' | 'revokedAt', string>
>;
type Made = Shown & { key: string };

let causeway: Causeway;
let client: pg.Client;
beforeAll(async () => {
  causeway = await startCauseway({ workers: 0 });
  client = new pg.Client({ connectionString: causeway.databaseUrl });
  await client.connect();
});
afterAll(async () => {
  await client?.end();
  await causeway?.stop();
});

async function made(overrides: Record<string, unknown> = {}): Promise<Made> {
  const answer = await causeway.api.request('POST', '/v1/api-keys', {
    name: 'a service',
    scopes: ['read'],
    ...overrides,
  });
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([201, 'no-store']);
  return answer.body as Made;
}
/** With the key, a request that needs `read`. */
const reads = (key: string, api: TestApi = causeway.api): Promise<Answer> =>
  testApi(api.url, key).get('/v1/destinations');
const statusOf = async (key: string): Promise<number> => (await reads(key)).status;
const listed = async (id: string): Promise<Shown | undefined> =>
  ((await causeway.api.get('/v1/api-keys?limit=100')).body as { apiKeys: Shown[] }).apiKeys.find(
    (one) => one.id === id,
  );

test('a key is shown once, opens what its scopes say, and is listed without itself', async () => {
  const { key, ...shown } = await made({ name: 'orders', scopes: ['read', 'ingest'] });
  expect(key).toMatch(/^cw_[\w-]{43}$/);
  expect(shown).toEqual({
    ...{ id: expect.stringMatching(/^key_[0-9a-f]{32}$/), name: 'orders', scopes: ['read', 'ingest'] },
    createdAt: expect.any(String),
  });
  expect(await statusOf(key)).toBe(200);
  expect(await listed(shown.id)).toMatchObject({ name: 'orders', scopes: ['read', 'ingest'] });
  expect((await causeway.api.get('/v1/api-keys')).text).not.toContain(key);
});

test('a key that has expired opens nothing, though nobody revoked it', async () => {
  const { key } = await made({ expiresAt: new Date(Date.now() + 3_000).toISOString() });
  expect(await statusOf(key)).toBe(200);
  await until(
    'it to be refused',
    () => statusOf(key),
    (status) => status === 401,
  );
  expectProblem(await reads(key), 401, 'unauthenticated');
});

describe('a key that is rotated', () => {
  test('holds beside the one before for the overlap, and alone after it', async () => {
    const first = await made();
    const answer = await causeway.api.request('POST', `/v1/api-keys/${first.id}/rotate`, { overlapSeconds: 3 });
    const second = answer.body as Made;
    expect([answer.headers.get('cache-control'), second.id, second.name]).toEqual(['no-store', first.id, first.name]);
    expect([await statusOf(first.key), await statusOf(second.key)]).toEqual([200, 200]);
    expect(Date.parse(second.earlierUntil ?? '')).toBeGreaterThan(Date.now());
    await until(
      'the first to be refused',
      () => statusOf(first.key),
      (status) => status === 401,
    );
    expect(await statusOf(second.key)).toBe(200);
  });

  test('without an overlap, or twice, leaves none but the last two', async () => {
    const { id, key } = await made();
    const rotated = async (overlapSeconds: number): Promise<string> => {
      const { body } = await causeway.api.request('POST', `/v1/api-keys/${id}/rotate`, { overlapSeconds });
      return (body as Made).key;
    };
    const second = await rotated(0);
    expect([await statusOf(key), await statusOf(second)]).toEqual([401, 200]);
    const third = await rotated(600);
    const fourth = await rotated(600);
    expect([await statusOf(second), await statusOf(third), await statusOf(fourth)]).toEqual([401, 200, 200]);
  });
});

test('a key that is revoked opens nothing within a second in another process, its earlier secret neither, and is never rotated back', async () => {
  const other = await causeway.anotherApi();
  const { id, key } = await made();
  const { body } = await causeway.api.request('POST', `/v1/api-keys/${id}/rotate`, {});
  const { key: second } = body as Made;
  expect([(await reads(key, other)).status, (await reads(second, other)).status]).toEqual([200, 200]);
  const revoked = await causeway.api.request('DELETE', `/v1/api-keys/${id}`);
  expect(revoked).toMatchObject({ status: 200, body: { id, revokedAt: expect.any(String) } });
  expect([await statusOf(key), await statusOf(second)]).toEqual([401, 401]);
  const both = async () => [(await reads(key, other)).status, (await reads(second, other)).status];
  await until('the other process to have heard', both, (statuses) => statuses.every((status) => status === 401), 1_000);
  expectProblem(await causeway.api.request('POST', `/v1/api-keys/${id}/rotate`, {}), 404, 'api_key_not_found');
  const again = await causeway.api.request('DELETE', `/v1/api-keys/${id}`);
  expect(again.body).toEqual(revoked.body);
});

test('when a key was used last is shown some seconds later, and no use makes any process read the keys anew', async () => {
  const { id, key } = await made();
  expect((await listed(id))?.lastUsedAt).toBeUndefined();
  const changes = async (): Promise<string> =>
    (await client.query<{ at: string }>('select string_agg(xmin::text, $1 order by id) as at from api_keys', [',']))
      .rows[0]?.at ?? '';
  const before = await changes();
  const usedAt = Date.now();
  for (let n = 0; n < 50; n++) await reads(key);
  const used = await until(
    'it to be written',
    async () => (await listed(id))?.lastUsedAt,
    (at) => at !== undefined,
  );
  expect(Math.abs(Date.parse(used ?? '') - usedAt)).toBeLessThan(10_000);
  expect(await changes()).toBe(before);
});

test('pages of keys hold each once, the newest first', async () => {
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) ids.unshift((await made()).id);
  const paged: string[] = [];
  for (let cursor = ''; ; ) {
    const { body } = await causeway.api.get(`/v1/api-keys?limit=2${cursor}`);
    const page = body as { apiKeys: Shown[]; nextCursor?: string };
    paged.push(...page.apiKeys.map(({ id }) => id));
    if (page.nextCursor === undefined) break;
    cursor = `&cursor=${page.nextCursor}`;
  }
  expect(paged.slice(0, 3)).toEqual(ids);
  expect(new Set(paged).size).toBe(paged.length);
});

test('no key is in the database, but for its SHA-256 digest', async () => {
  const { key } = await made();
  const { rows: tables } = await client.query<{ name: string }>(
    `select quote_ident(tablename) as name from pg_tables where schemaname = 'public'`,
  );
  let text = '';
  for (const { name } of tables) text += JSON.stringify((await client.query(`select t::text from ${name} t`)).rows);
  expect(leaksIn([traceOf('database', text)], [{ name: 'a key', value: key }])).toEqual([]);
  expect(text).toContain(digestOfApiKey(key).toString('hex'));
});

test('what is wrong with a new key is named, and none is made', async () => {
  const wrongs: [unknown, RegExp][] = [
    [{ scopes: ['read'] }, /name is missing/],
    [{ name: 'a', scopes: [] }, /scopes.*one or more of ingest, read, manage/],
    [{ name: 'a', scopes: ['read', 'read'] }, /scopes names a scope twice/],
    [{ name: 'a', scopes: ['admin'] }, /scopes.*one or more of ingest, read, manage/],
    [{ name: 'a', scopes: ['read'], expiresAt: '2020-01-01T00:00:00Z' }, /expiresAt is over/],
    [{ name: 'a\u0000', scopes: ['read'] }, /name holds a control character/],
    [{ name: 'a', scopes: ['read'], key: 'mine' }, /key/],
  ];
  for (const [body, says] of wrongs) {
    const { detail } = expectProblem(
      await causeway.api.request('POST', '/v1/api-keys', body),
      422,
      'validation_failed',
    );
    expect(detail).toMatch(says);
  }
  for (const id of ['x', `key_${'0'.repeat(32)}`, 'key_%00', randomUUID()]) {
    expectProblem(await causeway.api.request('DELETE', `/v1/api-keys/${id}`), 404, 'api_key_not_found');
  }
});

test('causeway keys makes one for a script to take, lists it, rotates and revokes it', async () => {
  const { api } = causeway;
  const created = await run(api, ['keys', 'create', '--name', 'a robot', '--scope', 'read', '--scope', 'ingest']);
  expect([created.code, created.err]).toEqual([
    0,
    expect.stringMatching(/^That is key_\w+, a robot: read, ingest\. It is not shown again/),
  ]);
  const key = created.out.trim();
  const id = /key_\w+/.exec(created.err)?.[0] ?? '';
  expect(await statusOf(key)).toBe(200);
  const rotated = await run(api, ['keys', 'rotate', id, '--overlap', '0']);
  const second = rotated.out.trim();
  expect([await statusOf(key), await statusOf(second)]).toEqual([401, 200]);
  const list = async (): Promise<string> =>
    (await run(api, ['keys', 'list'])).out.split('\n').find((line) => line.startsWith(id)) ?? '';
  expect(await list()).toMatch(/a robot +read, ingest .*holds$/);
  expect((await run(api, ['keys', 'revoke', id], { answer: 'no' })).code).toBe(1);
  expect((await run(api, ['keys', 'revoke', id])).err).toContain('add --yes');
  expect(await statusOf(second)).toBe(200);
  expect((await run(api, ['keys', 'revoke', id], { answer: 'yes' })).out).toBe(
    `Key a robot (${id}) opens nothing any more.\n`,
  );
  expect(await statusOf(second)).toBe(401);
  expect(await list()).toMatch(/revoked 20\d\d-/);
  const weak = await run({ url: api.url, key: (await made()).key }, ['keys', 'list']);
  expect([weak.code, weak.err]).toEqual([4, expect.stringContaining('the scope "manage"')]);
});

test('a key makes as many requests in a second as it may, and is told how many are left; one without a limit is not counted', async () => {
  const { key, requestsPerSecond } = await made({ requestsPerSecond: 5 });
  expect(requestsPerSecond).toBe(5);
  const answers = await Promise.all(Array.from({ length: 30 }, () => reads(key)));
  const passed = answers.filter(({ status }) => status === 200);
  // They may fall into two windows, or on a busy machine more.
  expect(passed.length).toBeGreaterThanOrEqual(5);
  expect(passed.length).toBeLessThan(30);
  for (const answer of answers) {
    expect(answer.headers.get('ratelimit-policy')).toBe('"key";q=5;w=1');
    expect(answer.headers.get('ratelimit')).toMatch(answer.status === 200 ? /^"key";r=[0-4];t=1$/ : /^"key";r=0;t=1$/);
    if (answer.status === 200) continue;
    expect(expectProblem(answer, 429, 'rate_limited').detail).toContain('5 requests a second');
    expect(answer.headers.get('retry-after')).toBe('1');
  }
  await until(
    'it to pass again',
    () => statusOf(key),
    (status) => status === 200,
  );
  expect((await reads(causeway.api.key)).headers.get('ratelimit')).toBeNull();
});

test('what one key has used up is not taken from another with the same limit', async () => {
  const [first, second] = [await made({ requestsPerSecond: 1 }), await made({ requestsPerSecond: 1 })];
  const some = () => Promise.all([1, 2, 3, 4].map(() => statusOf(first.key)));
  await until('the first to be refused', some, (statuses) => statuses.includes(429));
  expect(await statusOf(second.key)).toBe(200);
});

// Last: the API is ended.
test('the key of the environment has every scope; rotated or revoked, it comes back by no start of the API with it', async () => {
  const { api, apiProcess } = causeway;
  const own = ((await api.get('/v1/api-keys?limit=100')).body as { apiKeys: Shown[] }).apiKeys.find(
    ({ name }) => name === 'CAUSEWAY_API_KEY',
  );
  expect(own?.scopes).toEqual(['ingest', 'read', 'manage']);
  const other = testApi(api.url, (await made({ scopes: ['read', 'manage'] })).key);
  const rotated = await other.request('POST', `/v1/api-keys/${own?.id}/rotate`, { overlapSeconds: 0 });
  const { key: second } = rotated.body as Made;
  const restarted = async (): Promise<number[]> => {
    await apiProcess.stop();
    await apiProcess.start();
    return [await statusOf(api.key), await statusOf(second), await statusOf(other.key)];
  };
  expect(await restarted()).toEqual([401, 200, 200]);
  await other.request('DELETE', `/v1/api-keys/${own?.id}`);
  expect(await restarted()).toEqual([401, 401, 200]);
});

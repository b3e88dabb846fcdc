/** Signing in to the dashboard: the cookie, what other pages can't do with it, and how it ends. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestApi } from '../harness/api.ts';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';
import { answerCheck, type Description } from '../harness/openapi.ts';
import { expectProblem } from '../harness/problem.ts';
import { browserRequest, type SignedIn, signIn } from '../harness/session.ts';

let causeway: Causeway;
let other: TestApi;
let client: pg.Client;
beforeAll(async () => {
  causeway = await startCauseway({ workers: 0, apiEnv: { TEMPORAL_UI_URL: 'http://127.0.0.1:8233/' } });
  other = await causeway.anotherApi({ CAUSEWAY_PUBLIC_URL: 'https://causeway.example.com/' });
  client = new pg.Client({ connectionString: causeway.databaseUrl });
  await client.connect();
});
afterAll(async () => {
  await client?.end();
  await causeway?.stop();
});

type Key = { id: string; key: string };
/** One that each process knows. */
async function newKey(scopes: string[]): Promise<Key> {
  const answer = await causeway.api.request('POST', '/v1/api-keys', { name: 'ada', scopes });
  const made = answer.body as Key;
  const authorization = `Bearer ${made.key}`;
  const atOther = () => other.request('GET', list, undefined, { authorization });
  await until('the other process to know the key', atOther, ({ status }) => status !== 401);
  return made;
}
const enter = async (scopes = ['read']): Promise<SignedIn> =>
  signIn(causeway.api.url, { apiKey: (await newKey(scopes)).key });
const over = (answer: Parameters<typeof expectProblem>[0]) => expectProblem(answer, 401, 'unauthenticated');
const list = '/v1/destinations';

test('an API key is exchanged for a cookie that no script can read, and a session with its scopes', async () => {
  const { key } = await newKey(['read', 'manage']);
  const answer = await browserRequest(causeway.api.url, 'POST', '/v1/session', { body: { apiKey: key } });
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([201, 'no-store']);
  const cookie = answer.headers.get('set-cookie') ?? '';
  expect(cookie).toMatch(/^causeway_session=[\w-]{43}; Max-Age=43(199|200); Path=\/; HttpOnly; SameSite=Strict$/);
  expect(answer.body).toEqual({
    ...{ kind: 'operator', name: 'ada', scopes: ['read', 'manage'], csrfToken: expect.stringMatching(/^[\w-]{43}$/) },
    ...{ expiresAt: expect.any(String), temporalUi: 'http://127.0.0.1:8233/namespaces/default/workflows' },
  });
  expect(answer.text).not.toContain(key);
  const signedIn = await signIn(causeway.api.url, { apiKey: key });
  const shown = await signedIn.request('GET', '/v1/session');
  expect([shown.status, shown.body]).toEqual([200, signedIn.session]);
  const departs = answerCheck((await causeway.api.get('/openapi.json')).body as Description);
  expect([departs('POST /v1/session', answer), departs('GET /v1/session', shown)]).toEqual([undefined, undefined]);
});

test('neither the cookie nor the key is in the database', async () => {
  const { key } = await newKey(['read']);
  const { cookie } = await signIn(causeway.api.url, { apiKey: key });
  const { rows } = await client.query('select s::text as text from dashboard_sessions s');
  expect(rows.length).toBeGreaterThan(0);
  const text = JSON.stringify(rows);
  expect([text.includes(cookie.split('=')[1] ?? 'x'), text.includes(key)]).toEqual([false, false]);
});

test('with it requests do what the key may do, and no more, at every API process', async () => {
  const signedIn = await enter(['read']);
  expect((await signedIn.request('GET', list)).status).toBe(200);
  const answer = await signedIn.request('GET', list, undefined, { cookie: `__Host-${signedIn.cookie}` }, other.url);
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
  expectProblem(await signedIn.request('GET', '/v1/api-keys'), 403, 'scope_missing');
  expectProblem(await signedIn.request('POST', list, {}), 403, 'scope_missing');
});

test('behind TLS the cookie is bound to the host and to TLS, and the other name opens nothing', async () => {
  const { key } = await newKey(['read']);
  const { cookie, request } = await signIn(other.url, { apiKey: key });
  expect(cookie).toMatch(/^__Host-causeway_session=/);
  expect((await request('GET', list)).status).toBe(200);
  over(await request('GET', list, undefined, { cookie: cookie.replace('__Host-', '') }));
  const behind = await browserRequest(causeway.api.url, 'POST', '/v1/session', {
    ...{ body: { apiKey: key }, headers: { 'x-forwarded-proto': 'https' } },
  });
  expect(behind.headers.get('set-cookie')).toMatch(/^__Host-.*; Secure;/);
});

test('a change needs the CSRF token of its own session', async () => {
  const signedIn = await enter(['read', 'manage']);
  const foreign = await enter(['read', 'manage']);
  for (const token of ['', 'x', foreign.session.csrfToken, `${signedIn.session.csrfToken}é`.slice(1)]) {
    const headers = { 'x-csrf-token': encodeURIComponent(token) };
    const { detail } = expectProblem(await signedIn.request('POST', list, {}, headers), 403, 'csrf');
    expect(detail).toContain('X-CSRF-Token: the csrfToken of GET /v1/session');
    expectProblem(await signedIn.request('DELETE', '/v1/session', undefined, headers), 403, 'csrf');
  }
  expectProblem(await signedIn.request('POST', list, {}), 422, 'validation_failed');
});

test('no page of another origin reads, changes or signs in with it: another site, a sibling, another port', async () => {
  const { key } = await newKey(['read', 'manage']);
  const signedIn = await signIn(causeway.api.url, { apiKey: key });
  const refused = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://127.0.0.1:1', 'sec-fetch-site': 'same-site' },
    { origin: `${causeway.api.url}.evil.example` },
  ];
  for (const headers of refused as Record<string, string>[]) {
    for (const [method, path] of [
      ['GET', list],
      ['GET', '/v1/session'],
      ['POST', list],
      ['DELETE', '/v1/session'],
    ] as const) {
      expectProblem(await signedIn.request(method, path, method === 'POST' ? {} : undefined, headers), 403, 'csrf');
    }
    const login = await browserRequest(causeway.api.url, 'POST', '/v1/session', { body: { apiKey: key }, headers });
    expectProblem(login, 403, 'csrf');
    expect(login.headers.get('set-cookie')).toBe(null);
  }
  // A form can send no JSON, and a link of another site is a GET that only shows.
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const posted = await browserRequest(causeway.api.url, 'POST', '/v1/session', {
    body: `apiKey=${key}`,
    headers: form,
  });
  expectProblem(posted, 415, 'content_type_unsupported');
  expectProblem(await signedIn.request('POST', list, {}, { 'sec-fetch-site': 'none' }), 403, 'csrf');
  const ours = { origin: causeway.api.url, 'sec-fetch-site': 'same-origin' };
  expect((await signedIn.request('GET', list, undefined, ours)).status).toBe(200);
  const told = { origin: 'https://causeway.example.com', cookie: `__Host-${signedIn.cookie}` };
  expect((await signedIn.request('GET', list, undefined, told, other.url)).status).toBe(200);
  for (const answer of [
    await signedIn.request('GET', list, undefined, ours),
    await signedIn.request('OPTIONS', list),
  ]) {
    expect(answer.headers.get('access-control-allow-origin')).toBe(null);
  }
});

test('an Authorization header counts, whatever the cookie', async () => {
  const signedIn = await enter(['read']);
  over(await signedIn.request('GET', list, undefined, { authorization: `Bearer ${'k'.repeat(30)}` }));
  over(await signedIn.request('GET', list, undefined, { authorization: '' }));
});

test('signing in makes a new session, and ends the one that the browser had: nobody can plant one', async () => {
  const { key } = await newKey(['read']);
  const planted = 'causeway_session='.padEnd(60, 'A');
  const first = await signIn(causeway.api.url, { apiKey: key }, { cookie: planted });
  expect(first.cookie).not.toBe(planted);
  const second = await signIn(causeway.api.url, { apiKey: key }, { cookie: first.cookie });
  over(await first.request('GET', list));
  expect((await second.request('GET', list)).status).toBe(200);
  over(await first.request('GET', list, undefined, { cookie: planted }));
});

test('signing out ends the session at every process at once, and erases the cookie', async () => {
  const signedIn = await enter();
  const answer = await signedIn.request('DELETE', '/v1/session');
  expect([answer.status, answer.headers.get('set-cookie')]).toEqual([
    204,
    expect.stringMatching(/^causeway_session=; Max-Age=0; Path=\//),
  ]);
  over(await signedIn.request('GET', list));
  over(await signedIn.request('GET', list, undefined, { cookie: `__Host-${signedIn.cookie}` }, other.url));
  over(await signedIn.request('DELETE', '/v1/session'));
});

test('a session ends with its API key: revoked, rotated away, expired', async () => {
  const revoked = await newKey(['read']);
  const ofRevoked = await signIn(causeway.api.url, { apiKey: revoked.key });
  await causeway.api.request('DELETE', `/v1/api-keys/${revoked.id}`);
  over(await ofRevoked.request('GET', list)); // At the process that was asked, at once.

  const rotated = await newKey(['read']);
  const ofRotated = await signIn(causeway.api.url, { apiKey: rotated.key });
  await causeway.api.request('POST', `/v1/api-keys/${rotated.id}/rotate`, { overlapSeconds: 3_600 });
  expect((await ofRotated.request('GET', list)).status).toBe(200); // As the key before does.
  await causeway.api.request('POST', `/v1/api-keys/${rotated.id}/rotate`, { overlapSeconds: 0 });
  over(await ofRotated.request('GET', list));

  const short = await newKey(['read']);
  const ofShort = await signIn(causeway.api.url, { apiKey: short.key });
  await client.query('update api_keys set expires_at = now() where id = $1', [short.id]);
  await until(
    'the key to expire',
    () => ofShort.request('GET', list),
    ({ status }) => status === 401,
  );

  const elsewhere = await newKey(['read']);
  const { cookie, request } = await signIn(other.url, { apiKey: elsewhere.key });
  await causeway.api.request('DELETE', `/v1/api-keys/${elsewhere.id}`);
  await until(
    'the other process to hear of it',
    () => request('GET', list, undefined, { cookie }),
    ({ status }) => status === 401,
  );
});

test('a session ends after twelve hours, and after two without a request', async () => {
  const digestOf = async (): Promise<Buffer> =>
    (await client.query('select digest from dashboard_sessions order by created_at desc limit 1')).rows[0].digest;
  const change = (set: string, digest: Buffer) =>
    client.query(`update dashboard_sessions set ${set} where digest = $1`, [digest]);
  const used = await enter();
  const usedDigest = await digestOf();
  await change("last_used_at = now() - interval '119 minutes'", usedDigest);
  expect((await used.request('GET', list)).status).toBe(200);
  await change("last_used_at = last_used_at - interval '119 minutes'", usedDigest);
  expect((await used.request('GET', list)).status).toBe(200); // The request before was noted.
  await change("last_used_at = now() - interval '121 minutes'", usedDigest);
  over(await used.request('GET', list));
  const old = await enter();
  await change("expires_at = now() - interval '1 second'", await digestOf());
  over(await old.request('GET', list));
  await enter(); // Tidies up.
  const { rows } = await client.query('select digest from dashboard_sessions where expires_at < now() or digest = $1', [
    usedDigest,
  ]);
  expect(rows).toEqual([]);
});

test('a key has a hundred sessions at the most: the one that was used longest ago makes room', async () => {
  const { key } = await newKey(['read']);
  const first = await signIn(causeway.api.url, { apiKey: key });
  await client.query(
    `insert into dashboard_sessions (digest, key_digest, expires_at, last_used_at)
     select sha256(n::text::bytea), (select key_digest from dashboard_sessions order by created_at desc limit 1), now() + interval '1 hour', now() + interval '1 second'
     from generate_series(1, 99) n`,
  );
  expect((await first.request('GET', list)).status).toBe(200);
  const last = await signIn(causeway.api.url, { apiKey: key });
  over(await first.request('GET', list));
  expect((await last.request('GET', list)).status).toBe(200);
});

test('guessing is answered 429 after ten failures from one address, and nobody learns whether a key was right', async () => {
  const api = await causeway.anotherApi(); // Its own: failures are counted by process.
  const guess = (apiKey: string) => browserRequest(api.url, 'POST', '/v1/session', { body: { apiKey } });
  const wrong = () => guess(`cw_${randomBytes(24).toString('base64url')}`);
  const { key } = await newKey(['read']);
  for (let n = 0; n < 20; n++) expect((await guess(key)).status).toBe(201); // Who knows one is not counted.
  const answers = await Promise.all(Array.from({ length: 15 }, wrong));
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(10);
  const limited = answers.filter(({ status }) => status === 429);
  expect(limited).toHaveLength(5);
  const { key: unused } = await newKey(['read']);
  for (const answer of [...limited, await guess(unused)]) {
    expectProblem(answer, 429, 'too_many_sign_ins');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  }
});

test('behind a proxy that is named, failures count for whom it stands for; a header of anybody else counts for nothing', async () => {
  const named = await causeway.anotherApi({ CAUSEWAY_TRUSTED_PROXIES: '127.0.0.1' });
  const unnamed = await causeway.anotherApi();
  const guess = async (at: TestApi, forwardedFor: string) => {
    const headers = { 'x-forwarded-for': forwardedFor };
    return (await browserRequest(at.url, 'POST', '/v1/session', { body: { apiKey: 'wrong' }, headers })).status;
  };
  for (let n = 0; n < 10; n++) {
    expect([await guess(named, `198.51.100.${n}, 203.0.113.1`), await guess(unnamed, `203.0.113.${n}`)]).toEqual([
      401, 401,
    ]);
  }
  expect([await guess(named, '203.0.113.1'), await guess(named, '203.0.113.2')]).toEqual([429, 401]);
  expect(await guess(unnamed, '203.0.113.99')).toBe(429);
  const { id, key } = await newKey(['read']);
  const headers = { 'x-forwarded-for': '203.0.113.3' };
  await until(
    'it to know the key',
    () => browserRequest(named.url, 'POST', '/v1/session', { body: { apiKey: key }, headers }),
    ({ status }) => status === 201,
  );
  const { body } = await causeway.api.get(`/v1/audit?keyId=${id}&limit=1`);
  expect(body).toMatchObject({ entries: [{ action: 'session.began', by: { address: '203.0.113.3' } }] });
});

test('what is no sign-in is refused with the reason', async () => {
  const ask = (body: unknown) => browserRequest(causeway.api.url, 'POST', '/v1/session', { body });
  for (const [body, says] of [
    [{}, /names nobody: expected either apiKey or portalToken/],
    [{ apiKey: 'k', portalToken: 't' }, /names two: expected either/],
    [{ apiKey: 1 }, /apiKey is a number: expected an API key: cw_…/],
    [{ apiKey: 'a b' }, /apiKey has the wrong form: expected an API key/],
    [{ key: 'k' }, /key is not a known field: expected one of apiKey, portalToken/],
  ] as const) {
    expect(expectProblem(await ask(body), 422, 'validation_failed').detail).toMatch(says);
  }
  expectProblem(await ask('{'), 400, 'malformed_json');
  expectProblem(await ask({ apiKey: 'k'.repeat(5_000) }), 413, 'body_too_large');
  over(await ask({ portalToken: 'none' }));
  over(await browserRequest(causeway.api.url, 'GET', '/v1/session'));
  over(
    await browserRequest(causeway.api.url, 'GET', '/v1/session', { headers: { cookie: "causeway_session=' or 1=1" } }),
  );
});

test('the audit trail has who signed in, and says of what a session does that the dashboard did it', async () => {
  const { id, key } = await newKey(['read', 'manage']);
  const signedIn = await signIn(causeway.api.url, { apiKey: key });
  await signedIn.request('POST', '/v1/api-keys', { name: 'made in the dashboard', scopes: ['read'] });
  const { body } = await causeway.api.get(`/v1/audit?keyId=${id}`);
  const by = { keyId: id, name: 'ada', address: '127.0.0.1', requestId: expect.any(String), via: 'dashboard' };
  expect(body).toEqual({
    entries: [
      expect.objectContaining({ action: 'api_key.created', by }),
      expect.objectContaining({ action: 'session.began', subject: id, by }),
    ],
  });
});

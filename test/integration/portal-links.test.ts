/** Links by which a customer comes to the portal: how they are made, what they open, and how they end. The walls: walls.test.ts. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { TestApi } from '../harness/api.ts';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';
import { causeway as cli } from '../harness/cli.ts';
import { answering } from '../harness/hostileServers.ts';
import { answerCheck, type Description } from '../harness/openapi.ts';
import { expectProblem } from '../harness/problem.ts';
import { browserRequest, type SignedIn, signIn } from '../harness/session.ts';
import { testTemporal } from '../harness/temporal.ts';

let causeway: Causeway;
let other: TestApi;
let client: pg.Client;
beforeAll(async () => {
  causeway = await startCauseway({ workers: 0 });
  other = await causeway.anotherApi({ CAUSEWAY_PUBLIC_URL: 'https://causeway.example.com' });
  client = new pg.Client({ connectionString: causeway.databaseUrl });
  await client.connect();
});
afterAll(async () => {
  await client?.end();
  await causeway?.stop();
});

type Link = { id: string; url: string; expiresAt: string; permissions: string[] };
const newCustomer = (): string => `acct_${randomUUID()}`;
async function newLink(body: Record<string, unknown> = {}, at = causeway.api): Promise<Link> {
  const answer = await at.request('POST', '/v1/portal-links', { customerExternalId: newCustomer(), ...body });
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
  return answer.body as Link;
}
const tokenIn = ({ url }: Link): string => url.split('#')[1] ?? '';
const enter = (link: Link): Promise<SignedIn> => signIn(causeway.api.url, { portalToken: tokenIn(link) });
const over = (answer: Parameters<typeof expectProblem>[0]) => expectProblem(answer, 401, 'unauthenticated');
const list = '/v1/destinations';

test('a link is made for a customer, a time and what it lets them do; its token is behind the # and in no table', async () => {
  const customerExternalId = newCustomer();
  const body = { customerExternalId, permissions: ['replay'], lifetimeSeconds: 60, name: 'Ada of Acme' };
  const answer = await causeway.api.request('POST', '/v1/portal-links', body);
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([201, 'no-store']);
  const link = answer.body as Link;
  expect(link).toMatchObject({
    ...{ customerExternalId, name: 'Ada of Acme', permissions: ['read', 'replay'] },
    id: expect.stringMatching(/^plk_[\w-]{16}$/),
  });
  expect(link.url).toMatch(new RegExp(`^${causeway.api.url}/portal#[\\w-]{43}$`));
  expect(Date.parse(link.expiresAt) - Date.now()).toBeGreaterThan(40_000);
  expect(Date.parse(link.expiresAt) - Date.now()).toBeLessThanOrEqual(61_000);
  const rows = await client.query("select coalesce(string_agg(l::text, ''), '') as text from portal_links l");
  expect([rows.rows[0].text.includes(link.id), rows.rows[0].text.includes(tokenIn(link))]).toEqual([true, false]);
  const listed = await causeway.api.get(`/v1/portal-links?customerExternalId=${customerExternalId}`);
  const { url: _, ...shown } = link;
  expect(listed.body).toEqual({ portalLinks: [shown] });
  const departs = answerCheck((await causeway.api.get('/openapi.json')).body as Description);
  expect([departs('POST /v1/portal-links', answer), departs('GET /v1/portal-links', listed)]).toEqual([
    undefined,
    undefined,
  ]);
});

test('where the dashboard has an address, links begin with it', async () => {
  expect((await newLink({}, other)).url).toMatch(/^https:\/\/causeway\.example\.com\/portal#/);
});

test('who opens it is signed in for that customer, with no scope, and no longer than the link holds', async () => {
  const customerExternalId = newCustomer();
  const link = await newLink({ customerExternalId, permissions: ['manage_destinations'], name: 'Ada' });
  const { session, request, cookie } = await enter(link);
  expect(session).toEqual({
    ...{ kind: 'portal', name: 'Ada', scopes: [], customerExternalId, permissions: ['read', 'manage_destinations'] },
    ...{ expiresAt: link.expiresAt, csrfToken: expect.any(String) },
  });
  expect(await request('GET', list)).toMatchObject({ status: 200, body: { destinations: [] } });
  expect((await request('GET', list, undefined, { cookie: `__Host-${cookie}` }, other.url)).status).toBe(200);
  expectProblem(await request('POST', list, {}, { 'x-csrf-token': '' }), 403, 'csrf');
  expectProblem(await request('GET', list, undefined, { 'sec-fetch-site': 'cross-site' }), 403, 'csrf');
  const posted = await browserRequest(causeway.api.url, 'POST', '/v1/session', {
    ...{ body: { portalToken: tokenIn(link) }, headers: { 'sec-fetch-site': 'cross-site' } },
  });
  expectProblem(posted, 403, 'csrf'); // Nobody is taken into a portal by another page's script.
  over(await causeway.api.request('GET', list, undefined, { authorization: `Bearer ${tokenIn(link)}` }));
});

test('what they change is noted with their link', async () => {
  const customerExternalId = newCustomer();
  const link = await newLink({ customerExternalId, permissions: ['manage_destinations'], name: 'Ada' });
  const { request } = await enter(link);
  const made = await request('POST', list, {
    ...{ type: 'KAFKA', name: 'n', customerExternalId, brokers: ['b:1'], topic: 't' },
    auth: { mode: 'NONE', tls: false },
  });
  const { id } = made.body as { id: string };
  await request('POST', `${list}/${id}/pause`, { by: 'ada' });
  const { body } = await causeway.api.get(`/v1/audit?keyId=${link.id}`);
  const by = expect.objectContaining({ keyId: link.id, name: 'portal link Ada', via: 'portal', address: '127.0.0.1' });
  expect((body as { entries: unknown[] }).entries).toEqual([
    expect.objectContaining({ action: 'destination.paused', by, detail: { by: 'ada (portal link Ada)' } }),
    expect.objectContaining({ action: 'destination.created', by, subject: id }),
    expect.objectContaining({ action: 'session.began', by, subject: link.id }),
  ]);
});

test('a customer has one connection tested at a time, two customers together, and operators have room all the same', async () => {
  let asked = 0;
  // It takes connections, and says nothing: a test of it lasts until it is given up.
  const silent = await answering(() => {
    asked++;
  });
  onTestFinished(silent.stop);
  const testing = async (customerExternalId: string) => {
    const { request } = await enter(await newLink({ customerExternalId, permissions: ['manage_destinations'] }));
    return () => request('POST', '/v1/destinations/test', destinationOf(customerExternalId));
  };
  const destinationOf = (customerExternalId: string) => ({
    ...{ type: 'KAFKA', name: 'n', customerExternalId, brokers: [silent.address], topic: 't' },
    auth: { mode: 'NONE', tls: false },
  });
  const [first, second, third] = [
    await testing(newCustomer()),
    await testing(newCustomer()),
    await testing(newCustomer()),
  ];
  const under = [first()];
  await until(
    'the first test',
    async () => asked,
    (count) => count === 1,
  );
  expectProblem(await first(), 503, 'overloaded');
  under.push(second());
  await until(
    'the second test',
    async () => asked,
    (count) => count === 2,
  );
  expectProblem(await third(), 503, 'overloaded');
  under.push(causeway.api.request('POST', '/v1/destinations/test', destinationOf('a')));
  await until(
    "an operator's test",
    async () => asked,
    (count) => count === 3,
  );
  expect((await Promise.all(under)).map(({ status }) => status)).toEqual([200, 200, 200]);
  expect((await first()).status).toBe(200);
});

test('a link that is deleted opens nothing, and who came by it is signed out at every process at once', async () => {
  const link = await newLink();
  const { request, cookie } = await enter(link);
  expect((await causeway.api.request('DELETE', `/v1/portal-links/${link.id}`)).status).toBe(204);
  over(await request('GET', list));
  over(await request('GET', list, undefined, { cookie: `__Host-${cookie}` }, other.url));
  await expect(enter(link)).rejects.toThrow('401');
  expectProblem(await causeway.api.request('DELETE', `/v1/portal-links/${link.id}`), 404, 'portal_link_not_found');
  expectProblem(await causeway.api.request('DELETE', '/v1/portal-links/%00'), 404, 'portal_link_not_found');
  const { body } = await causeway.api.get('/v1/portal-links?limit=1');
  expect(body).toMatchObject({ portalLinks: [{ id: link.id, deletedAt: expect.any(String) }] });
});

test('a link that is over opens nothing, and signs out who came by it', async () => {
  const link = await newLink();
  const { request } = await enter(link);
  await client.query("update portal_links set expires_at = now() - interval '1 second' where id = $1", [link.id]);
  over(await request('GET', list));
  await expect(enter(link)).rejects.toThrow('401');
  await client.query("update portal_links set expires_at = now() - interval '31 days' where id = $1", [link.id]);
  await newLink(); // Tidies up.
  expect((await client.query('select from portal_links where id = $1', [link.id])).rowCount).toBe(0);
  expect((await client.query('select from dashboard_sessions where link_id = $1', [link.id])).rowCount).toBe(0);
});

test('links are listed in pages, and the list of no other is continued with its cursor', async () => {
  const customerExternalId = newCustomer();
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) ids.push((await newLink({ customerExternalId })).id);
  const page = async (query: string) =>
    (await causeway.api.get(`/v1/portal-links?customerExternalId=${customerExternalId}&limit=2${query}`)).body as {
      portalLinks: Link[];
      nextCursor?: string;
    };
  const first = await page('');
  const second = await page(`&cursor=${first.nextCursor}`);
  expect([...first.portalLinks, ...second.portalLinks].map(({ id }) => id)).toEqual(ids.toReversed());
  expect(second.nextCursor).toBe(undefined);
  const keys = (await causeway.api.get('/v1/api-keys?limit=1')).body as { nextCursor?: string };
  const cursor = keys.nextCursor ?? Buffer.from('k1:1').toString('base64url');
  expectProblem(await causeway.api.get(`/v1/portal-links?cursor=${cursor}`), 400, 'cursor_invalid');
});

test('what no link can be is refused, by field, reason and remedy', async () => {
  const refused = async (body: unknown) =>
    expectProblem(await causeway.api.request('POST', '/v1/portal-links', body), 422, 'validation_failed').detail;
  const customerExternalId = 'a';
  expect(await refused({})).toContain('customerExternalId is missing: expected a string of 1 to 255 characters');
  expect(await refused({ customerExternalId, lifetimeSeconds: 59 })).toContain(
    'whole number of seconds from 60 to 604800',
  );
  expect(await refused({ customerExternalId, permissions: [] })).toContain(
    'permissions has too few entries: expected some of',
  );
  expect(await refused({ customerExternalId, permissions: ['manage'] })).toContain('read, manage_destinations, replay');
  expect(await refused({ customerExternalId, permissions: ['read', 'read'] })).toContain('names a permission twice');
});

test('causeway portal-link makes one, lists and deletes them', async () => {
  const customer = newCustomer();
  const made = await cli(causeway.api, ['portal-link', customer, '--permission', 'replay', '--lifetime', '120']);
  expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/^http.*\/portal#[\w-]{43}\n$/) });
  expect(made.err).toMatch(/^That is plk_[\w-]{16}: read, replay, until .*It is not shown again\.\n$/);
  const id = /plk_[\w-]{16}/.exec(made.err)?.[0] ?? '';
  const listed = await cli(causeway.api, ['portal-links', 'list', '--customer', customer]);
  expect(listed.out).toMatch(new RegExp(`${id} +${customer} +- +read, replay +opens until `));
  expect(await cli(causeway.api, ['portal-links', 'delete', id])).toMatchObject({
    code: 0,
    out: `${id} opens nothing any more.\n`,
  });
  expect((await cli(causeway.api, ['portal-links', 'list', '--customer', customer])).out).toContain('deleted ');
});

test('one replay of a customer runs that a link began, at every API process; operators and other customers begin theirs', async () => {
  const customerExternalId = newCustomer();
  const body = { customerExternalId, dryRun: true };
  const begun = new Set<string>();
  const { client: temporal, stop } = await testTemporal(causeway);
  onTestFinished(async () => {
    for (const id of begun) await temporal.workflow.getHandle(`replay:${id}`).terminate();
    await stop();
  });
  const begin = async (at: Pick<SignedIn, 'request'> | TestApi, asked: Record<string, unknown>, key?: string) => {
    const answer = await at.request('POST', '/v1/replays', asked, key === undefined ? {} : { 'idempotency-key': key });
    // No worker is there: it would run for ever.
    const { id } = answer.body as { id?: string };
    if (id !== undefined) begun.add(id);
    return answer;
  };
  const link = await newLink({ customerExternalId, permissions: ['replay'] });
  const portal = await enter(link);
  const first = await begin(portal, body, 'once');
  expect(first.status).toBe(202);
  expectProblem(await begin(portal, body), 503, 'overloaded');
  expect((await begin(portal, body, 'once')).body).toEqual(first.body);
  const third = await causeway.anotherApi({});
  const elsewhere = await signIn(third.url, { portalToken: tokenIn(link) });
  const { id } = first.body as { id: string };
  const listed = () => temporal.workflow.count(`WorkflowId = 'replay:${id}' AND ExecutionStatus = 'Running'`);
  await until('visibility tells of it', listed, ({ count }) => count === 1);
  expectProblem(await begin(elsewhere, body), 503, 'overloaded');
  expect((await begin(causeway.api, body)).status).toBe(202);
  const others = newCustomer();
  const ofOthers = await enter(await newLink({ customerExternalId: others, permissions: ['replay'] }));
  expect((await begin(ofOthers, { ...body, customerExternalId: others })).status).toBe(202);
});

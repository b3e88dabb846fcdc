/** What a key may do, route by route: the table is the API's own description, which openapi.test.ts holds against a list. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Scope, scopes } from '../../domain/scope.ts';
import type { Answer } from '../harness/api.ts';
import { type Causeway, startCauseway } from '../harness/causeway.ts';
import { type Description, operationsOf } from '../harness/openapi.ts';
import { expectProblem } from '../harness/problem.ts';

let causeway: Causeway;
/** Each route under /v1/ with the scope that it says it needs. */
let routes: { name: string; scope: string | undefined }[];
/** A key for each set of scopes, by the set. */
const keys = new Map<string, string>();
const sets: Scope[][] = [
  ['ingest'],
  ['read'],
  ['manage'],
  ['ingest', 'read'],
  ['ingest', 'manage'],
  ['read', 'manage'],
];
beforeAll(async () => {
  causeway = await startCauseway({ workers: 0 });
  const { body } = await causeway.api.get('/openapi.json');
  routes = operationsOf(body as Description)
    .filter(({ name }) => name.includes(' /v1/') && !name.endsWith(' /v1/session')) // Who signs in has no key: sessions.test.ts.
    .map(({ name, operation }) => ({ name, scope: operation.security?.[0]?.bearer?.[0] }));
  for (const set of sets) {
    const answer = await causeway.api.request('POST', '/v1/api-keys', { name: set.join(' and '), scopes: set });
    keys.set(set.join(), (answer.body as { key: string }).key);
  }
});
afterAll(() => causeway.stop());

function call(name: string, set: readonly Scope[]): Promise<Answer> {
  const [method = '', path = ''] = name.split(' ');
  const body = method === 'GET' || method === 'DELETE' ? undefined : {};
  return causeway.api.request(method, path.replace('{id}', 'x'), body, {
    authorization: `Bearer ${keys.get(set.join())}`,
  });
}

test('every route under /v1/ needs one of the scopes', () => {
  expect(routes.length).toBeGreaterThan(20);
  expect(routes.filter(({ scope }) => !scopes.some((one) => one === scope))).toEqual([]);
});

test('no route lets a key pass that lacks its scope, whatever others it has: 403 names the one that is missing', async () => {
  let refused = 0;
  for (const { name, scope = 'none' } of routes) {
    for (const set of sets.filter((one) => !one.some((has) => has === scope))) {
      const answer = await call(name, set);
      const { missingScope, detail } = expectProblem(answer, 403, 'scope_missing');
      expect([name, missingScope, detail]).toEqual([name, scope, expect.stringContaining(`the scope "${scope}"`)]);
      expect(answer.headers.get('www-authenticate')).toBe(
        `Bearer realm="causeway", error="insufficient_scope", scope="${scope}"`,
      );
      refused++;
    }
  }
  expect(refused).toBe(routes.length * 3);
});

test('each route lets a key pass that has its scope alone', async () => {
  const passed = await Promise.all(
    routes.map(async ({ name, scope }) => ({
      name,
      status: (
        await call(
          name,
          scopes.filter((one) => one === scope),
        )
      ).status,
    })),
  );
  expect(passed.filter(({ status }) => status === 401 || status === 403)).toEqual([]);
});

test('HEAD needs what GET does', async () => {
  const head = (set: Scope[]) =>
    causeway.api.request('HEAD', '/v1/destinations', undefined, { authorization: `Bearer ${keys.get(set.join())}` });
  expect([(await head(['ingest'])).status, (await head(['read'])).status]).toEqual([403, 200]);
});

test('a path that is not there is so for any key', async () => {
  expectProblem(await call('GET /v1/none', ['ingest']), 404, 'not_found');
});

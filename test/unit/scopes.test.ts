import { createRoute } from '@hono/zod-openapi';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createApp } from '../../api/app.ts';
import type { App } from '../../api/appEnv.ts';
import { needs } from '../../api/scopes.ts';

const appWith = (add: (app: App) => void) =>
  createApp({
    logger: pino({ level: 'silent' }),
    findApiKey: async () => ({ id: 'key_1', name: 'a', scopes: ['read'] }),
    ...{ health: {}, routes: [add] },
  });
const route = (security?: Record<string, string[]>[]) =>
  createRoute({
    method: 'get',
    path: '/v1/things/{id}',
    ...(security && { security }),
    responses: { 200: { description: 'd' } },
  });

test('an API with a route that declares no scope, or one that there is not, does not start', () => {
  for (const bare of [route(), route([{ bearer: [] }]), route([{ bearer: ['write'] }])]) {
    expect(() => appWith((app) => app.openapi(bare, (c) => c.text('here')))).toThrow(
      'GET /v1/things/:id does not declare the scope',
    );
  }
  expect(() => appWith((app) => app.get('/v1/things', (c) => c.text('here')))).toThrow('GET /v1/things');
});

test('a key passes where the route declares a scope that it has', async () => {
  const answer = async (scope: 'read' | 'manage') => {
    const app = appWith((to) => to.openapi(route(needs(scope)), (c) => c.text('here')));
    return (await app.request('/v1/things/1', { headers: { authorization: 'Bearer k' } })).status;
  };
  expect([await answer('read'), await answer('manage')]).toEqual([200, 403]);
});

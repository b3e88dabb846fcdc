import { createRoute } from '@hono/zod-openapi';
import { version } from '../activities/version.ts';
import type { App } from './appEnv.ts';
import { type CheckDependencies, runChecks } from './checks.ts';
import { checksSchema } from './schemas/checks.ts';
import { problemResponses } from './schemas/problem.ts';
import { needs } from './scopes.ts';

const route = createRoute({
  method: 'get',
  path: '/v1/checks',
  tags: ['Operations'],
  summary: 'Check what the API stands on',
  description:
    "Store, Temporal, its namespace and search attributes, workers and their version, lanes that wait, and customers' Kafkas: the destinations that lanes hold for and the newest, 40 at the most, have their connection tested, without writing. Takes up to 10 s.",
  security: needs('read'),
  responses: {
    200: { description: 'What was found.', content: { 'application/json': { schema: checksSchema } } },
    ...problemResponses(401, 403, 503),
  },
});

/** `GET /v1/checks`: for `causeway doctor`. Many askers at once cost one check. */
export function checkRoutes(app: App, dependencies: CheckDependencies): void {
  let running: ReturnType<typeof runChecks> | undefined;
  app.openapi(route, async (c) => {
    running ??= runChecks(dependencies).finally(() => {
      running = undefined;
    });
    const asked = new Date();
    const checks = await running;
    return c.json({ version, now: asked.toISOString(), tookMs: Date.now() - asked.getTime(), checks }, 200);
  });
}

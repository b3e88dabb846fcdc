import { createRequire } from 'node:module';
import { createRoute } from '@hono/zod-openapi';
import type { App } from './appEnv.ts';
import { type CheckDependencies, runChecks } from './checks.ts';
import { checksSchema } from './schemas/checks.ts';
import { problemResponses } from './schemas/problem.ts';

const route = createRoute({
  method: 'get',
  path: '/v1/checks',
  tags: ['Operations'],
  summary: 'Check what the API stands on',
  description:
    'Store, Temporal, its namespace and search attributes, workers, and lanes that wait; with what mends each.',
  security: [{ bearer: [] }],
  responses: {
    200: { description: 'What was found.', content: { 'application/json': { schema: checksSchema } } },
    ...problemResponses(401, 503),
  },
});

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }; // Our own file.

/** `GET /v1/checks`: for `causeway doctor`. Many askers at once cost one check. */
export function checkRoutes(app: App, dependencies: CheckDependencies): void {
  let running: ReturnType<typeof runChecks> | undefined;
  app.openapi(route, async (c) => {
    running ??= runChecks(dependencies).finally(() => {
      running = undefined;
    });
    return c.json({ version, now: new Date().toISOString(), checks: await running }, 200);
  });
}

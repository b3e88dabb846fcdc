import { createRoute, z } from '@hono/zod-openapi';
import type { App } from './appEnv.ts';
import { serverAnswers } from './schemas/problem.ts';

/** Each resolves when what it names answers. */
export type HealthChecks = Readonly<Record<string, () => Promise<unknown>>>;

const checkTimeoutMs = 2_000;

const healthSchema = z
  .object({
    status: z.enum(['ok', 'failing']).openapi({ example: 'ok' }),
    checks: z.record(z.string(), z.enum(['ok', 'failing'])).openapi({ example: { store: 'ok', temporal: 'ok' } }),
  })
  .openapi('Health');

const content = { 'application/json': { schema: healthSchema } };
const route = createRoute({
  method: 'get',
  path: '/healthz',
  tags: ['Operations'],
  summary: 'Whether the API can take events',
  security: [],
  responses: {
    200: { description: 'Everything answers.', content },
    503: { description: 'Something does not answer.', content },
    ...serverAnswers,
  },
});

/** `/healthz`: open to all, so it says no more than what answers. Many askers at once cost one check. */
export function healthRoutes(app: App, checks: HealthChecks): void {
  let running: Promise<[string, 'ok' | 'failing'][]> | undefined;
  const runAll = async (): Promise<[string, 'ok' | 'failing'][]> =>
    Promise.all(Object.entries(checks).map(async ([name, check]) => [name, await answers(check)]));
  app.openapi(route, async (c) => {
    running ??= runAll().finally(() => {
      running = undefined;
    });
    const results = await running;
    const isOk = results.every(([, result]) => result === 'ok');
    return c.json({ status: isOk ? 'ok' : 'failing', checks: Object.fromEntries(results) } as const, isOk ? 200 : 503);
  });
}

function answers(check: () => Promise<unknown>): Promise<'ok' | 'failing'> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve('failing'), checkTimeoutMs);
    const answer = (result: 'ok' | 'failing') => (): void => {
      clearTimeout(timer);
      resolve(result);
    };
    check().then(answer('ok'), answer('failing'));
  });
}

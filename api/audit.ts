import { createRoute } from '@hono/zod-openapi';
import type { AuditLog } from '../store/auditLog.ts';
import type { App } from './appEnv.ts';
import { auditPageSchema, auditQuery } from './schemas/audit.ts';
import { problemResponses } from './schemas/problem.ts';
import { needs } from './scopes.ts';

const route = createRoute({
  method: 'get',
  path: '/v1/audit',
  tags: ['API keys'],
  summary: 'Read the audit trail',
  description: 'Who changed what, when and from where; the newest first.',
  security: needs('manage'),
  request: { query: auditQuery },
  responses: {
    200: { description: 'A page.', content: { 'application/json': { schema: auditPageSchema } } },
    ...problemResponses(400, 401, 403, 503),
  },
});

/** `GET /v1/audit` */
export function auditRoutes(app: App, audit: Pick<AuditLog, 'page'>): void {
  app.openapi(route, async (c) => {
    const { entries, nextCursor } = await audit.page(c.req.valid('query'));
    const shown = entries.map(({ seq: _, at, ...entry }) => ({ ...entry, at: at.toISOString() }));
    return c.json({ entries: shown, ...(nextCursor && { nextCursor }) }, 200);
  });
}

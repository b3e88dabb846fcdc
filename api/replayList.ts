import { createRoute } from '@hono/zod-openapi';
import type { Client } from '@temporalio/client';
import type { Context } from 'hono';
import { askedOf } from '../activities/laneCalls.ts';
import { CausewayError } from '../domain/error.ts';
import type { AuditEntry, AuditLog } from '../store/auditLog.ts';
import type { Destinations } from '../store/destinations.ts';
import type { App, AppEnv } from './appEnv.ts';
import { customerOf } from './portal.ts';
import { shown } from './replayShown.ts';
import { problemResponses } from './schemas/problem.ts';
import { type Replay, replayPageSchema, replaySelectorSchema, replaysQuery } from './schemas/replays.ts';
import { needs } from './scopes.ts';

export type ReplayListOptions = {
  temporal: Client;
  audit: Pick<AuditLog, 'replays'>;
  destinations: Pick<Destinations, 'idsOfCustomer'>;
};

const list = createRoute({
  method: 'get',
  path: '/v1/replays',
  tags: ['Operations'],
  summary: 'List replays, and discards in the background',
  description:
    'Those that were asked for through this API, by the audit trail, the newest first, each with how far Temporal says it is. One that was begun by `temporal workflow start` is not among them.',
  security: needs('read', 'read'),
  request: { query: replaysQuery },
  responses: {
    200: { description: 'A page.', content: { 'application/json': { schema: replayPageSchema } } },
    ...problemResponses(400, 401, 403, 503),
  },
});

/** `GET /v1/replays` */
export function replayListRoute(app: App, options: ReplayListOptions): void {
  const { audit, destinations } = options;
  app.openapi(list, async (c) => {
    const { customerExternalId: asked, limit, cursor } = c.req.valid('query');
    const customerExternalId = customerOf(c, asked);
    const of =
      customerExternalId === undefined
        ? undefined
        : {
            customerExternalId,
            destinationIds: await destinations.idsOfCustomer(customerExternalId),
          };
    const { entries, nextCursor } = await audit.replays({ limit, cursor, of });
    const replays = await askedOf(
      entries.filter(({ detail }) => isShown(c, detail)),
      async (entry) => shownEntry(entry, await progressOf(options, entry.subject)),
    );
    return c.json({ replays, ...(nextCursor && { nextCursor }) }, 200);
  });
}

/** An operator may have named a destination of one customer and, beside it, another customer. */
const isShown = ({ var: { portal } }: Context<AppEnv>, { customerExternalId }: AuditEntry['detail']): boolean =>
  !portal || customerExternalId === undefined || customerExternalId === portal.customerExternalId;

async function progressOf(options: ReplayListOptions, id: string): Promise<Replay | undefined> {
  return await shown(options, id).catch((error: unknown) => {
    if (error instanceof CausewayError && error.code === 'replay_not_found') return undefined;
    throw error;
  });
}

function shownEntry({ subject, at, detail, by }: AuditEntry, progress: Replay | undefined) {
  return {
    id: subject,
    action: detail.action === 'discard' ? ('discard' as const) : ('replay' as const),
    askedAt: at.toISOString(),
    by: typeof detail.by === 'string' ? detail.by : by.name,
    ...(typeof detail.reason === 'string' && { reason: detail.reason }),
    dryRun: detail.dryRun === true,
    selector: replaySelectorSchema.parse(detail),
    ...(progress && { progress }),
  };
}

import { createRoute } from '@hono/zod-openapi';
import type { LaneLogPage, LaneLogPlace, LaneLogs } from '../activities/laneLog.ts';
import { CausewayError } from '../domain/error.ts';
import { laneWorkflowId } from '../domain/lane.ts';
import type { LaneLogEntry } from '../domain/laneLog.ts';
import type { Destinations } from '../store/destinations.ts';
import type { App } from './appEnv.ts';
import { leftOutShown } from './eventLog.ts';
import type { LaneIds } from './laneIds.ts';
import { cursorOf, placeOf, places } from './listCursor.ts';
import { destinationIdParam } from './schemas/destination.ts';
import { laneLogQuery, laneLogSchema } from './schemas/laneLog.ts';
import { problemResponses } from './schemas/problem.ts';
import { needs } from './scopes.ts';
import { existing } from './storedDestination.ts';

export type LaneLogOptions = {
  destinations: Pick<Destinations, 'get'>;
  laneLogs: LaneLogs;
  workflowIdOf: LaneIds;
};

const getLaneLog = createRoute({
  method: 'get',
  path: '/v1/destinations/{id}/lane-log',
  tags: ['Operations'],
  summary: 'Show what happened in a lane',
  description:
    "Read from Temporal's histories, through all runs of the lane and those that a reset took back, the newest first. A page may have fewer than `limit`, and still be followed by another. What retention has deleted is said to be deleted.",
  security: needs('read', 'read'),
  request: { params: destinationIdParam, query: laneLogQuery },
  responses: {
    200: { description: 'A page.', content: { 'application/json': { schema: laneLogSchema } } },
    ...problemResponses(400, 401, 403, 404, 503),
  },
});

const iso = (ms: number): string => new Date(ms).toISOString();

const entryShown = ({ atMs, leftOut, ...entry }: LaneLogEntry) => ({
  ...entry,
  at: iso(atMs),
  ...(leftOut && { leftOut: leftOutShown(leftOut) }),
});

/** `GET /v1/destinations/{id}/lane-log` */
export function laneLogRoute(app: App, { destinations, laneLogs, workflowIdOf }: LaneLogOptions): void {
  app.openapi(getLaneLog, async (c) => {
    const { id } = await existing(destinations, c.req.valid('param').id);
    const { lane, limit, cursor } = c.req.valid('query');
    const name = `lane-log:${id}:${lane}`;
    const [runId, left = 0, startedAtMs = 0, isEarlier] =
      cursor === undefined ? [] : placeOf(name, cursor, places.laneLog);
    const place = runId === undefined ? undefined : { runId, left, startedAtMs };
    const earlier = laneWorkflowId(id, lane);
    const current = isEarlier ? earlier : await workflowIdOf(id, lane);
    const page = await pageOfBoth(laneLogs, { current, earlier }, { place, limit });
    if (!page) {
      const remedy = `Temporal has no lane ${lane} of destination ${id}: it never had an event, or it closed longer ago than the namespace's retention and its log is deleted. GET /v1/destinations/{id}/lanes (causeway lanes) lists those that are open.`;
      throw new CausewayError('lane_not_found', remedy);
    }
    const { workflowId, entries, deletedBeforeMs, next } = page;
    const shown = {
      ...{ lane, workflowId, entries: entries.map(entryShown) },
      ...(deletedBeforeMs !== undefined && { deletedBefore: iso(deletedBeforeMs) }),
      ...(next && {
        nextCursor: cursorOf(name, [
          next.runId,
          next.left,
          Math.floor(next.startedAtMs),
          next.workflowId === earlier ? 1 : 0,
        ]),
      }),
    };
    return c.json(shown, 200);
  });
}

type PageOfBoth = Omit<LaneLogPage, 'next'> & {
  workflowId: string;
  next?: (LaneLogPlace & { workflowId: string }) | undefined;
};

/** What a lane did before its name was hashed is under its name, and follows; undefined where there is neither. */
export async function pageOfBoth(
  laneLogs: Pick<LaneLogs, 'page'>,
  { current, earlier }: { current: string; earlier: string },
  { place, limit }: { place: LaneLogPlace | undefined; limit: number },
): Promise<PageOfBoth | undefined> {
  const found = await laneLogs.page(current, { place, entriesMax: limit });
  const own = found && pageIn(current, found);
  const isOver = found ? !found.next : place === undefined;
  if (current === earlier || !isOver) return own;
  const before = await laneLogs.page(earlier, { entriesMax: limit - (found?.entries.length ?? 0) });
  if (!own || !before) return own ?? (before && pageIn(earlier, before));
  return { ...own, ...pageIn(earlier, before), workflowId: current, entries: [...own.entries, ...before.entries] };
}

const pageIn = (workflowId: string, { next, ...page }: LaneLogPage): PageOfBoth => ({
  ...{ ...page, workflowId },
  ...(next && { next: { ...next, workflowId } }),
});

import { createRoute } from '@hono/zod-openapi';
import { askedOf, type LaneCalls } from '../activities/laneCalls.ts';
import type { LanePage, ListedLane, ListLanes } from '../activities/laneList.ts';
import type { LaneStatus, ParkedEvent } from '../domain/laneMessages.ts';
import type { Destinations } from '../store/destinations.ts';
import type { App } from './appEnv.ts';
import { existing } from './destinations.ts';
import { cursorOf, placeOf } from './listCursor.ts';
import { destinationIdParam } from './schemas/destination.ts';
import { deadLetterPageSchema, deadLettersQuery, lanePageSchema, lanesQuery } from './schemas/lanes.ts';
import { problemResponses } from './schemas/problem.ts';
import { needs } from './scopes.ts';

export type LaneRouteOptions = {
  destinations: Pick<Destinations, 'get'>;
  list: ListLanes;
  lanes: Pick<LaneCalls, 'status' | 'deadLetters'>;
};

const tags = ['Operations'];
const security = needs('read');
const page = <Schema>(schema: Schema) => ({ description: 'A page.', content: { 'application/json': { schema } } });

const listLanes = createRoute({
  method: 'get',
  path: '/v1/destinations/{id}/lanes',
  tags,
  summary: "List a destination's open lanes",
  description:
    "Found by Temporal's visibility, which lags behind by a second or two; each lane of the page is then asked itself. A lane that has nothing to do and nothing to remember is closed, and not listed.",
  security,
  request: { params: destinationIdParam, query: lanesQuery },
  responses: { 200: page(lanePageSchema), ...problemResponses(400, 401, 403, 404, 503) },
});

const listDeadLetters = createRoute({
  method: 'get',
  path: '/v1/destinations/{id}/dead-letters',
  tags,
  summary: "List a destination's dead letters",
  description:
    'Read from the lanes that hold some. A page may have fewer than `limit`, and still be followed by another. What changes while it is read page by page may be shown twice, or not at all.',
  security,
  request: { params: destinationIdParam, query: deadLettersQuery },
  responses: { 200: page(deadLetterPageSchema), ...problemResponses(400, 401, 403, 404, 503) },
});

/** `GET /v1/destinations/{id}/lanes` and `…/dead-letters` */
export function laneRoutes(app: App, { destinations, list, lanes }: LaneRouteOptions): void {
  app.openapi(listLanes, async (c) => {
    const { id } = await existing(destinations, c.req.valid('param').id);
    const { state, limit, cursor } = c.req.valid('query');
    const name = `lanes:${id}:${state ?? ''}`;
    const [token] = cursor === undefined ? [] : placeOf(name, cursor);
    const found = await list({ destinationId: id, state, lanesMax: limit, token: tokenOf(token) });
    const statuses = await askedOf(found.lanes, ({ workflowId }) => lanes.status(workflowId));
    const shown = found.lanes.map((lane, n) => shownLane(lane, statuses[n]));
    return c.json({ lanes: shown, ...(found.token && { nextCursor: cursorOf(name, [found.token]) }) }, 200);
  });
  app.openapi(listDeadLetters, async (c) => {
    const { id } = await existing(destinations, c.req.valid('param').id);
    const { limit, cursor } = c.req.valid('query');
    const name = `dead-letters:${id}`;
    const [token, workflowId, shown] = cursor === undefined ? [] : placeOf(name, cursor);
    const from = { token: tokenOf(token), workflowId, shown: Number(shown ?? 0) };
    const found = await list({ destinationId: id, isParking: true, lanesMax: lanesOfPage, token: from.token });
    const { next, ...page } = await deadLettersOf(lanes, found, from, limit);
    return c.json({ ...page, ...(next && { nextCursor: cursorOf(name, next) }) }, 200);
  });
}

function shownLane({ runStartedAt, ...listed }: ListedLane, status: LaneStatus | 'gone' | undefined) {
  const shown = { ...listed, runStartedAt: runStartedAt.toISOString() };
  if (!status || status === 'gone') return shown;
  const { state, deadLetters, ...rest } = status;
  return { ...shown, state, deadLetters, status: rest };
}

/** Lanes that are looked at for one page of dead letters: one holds hundreds at the most. */
const lanesOfPage = 20;
const lanesAtOnce = 5;

const tokenOf = (token: string | number | undefined): string | undefined => (token ? String(token) : undefined);

/** Where a page of dead letters ended: the page of lanes, the lane in it, and how many of its letters were shown. */
type Place = { token: string | undefined; workflowId: string | number | undefined; shown: number };

type ShownLetter = ParkedEvent & { lane: string; workflowId: string };
type LetterPage = {
  deadLetters: ShownLetter[];
  unanswered: Pick<ListedLane, 'lane' | 'workflowId' | 'deadLetters'>[];
  next?: [token: string, workflowId: string, shown: number];
};

/** The dead letters of a page of lanes, from that place on, `limit` of them at the most. */
async function deadLettersOf(
  lanes: Pick<LaneCalls, 'deadLetters'>,
  found: LanePage,
  from: Place,
  limit: number,
): Promise<LetterPage> {
  const page: LetterPage = { deadLetters: [], unanswered: [] };
  // A lane that holds none any more has left the page: it is shown from its start again.
  const first = Math.max(
    found.lanes.findIndex(({ workflowId }) => workflowId === from.workflowId),
    0,
  );
  for (let at = first; at < found.lanes.length; at += lanesAtOnce) {
    const some = found.lanes.slice(at, at + lanesAtOnce);
    const answers = await Promise.all(some.map(({ workflowId }) => lanes.deadLetters(workflowId)));
    for (const [n, { lane, workflowId, deadLetters }] of some.entries()) {
      const letters = answers[n];
      if (letters === 'gone') continue;
      if (!letters) {
        page.unanswered.push({ lane, workflowId, deadLetters });
        continue;
      }
      const before = workflowId === from.workflowId ? from.shown : 0;
      const fits = letters.slice(before, before + limit - page.deadLetters.length);
      page.deadLetters.push(...fits.map((letter) => ({ ...letter, lane, workflowId })));
      const shown = before + fits.length;
      if (shown < letters.length) return { ...page, next: [from.token ?? '', workflowId, shown] };
    }
  }
  return found.token === undefined ? page : { ...page, next: [found.token, '', 0] };
}

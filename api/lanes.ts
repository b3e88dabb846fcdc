import { createRoute, type z } from '@hono/zod-openapi';
import { askedOf, type LaneCalls } from '../activities/laneCalls.ts';
import type { ListedLane, ListLanes } from '../activities/laneList.ts';
import { type DeliveryState, toldState } from '../domain/lane.ts';
import type { LaneStatus } from '../domain/laneMessages.ts';
import type { Destinations } from '../store/destinations.ts';
import type { App } from './appEnv.ts';
import { cursorOf, placeOf, places } from './listCursor.ts';
import { destinationIdParam } from './schemas/destination.ts';
import { lanePageSchema, lanesQuery } from './schemas/lanes.ts';
import { problemResponses } from './schemas/problem.ts';
import { needs } from './scopes.ts';
import type { SharedReads } from './sharedReads.ts';
import { existing } from './storedDestination.ts';

export type LaneRouteOptions = {
  destinations: Pick<Destinations, 'get'>;
  list: ListLanes;
  lanes: Pick<LaneCalls, 'status'>;
  shared: Pick<SharedReads, 'of'>;
};

const tags = ['Operations'];
const security = needs('read', 'read');
const page = <Schema>(schema: Schema) => ({ description: 'A page.', content: { 'application/json': { schema } } });

const listLanes = createRoute({
  method: 'get',
  path: '/v1/destinations/{id}/lanes',
  tags,
  summary: "List a destination's open lanes",
  description:
    "Found by Temporal's visibility, which lags behind by a second or two; each lane of the page is then asked itself. A page may have fewer than `limit`, even none, and still be followed by another: of a paused destination only the lane itself says whether it is paused or suspended. Lanes of a destination that was just resumed are found as `Suspended` until they go on. A lane that has nothing to do and nothing to remember is closed, and not listed.",
  security,
  request: { params: destinationIdParam, query: lanesQuery },
  responses: { 200: page(lanePageSchema), ...problemResponses(400, 401, 403, 404, 503) },
});

/** `GET /v1/destinations/{id}/lanes` */
export function laneRoutes(app: App, options: LaneRouteOptions): void {
  app.openapi(listLanes, async (c) => {
    const { id, paused } = await existing(options.destinations, c.req.valid('param').id);
    const query = { ...c.req.valid('query'), id, isPaused: paused !== undefined };
    return c.json(await options.shared.of(c, 'lanes', query, () => pageOf(options, query)), 200);
  });
}

type Query = z.output<typeof lanesQuery> & { id: string; isPaused: boolean };

async function pageOf({ list, lanes }: LaneRouteOptions, { id, isPaused, state, withStatus, limit, cursor }: Query) {
  const name = `lanes:${id}:${state ?? ''}`;
  const [token] = cursor === undefined ? [] : placeOf(name, cursor, places.lanes);
  // Those of a paused destination are suspended in Temporal.
  const states: DeliveryState[] | undefined =
    state === 'Paused' && isPaused ? ['Paused', 'Suspended'] : state && [state];
  const found = await list({ destinationId: id, states, lanesMax: limit, token: token || undefined });
  const isAsked = withStatus === 'true';
  const statuses = isAsked ? await askedOf(found.lanes, ({ workflowId }) => lanes.status(workflowId)) : [];
  const shown = found.lanes.map((lane, n) => shownLane(lane, statuses[n], isPaused));
  // Each is in one of the two lists: where the destination is paused no more, in that which Temporal has it in.
  const isToldOtherwise = ({ state: told }: { state: DeliveryState }): boolean =>
    isPaused && ((state === 'Suspended' && told === 'Paused') || (state === 'Paused' && told === 'Suspended'));
  return {
    lanes: shown.filter((lane) => !isToldOtherwise(lane)),
    ...(found.token && { nextCursor: cursorOf(name, [found.token]) }),
  };
}

function shownLane(
  { runStartedAt, ...listed }: ListedLane,
  status: LaneStatus | 'gone' | undefined,
  isPaused: boolean,
) {
  const shown = { ...listed, runStartedAt: runStartedAt.toISOString() };
  if (!status || status === 'gone') return { ...shown, state: toldState(shown.state, { isPaused }) };
  const { state, deadLetters, lane = shown.lane, ...rest } = status;
  const told = toldState(state, { isPaused, error: rest.hold?.error });
  return { ...shown, lane, state: told, deadLetters, status: rest };
}

import { createHash } from 'node:crypto';
import { createRoute } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { LaneCalls } from '../activities/laneCalls.ts';
import type { LanePage, ListedLane, ListLanes } from '../activities/laneList.ts';
import type { ParkedEvent } from '../domain/laneMessages.ts';
import { isFiltered, isOfParking, type ParkingFilter } from '../domain/replayFilter.ts';
import type { Destinations } from '../store/destinations.ts';
import type { App, AppEnv } from './appEnv.ts';
import { cursorOf, invalidCursor, placeOf, places } from './listCursor.ts';
import { customerOf, ownDestination } from './portal.ts';
import { FieldsRefused } from './problem.ts';
import { destinationIdParam } from './schemas/destination.ts';
import { allDeadLettersQuery, deadLetterPageSchema, deadLettersQuery, visibleCustomer } from './schemas/lanes.ts';
import { problemResponses } from './schemas/problem.ts';
import { needs } from './scopes.ts';
import type { SharedReads } from './sharedReads.ts';
import { existing } from './storedDestination.ts';

export type DeadLetterOptions = {
  destinations: Pick<Destinations, 'get'>;
  list: ListLanes;
  lanes: Pick<LaneCalls, 'deadLetters'>;
  shared: Pick<SharedReads, 'of'>;
};

const security = needs('read', 'read');
const tags = ['Operations'];
const pageDescription =
  'Read from the lanes that hold some. A page may have fewer than `limit`, even none, and still be followed by another. What changes while it is read page by page may be shown twice, or not at all.';
const page = { description: 'A page.', content: { 'application/json': { schema: deadLetterPageSchema } } };

const ofDestination = createRoute({
  method: 'get',
  path: '/v1/destinations/{id}/dead-letters',
  tags,
  summary: "List a destination's dead letters",
  description: pageDescription,
  security,
  request: { params: destinationIdParam, query: deadLettersQuery },
  responses: { 200: page, ...problemResponses(400, 401, 403, 404, 503) },
});

const ofAll = createRoute({
  method: 'get',
  path: '/v1/dead-letters',
  tags,
  summary: 'List dead letters across destinations',
  description: pageDescription,
  security,
  request: { query: allDeadLettersQuery },
  responses: { 200: page, ...problemResponses(400, 401, 403, 404, 503) },
});

/** `GET /v1/destinations/{id}/dead-letters` and `GET /v1/dead-letters` */
export function deadLetterRoutes(app: App, options: DeadLetterOptions): void {
  const sharedPage = (c: Context<AppEnv>, query: Query) =>
    options.shared.of(c, 'dead letters', query, () => pageOf(options, query));
  app.openapi(ofDestination, async (c) => {
    const { id: destinationId } = await existing(options.destinations, c.req.valid('param').id);
    return c.json(await sharedPage(c, { ...c.req.valid('query'), destinationId }), 200);
  });
  app.openapi(ofAll, async (c) => {
    const { customerExternalId: asked, ...query } = c.req.valid('query');
    const { destinationId } = query;
    const customerExternalId = customerOf(c, asked);
    if (destinationId !== undefined) {
      await ownDestination(c, options.destinations, destinationId);
      return c.json(await sharedPage(c, { ...query, customerExternalId: asked }), 200);
    }
    if (asked !== customerExternalId && !visibleCustomer().safeParse(customerExternalId).success) throw notToBeFound();
    return c.json(await sharedPage(c, { ...query, customerExternalId }), 200);
  });
}

/** A portal link's customer has a name that Temporal's visibility can't look for. */
const notToBeFound = (): FieldsRefused =>
  new FieldsRefused(
    [
      {
        field: 'destinationId',
        problem: 'is missing',
        expected: "a destination: with this customer's name not all can be looked for at once",
      },
    ],
    'request_invalid',
  );

type Query = ParkingFilter & {
  destinationId?: string | undefined;
  customerExternalId?: string | undefined;
  limit: number;
  cursor?: string | undefined;
};

/** Lanes that are listed for one page: as many as letters are wanted, for a lane may have one alone. */
const lanesOfPage = { least: 20, most: 100 };
const lanesAtOnce = 5;
/** So long it is looked for more: lanes that no worker has in memory take their time. In ms. */
const askedForMs = 3_000;

/**
 * Where a page ended: the page of lanes and its size, the lane in it, how many of its letters were passed, and when its run began, in ms. An empty
 * `workflowId` stands for the page's first lane; a cursor of an older version lacks `startedAtMs`.
 */
type Place = { token: string; lanesMax: number; workflowId: string; passed: number; startedAtMs?: number | undefined };

async function pageOf({ list, lanes }: DeadLetterOptions, { limit, cursor, ...query }: Query) {
  const { destinationId, customerExternalId, ...filter } = query;
  const digest = createHash('sha256').update(JSON.stringify(query)).digest('base64url');
  const name = `dead-letters:${digest.slice(0, 16)}`;
  const lanesMax = Math.min(Math.max(limit, lanesOfPage.least), lanesOfPage.most);
  const from = cursor === undefined ? { token: '', lanesMax, ...pageStart } : placeFrom(name, cursor);
  const found = await list({
    ...{ destinationId, customerExternalId, isParking: true, lanesMax: from.lanesMax },
    token: from.token === '' ? undefined : from.token,
  });
  const { next, ...shown } = await lettersOf(lanes, found, from, { limit, filter });
  if (!next) return shown;
  const { token, workflowId, passed, startedAtMs } = next;
  const place = [token, next.lanesMax, workflowId, passed, ...(startedAtMs === undefined ? [] : [startedAtMs])];
  return { ...shown, nextCursor: cursorOf(name, place) };
}

const pageStart = { workflowId: '', passed: 0 };

function placeFrom(name: string, cursor: string): Place {
  const [token, asked, workflowId, passed, startedAtMs] = placeOf(name, cursor, places.deadLetters);
  const lanesMax = Math.min(Math.max(asked, lanesOfPage.least), lanesOfPage.most);
  return { token, lanesMax, workflowId, passed, startedAtMs };
}

const startedAtMsOf = ({ runStartedAt }: ListedLane): number => Math.floor(runStartedAt.getTime());

/**
 * The lanes of the page from that place on. They are listed with the newest run first: where the lane itself has left the list, for it holds none any
 * more, those follow that are not newer; where it has gone on in a new run, it comes before these. Throws `cursor_invalid` where the lane
 * has left, and the cursor does not tell when it began.
 */
function lanesFrom(lanes: ListedLane[], { workflowId, startedAtMs }: Place): ListedLane[] {
  if (workflowId === '') return lanes;
  const at = lanes.findIndex((lane) => lane.workflowId === workflowId);
  const own = lanes[at];
  if (own && (startedAtMs === undefined || startedAtMsOf(own) === startedAtMs)) return lanes.slice(at);
  if (startedAtMs === undefined) throw invalidCursor();
  const notNewer = lanes.filter((lane) => lane !== own && startedAtMsOf(lane) <= startedAtMs);
  return own ? [own, ...notNewer] : notNewer;
}

type ShownLetter = ParkedEvent & { destinationId: string; lane: string; workflowId: string };
type LetterPage = {
  deadLetters: ShownLetter[];
  unanswered: Pick<ListedLane, 'lane' | 'workflowId' | 'deadLetters'>[];
  next?: Place;
};

/** Of these lanes as many as have that many letters, by what visibility says of each: a lane answers with all of its, thousands of them. */
function lanesFor(wanted: number, lanes: ListedLane[], isOfSome: boolean): ListedLane[] {
  if (isOfSome) return lanes;
  const enough: ListedLane[] = [];
  let letters = 0;
  for (const lane of lanes) {
    if (enough.length > 0 && letters >= wanted) break;
    enough.push(lane);
    letters += lane.deadLetters;
  }
  return enough;
}

/** The dead letters of a page of lanes that fit, from that place on, `limit` of them at the most. */
async function lettersOf(
  lanes: Pick<LaneCalls, 'deadLetters'>,
  found: LanePage,
  from: Place,
  { limit, filter }: { limit: number; filter: ParkingFilter },
): Promise<LetterPage> {
  const page: LetterPage = { deadLetters: [], unanswered: [] };
  const endsAtMs = performance.now() + askedForMs;
  const left = lanesFrom(found.lanes, from);
  for (let at = 0, some: ListedLane[]; at < left.length; at += some.length) {
    const wanted = limit - page.deadLetters.length + (at === 0 ? from.passed : 0);
    some = lanesFor(wanted, left.slice(at, at + lanesAtOnce), isFiltered(filter));
    const [next] = some;
    if (at > 0 && next && (page.deadLetters.length === limit || performance.now() > endsAtMs)) {
      return { ...page, next: placeAt(from, next, 0) };
    }
    const answers = await Promise.all(some.map(({ workflowId }) => lanes.deadLetters(workflowId)));
    for (const [n, listed] of some.entries()) {
      const { destinationId, lane, workflowId, deadLetters } = listed;
      const letters = answers[n];
      if (letters === 'gone') continue;
      if (!letters) {
        page.unanswered.push({ lane, workflowId, deadLetters });
        continue;
      }
      const passedBefore = workflowId === from.workflowId ? from.passed : 0;
      for (const [passed, letter] of letters.entries()) {
        if (passed < passedBefore || !isOfParking(letter, filter)) continue;
        if (page.deadLetters.length === limit) return { ...page, next: placeAt(from, listed, passed) };
        page.deadLetters.push({ lane, ...letter, destinationId, workflowId });
      }
    }
  }
  if (found.token === undefined) return page;
  // Newer lanes may have pushed the place off this page: then it is on the next one.
  const place = left.length === 0 ? from : { lanesMax: from.lanesMax, ...pageStart };
  return { ...page, next: { ...place, token: found.token } };
}

/** A lane that has gone on in a new run keeps the place that it had: what lies between has been shown. */
const placeAt = ({ token, lanesMax, startedAtMs = Infinity }: Place, lane: ListedLane, passed: number): Place => ({
  ...{ token, lanesMax, workflowId: lane.workflowId, passed },
  startedAtMs: Math.min(startedAtMsOf(lane), startedAtMs),
});

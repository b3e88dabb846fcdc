import { createRoute } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { type DestinationSeen, type LaneCounts, lanesIn, type Seen } from '../domain/numbers.ts';
import { containing } from '../store/destinationSql.ts';
import type { Destinations } from '../store/destinations.ts';
import type { Numbers, Of } from '../store/numbers.ts';
import { otherTypes, typesOfDayMax } from '../store/trafficCounts.ts';
import type { App, AppEnv } from './appEnv.ts';
import { cursorOf, placeOf, places } from './listCursor.ts';
import { customerOf, ownDestination } from './portal.ts';
import {
  eventTypePageSchema,
  eventTypesQuery,
  overviewQuery,
  overviewSchema,
  type Range,
  seriesQuery,
  seriesSchema,
} from './schemas/numbers.ts';
import { problemResponses } from './schemas/problem.ts';
import { needs } from './scopes.ts';
import { SharedAnswers } from './sharedAnswers.ts';

export type NumbersOptions = {
  destinations: Pick<Destinations, 'get' | 'idsOfCustomer'>;
  numbers: Pick<Numbers, 'sampled' | 'rates' | 'worst' | 'health' | 'series' | 'eventTypes'>;
};

const common = { method: 'get' as const, tags: ['Operations'], security: needs('read', 'read') };
const counted =
  'Every process writes what it counted every five seconds: one that is killed loses the last seconds of it. An event that is sent again counts again.';

const overview = createRoute({
  ...common,
  path: '/v1/overview',
  summary: 'Show how it goes now',
  description: `From Postgres: one API process asks Temporal for all of them, about every ten seconds. ${counted}`,
  request: { query: overviewQuery },
  responses: {
    200: { description: 'How it goes.', content: { 'application/json': { schema: overviewSchema } } },
    ...problemResponses(400, 401, 403, 404, 503),
  },
});
const series = createRoute({
  ...common,
  path: '/v1/series',
  summary: 'Show how it went',
  description: `Counts and samples over time, at most 360 points. ${counted}`,
  request: { query: seriesQuery },
  responses: {
    200: { description: 'The points.', content: { 'application/json': { schema: seriesSchema } } },
    ...problemResponses(400, 401, 403, 404, 503),
  },
});
const eventTypes = createRoute({
  ...common,
  path: '/v1/event-types',
  summary: 'List the event types that were accepted',
  description: `With how many, by whole hours and days (UTC); those of the last seven days first. One that did not come for 400 days is forgotten. Of each customer ${typesOfDayMax} types are told apart in a day (UTC), those that came first; more are counted together as \`${otherTypes}\`. ${counted}`,
  request: { query: eventTypesQuery },
  responses: {
    200: { description: 'A page.', content: { 'application/json': { schema: eventTypePageSchema } } },
    ...problemResponses(400, 401, 403, 503),
  },
});

/** So long an answer is everybody's who asks the same, in ms. */
const sharedMs = 2_000;
const typesSharedMs = 10_000;
const worstMax = 10;
/** Of a customer's destinations so many are summed up. */
const narrowedMax = 1_000;

type Narrowed = { customerExternalId?: string | undefined; destinationId?: string | undefined };

/** `GET /v1/overview`, `GET /v1/series` and `GET /v1/event-types` */
export function numbersRoutes(app: App, options: NumbersOptions): void {
  const { destinations, numbers } = options;
  const shared = new SharedAnswers(sharedMs);
  const sharedTypes = new SharedAnswers(typesSharedMs);
  /** Throws `destination_not_found`. */
  const ofWhom = async (c: Context<AppEnv>, { customerExternalId, destinationId }: Narrowed): Promise<Of> => {
    if (destinationId !== undefined) {
      const found = await ownDestination(c, destinations, destinationId);
      const isOther = customerExternalId !== undefined && found.customerExternalId !== customerExternalId;
      return isOther ? [] : [destinationId];
    }
    return customerExternalId === undefined ? undefined : await destinations.idsOfCustomer(customerExternalId);
  };
  app.openapi(overview, async (c) => {
    const of = await ofWhom(c, narrowedFor(c, c.req.valid('query')));
    return c.json(await shared.of(`overview ${JSON.stringify(of ?? 'all')}`, () => overviewOf(numbers, of)), 200);
  });
  app.openapi(series, async (c) => {
    const { range, ...query } = c.req.valid('query');
    const of = await ofWhom(c, narrowedFor(c, query));
    const name = `series ${range} ${JSON.stringify(of ?? 'all')}`;
    return c.json(await shared.of(name, () => seriesOf(numbers, of, range)), 200);
  });
  app.openapi(eventTypes, async (c) => {
    const { customerExternalId, ...rest } = c.req.valid('query');
    const query = { ...rest, customerExternalId: customerOf(c, customerExternalId) };
    return c.json(await sharedTypes.of(JSON.stringify(query), () => typesOf(numbers, query)), 200);
  });
}

const narrowedFor = (c: Context<AppEnv>, query: Narrowed): Narrowed => ({
  ...query,
  customerExternalId: customerOf(c, query.customerExternalId),
});

async function overviewOf(numbers: NumbersOptions['numbers'], of: Of) {
  const [{ at, sampledAt, seen }, rates, found] = await Promise.all([
    numbers.sampled(),
    numbers.rates(of),
    numbers.worst(of, of ? narrowedMax : worstMax),
  ]);
  const { lanes, deadLetters, suspendedDestinations, deadLettersAtLeast, oldestWaiting } = seen ?? nothingSeen;
  const now = of ? narrowed(found) : { lanes, deadLetters, suspendedDestinations };
  return {
    at: at.toISOString(),
    ...(sampledAt && { sampledAt: sampledAt.toISOString(), staleSeconds: secondsBetween(sampledAt, at) }),
    now: {
      acceptedPerSecond: rounded(rates.accepted),
      deliveredPerSecond: rounded(rates.delivered),
      ...now,
      ...(deadLettersAtLeast && { deadLettersAtLeast: true as const }),
      ...(oldestWaiting && (!of || of.includes(oldestWaiting.destinationId)) && { oldestWaiting }),
    },
    worst: found.slice(0, worstMax).map(({ lanes, ...one }) => ({ ...one, lanes: lanesIn(lanes) })),
  };
}

const noLanes = { Waiting: 0, Suspended: 0, Parked: 0, Paused: 0 };
const nothingSeen: Omit<Seen, 'lanes'> & { lanes: typeof noLanes } = {
  ...{ lanes: noLanes, deadLetters: 0, suspendedDestinations: 0, isWhole: false },
};

/** What is in trouble of these alone. */
function narrowed(found: readonly DestinationSeen[]) {
  const lanes = { ...noLanes };
  const states = ['Waiting', 'Suspended', 'Parked', 'Paused'] as const;
  const add = (more: LaneCounts): void => {
    for (const state of states) lanes[state] += more[state] ?? 0;
  };
  for (const one of found) add(one.lanes);
  return {
    lanes,
    deadLetters: found.reduce((sum, { deadLetters }) => sum + deadLetters, 0),
    suspendedDestinations: found.filter(({ lanes: { Suspended = 0 } }) => Suspended > 0).length,
  };
}

const secondsBetween = (from: Date, to: Date): number => rounded((to.getTime() - from.getTime()) / 1_000);
const rounded = (value: number): number => Math.round(value * 100) / 100;

/** Of each range how long a row and a point are, and how many points there are. */
const spans: Record<Range, { rowSeconds: number; pointSeconds: number; points: number }> = {
  '1h': { rowSeconds: 60, pointSeconds: 60, points: 60 },
  '6h': { rowSeconds: 60, pointSeconds: 60, points: 360 },
  '24h': { rowSeconds: 60, pointSeconds: 300, points: 288 },
  '7d': { rowSeconds: 1_800, pointSeconds: 1_800, points: 336 },
};

async function seriesOf(numbers: NumbersOptions['numbers'], of: Of, range: Range) {
  const { rowSeconds, pointSeconds, points } = spans[range];
  const stepMs = pointSeconds * 1_000;
  const to = new Date((Math.floor(Date.now() / stepMs) + 1) * stepMs);
  const from = new Date(to.getTime() - points * stepMs);
  const rows = await numbers.series(of, { from, to, rowSeconds, pointSeconds });
  const gauge = (name: 'deadLetters' | 'waiting' | 'suspended') =>
    rows.map((row) => (row.isSampled ? row[name] : null));
  return {
    ...{ from: from.toISOString(), to: to.toISOString(), stepSeconds: pointSeconds },
    points: {
      at: rows.map(({ at }) => at.toISOString()),
      accepted: rows.map(({ accepted }) => accepted),
      delivered: rows.map(({ delivered }) => delivered),
      failedTries: rows.map(({ failedTries }) => failedTries),
      parked: rows.map(({ parked }) => parked),
      ...{ deadLetters: gauge('deadLetters'), retrying: gauge('waiting'), suspended: gauge('suspended') },
    },
  };
}

type TypesQuery = {
  customerExternalId?: string | undefined;
  search?: string | undefined;
  limit: number;
  cursor?: string | undefined;
};

async function typesOf(numbers: NumbersOptions['numbers'], { customerExternalId, search, limit, cursor }: TypesQuery) {
  const name = `event-types:${customerExternalId ?? ''}:${search ?? ''}`;
  const [last7d = 0, eventType] = cursor === undefined ? [] : placeOf(name, cursor, places.eventTypes);
  const after = eventType === undefined ? undefined : { last7d, eventType };
  const like = search === undefined ? undefined : containing(search);
  const rows = await numbers.eventTypes({ customerExternalId, containing: like, after, limit: limit + 1 });
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    eventTypes: page.map((row) => ({ ...row, lastAt: row.lastAt.toISOString() })),
    ...(rows.length > limit && last && { nextCursor: cursorOf(name, [last.last7d, last.eventType]) }),
  };
}

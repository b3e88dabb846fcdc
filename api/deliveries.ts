import { createHash } from 'node:crypto';
import { createRoute } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { EventKeys } from '../activities/eventKeys.ts';
import { Turns } from '../activities/turns.ts';
import { eventDigest } from '../domain/eventDigest.ts';
import { eventIdOf } from '../domain/eventId.ts';
import { laneOf } from '../domain/lane.ts';
import type { Destinations } from '../store/destinations.ts';
import type { EventIndex } from '../store/eventIndex.ts';
import type { EventPlace, EventsIn, RecentEvent } from '../store/eventSearch.ts';
import type { App, AppEnv } from './appEnv.ts';
import type { LaneIds } from './laneIds.ts';
import { cursorOf, placeOf, places } from './listCursor.ts';
import { eventNotFound } from './notIndexed.ts';
import { customerOf, ownDestination } from './portal.ts';
import { deliveriesQuery, deliveryPageSchema, eventIdQuery, eventIdSchema } from './schemas/deliveries.ts';
import { problemResponses } from './schemas/problem.ts';
import { needs } from './scopes.ts';

export type DeliveryRouteOptions = {
  destinations: Pick<Destinations, 'get' | 'idsOfCustomer'>;
  index: Pick<EventIndex, 'find' | 'recent'>;
  /** The partition keys of events in a run of a lane. */
  keysIn: EventKeys;
  eventIndexDays: number;
  workflowIdOf: LaneIds;
};

const common = { method: 'get' as const, tags: ['Events'], security: needs('read', 'read') };

const list = createRoute({
  ...common,
  path: '/v1/deliveries',
  summary: 'Find deliveries by customer, destination, partition key or lane',
  description:
    'The newest first, as far back as the index of events goes. `GET /v1/events/{id}` tells what became of one. A page may have fewer than `limit`, even none, and still be followed by another.',
  request: { query: deliveriesQuery },
  responses: {
    200: { description: 'A page.', content: { 'application/json': { schema: deliveryPageSchema } } },
    ...problemResponses(400, 401, 403, 404, 503),
  },
});

const find = createRoute({
  ...common,
  path: '/v1/events',
  summary: 'Find an event by its idempotency key',
  request: { query: eventIdQuery },
  responses: {
    200: { description: 'Its id.', content: { 'application/json': { schema: eventIdSchema } } },
    ...problemResponses(400, 401, 403, 404, 503),
  },
});

/** `GET /v1/deliveries` and `GET /v1/events` */
export function deliveryRoutes(app: App, options: DeliveryRouteOptions): void {
  const { index, eventIndexDays } = options;
  const turns = new Turns(searchesAtOnce, tooMany);
  app.openapi(find, async (c) => {
    const { customerExternalId: asked, idempotencyKey } = c.req.valid('query');
    const customerExternalId = customerOf(c, asked);
    const digest = eventDigest(customerExternalId, idempotencyKey);
    const id = eventIdOf(digest);
    if ((await index.find(digest)).length === 0) throw eventNotFound(id, eventIndexDays);
    return c.json({ id }, 200);
  });
  app.openapi(list, async (c) => {
    const { limit, cursor, ...query } = c.req.valid('query');
    const name = `deliveries:${createHash('sha256').update(JSON.stringify(query)).digest('base64url').slice(0, 16)}`;
    const before = cursor === undefined ? undefined : placeFrom(name, cursor);
    const where = await placesOf(c, options, query);
    const page = await turns.take(() => pageOf(options, where, { limit, before }));
    const { next } = page;
    const shown = { deliveries: page.events.map((event) => shownDelivery(event, where.key)) };
    return c.json(
      { ...shown, ...(next && { nextCursor: cursorOf(name, [next.atMs, next.eventId, next.runId]) }) },
      200,
    );
  });
}

/** A search of a lane that had no event for long reads through the index. */
const searchesAtOnce = { atOnce: 3, waiting: 20 };
const tooMany = 'Too many deliveries are looked for at once. Ask again after a second.';

function placeFrom(name: string, cursor: string): EventPlace {
  const [atMs, eventId, runId] = placeOf(name, cursor, places.deliveries);
  return { atMs, eventId, runId };
}

/** A key that is looked for, and its lane's name; `isToRead` where that lane has others too. */
type WantedKey = { key: string; lane: string; isToRead: boolean };
type Where = { in: EventsIn; key?: WantedKey };
type Query = {
  customerExternalId?: string | undefined;
  destinationId?: string | undefined;
  partitionKey?: string | undefined;
  workflowId?: string | undefined;
};

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Throws `destination_not_found`. */
async function placesOf(
  c: Context<AppEnv>,
  { destinations, workflowIdOf }: DeliveryRouteOptions,
  query: Query,
): Promise<Where> {
  const { customerExternalId, destinationId, partitionKey, workflowId } = query;
  if (customerExternalId !== undefined) {
    return { in: { destinationIds: await destinations.idsOfCustomer(customerOf(c, customerExternalId)) } };
  }
  if (workflowId !== undefined) {
    await ownDestination(c, destinations, workflowId.split(':')[1] ?? '');
    return { in: { workflowId } };
  }
  const { id, ordering } = await ownDestination(c, destinations, destinationId ?? '');
  if (partitionKey === undefined) return { in: { destinationIds: [id] } };
  const lane = laneOf(ordering.lanes, partitionKey, sha256);
  return {
    in: { workflowId: await workflowIdOf(id, lane) },
    key: { key: partitionKey, lane, isToRead: ordering.lanes !== 'key' },
  };
}

/** Of so many runs the histories are read for one page: a lane of many keys tells in its history alone which event has which. */
const runsOfPage = 10;

async function pageOf(
  { index, keysIn }: DeliveryRouteOptions,
  where: Where,
  { limit, before }: { limit: number; before: EventPlace | undefined },
): Promise<{ events: RecentEvent[]; next?: EventPlace | undefined }> {
  const page = await index.recent(where.in, { limit, before });
  if (!where.key?.isToRead) return page;
  const keys = new Map<string, ReadonlyMap<string, string>>();
  const events: RecentEvent[] = [];
  let last: RecentEvent | undefined;
  for (const event of page.events) {
    const { workflowId, runId, eventId } = event;
    if (!keys.has(runId) && keys.size === runsOfPage) return { events, next: last && placeAt(last) };
    const ofRun = keys.get(runId) ?? (await keysIn(workflowId, runId));
    keys.set(runId, ofRun);
    if (ofRun.get(eventId) === where.key.key) events.push(event);
    last = event;
  }
  return { events, next: page.next };
}

const placeAt = ({ acceptedAt, eventId, runId }: RecentEvent): EventPlace => ({
  atMs: acceptedAt.getTime(),
  ...{ eventId, runId },
});

/** Without a key the lane is named as in its workflow's id, which may be a hash: only the lane itself knows more. */
function shownDelivery({ eventId, workflowId, acceptedAt }: RecentEvent, key: WantedKey | undefined) {
  const [, destinationId = '', ...stored] = workflowId.split(':');
  return {
    eventId: eventIdOf(eventId),
    ...{ destinationId, workflowId, lane: key?.lane ?? stored.join(':'), acceptedAt: acceptedAt.toISOString() },
    ...(key && { partitionKey: key.key }),
  };
}

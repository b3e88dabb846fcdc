import { createRoute } from '@hono/zod-openapi';
import { digestOfEventId } from '../domain/eventId.ts';
import { toldState } from '../domain/lane.ts';
import type { AttemptsLeftOut } from '../domain/leftOut.ts';
import { replayNameOf } from '../domain/replayId.ts';
import type { Destinations } from '../store/destinations.ts';
import type { App } from './appEnv.ts';
import { type DeliveryHistories, type IndexedDelivery, type LoggedDelivery, readDelivery } from './deliveryLogs.ts';
import { eventNotFound } from './notIndexed.ts';
import { ownDeliveries } from './portal.ts';
import { type EventLog, eventIdParam, eventLogSchema } from './schemas/eventLog.ts';
import { problemResponses } from './schemas/problem.ts';
import { needs } from './scopes.ts';

export type EventLogOptions = {
  index: { find(eventId: string): Promise<IndexedDelivery[]> };
  histories: DeliveryHistories;
  eventIndexDays: number;
  destinations: Pick<Destinations, 'customersOf' | 'pausedOf'>;
};

const getEvent = createRoute({
  method: 'get',
  path: '/v1/events/{id}',
  tags: ['Events'],
  summary: "Show an event's deliveries and every attempt",
  description: "Read from Temporal's history: what is not there any more, and not in the open lane, is `expired`.",
  security: needs('read', 'read'),
  request: { params: eventIdParam },
  responses: {
    200: { description: 'The log.', content: { 'application/json': { schema: eventLogSchema } } },
    ...problemResponses(400, 401, 403, 404, 503),
  },
});

/** `GET /v1/events/{id}` */
export function eventLogRoute(app: App, { index, histories, eventIndexDays, destinations }: EventLogOptions): void {
  app.openapi(getEvent, async (c) => {
    const { id } = c.req.valid('param');
    const digest = digestOfEventId(id) ?? '';
    const found = await ownDeliveries(c, destinations, await index.find(digest));
    if (found.length === 0) throw eventNotFound(id, eventIndexDays);
    const deliveries = await Promise.all(found.map((delivery) => readDelivery(histories, digest, delivery)));
    const held = deliveries.filter(({ status }) => status === 'suspended').map(({ destinationId }) => destinationId);
    const paused = held.length === 0 ? new Set() : await destinations.pausedOf(held);
    const told = deliveries.map((one) => withStatusTold(one, paused.has(one.destinationId)));
    return c.json({ id, deliveries: told.map(shown) }, 200);
  });
}

/** A lane that its paused destination holds is suspended in Temporal; nobody need mend it. */
const withStatusTold = (delivery: LoggedDelivery, isPaused: boolean): LoggedDelivery =>
  delivery.status === 'suspended' && toldState('Suspended', { isPaused, error: delivery.error }) === 'Paused'
    ? { ...delivery, status: 'paused' }
    : delivery;

const iso = (ms: number): string => new Date(ms).toISOString();

/** Attempts that are only counted, as both logs show them. */
export const leftOutShown = ({ count, unknown, firstAtMs, lastAtMs }: AttemptsLeftOut) => ({
  ...{ count, unknown },
  ...(firstAtMs !== undefined && { firstAt: iso(firstAtMs) }),
  ...(lastAtMs !== undefined && { lastAt: iso(lastAtMs) }),
});

const shown = (delivery: LoggedDelivery): EventLog['deliveries'][number] => ({
  destinationId: delivery.destinationId,
  workflowId: delivery.workflowId,
  runId: delivery.runId,
  status: delivery.status,
  acceptedAt: delivery.acceptedAt.toISOString(),
  partition: delivery.partition,
  offset: delivery.offset,
  error: delivery.error,
  incomplete: delivery.incomplete,
  runsPassedOver: delivery.runsPassedOver,
  deletedBefore: delivery.deletedBefore,
  nextAttemptAt: delivery.nextAttemptAtMs === undefined ? undefined : iso(delivery.nextAttemptAtMs),
  attempts: delivery.attempts.map(({ startedAtMs, ...attempt }) => ({ ...attempt, startedAt: iso(startedAtMs) })),
  attemptsLeftOut: delivery.attemptsLeftOut && leftOutShown(delivery.attemptsLeftOut),
  interventions: delivery.interventions.map(({ atMs, replayId, ...rest }) => ({
    ...{ ...rest, at: iso(atMs) },
    ...(replayId !== undefined && { replayId: replayNameOf(replayId) }),
  })),
});

import { createRoute } from '@hono/zod-openapi';
import { type EventValueDependencies, recordOf } from '../activities/eventValues.ts';
import { Turns } from '../activities/turns.ts';
import { CausewayError } from '../domain/error.ts';
import { digestOfEventId } from '../domain/eventId.ts';
import { isObject } from '../domain/isObject.ts';
import { laneWorkflowId } from '../domain/lane.ts';
import type { Destinations } from '../store/destinations.ts';
import type { App } from './appEnv.ts';
import type { IndexedDelivery } from './deliveryLogs.ts';
import { eventNotFound } from './notIndexed.ts';
import { ownDeliveries } from './portal.ts';
import { eventIdParam } from './schemas/eventLog.ts';
import { eventValueQuery, eventValueSchema } from './schemas/eventValue.ts';
import { problemResponses } from './schemas/problem.ts';
import { needs } from './scopes.ts';

export type EventValueOptions = {
  index: { find(eventId: string): Promise<IndexedDelivery[]> };
  values: EventValueDependencies;
  eventIndexDays: number;
  destinations: Pick<Destinations, 'customersOf'>;
};

/** A history is read page by page, up to some megabytes. Portal links have turns of their own: they keep no operator waiting. */
const atOnce = { atOnce: 4, waiting: 50 };
const tooMany = 'Too many values of events are asked for at once. Ask again after a second.';

const getValue = createRoute({
  method: 'get',
  path: '/v1/events/{id}/value',
  tags: ['Events'],
  summary: "Show an event's record",
  description:
    "Its value and key, read from Temporal: from the lane's history, or from where the open lane holds it. 410 `event_value_expired` once retention has deleted both, 404 `event_value_not_found` where the lane has more overflow segments than are read for it.",
  security: needs('read', 'read'),
  request: { params: eventIdParam, query: eventValueQuery },
  responses: {
    200: { description: 'The record.', content: { 'application/json': { schema: eventValueSchema } } },
    ...problemResponses(400, 401, 403, 404, 410, 503),
  },
});

/** `GET /v1/events/{id}/value` */
export function eventValueRoute(app: App, { index, values, eventIndexDays, destinations }: EventValueOptions): void {
  const turns = { ofKeys: new Turns(atOnce, tooMany), ofLinks: new Turns(atOnce, tooMany) };
  app.openapi(getValue, async (c) => {
    const { id } = c.req.valid('param');
    const { destinationId } = c.req.valid('query');
    const digest = digestOfEventId(id) ?? '';
    const isMeant = ({ workflowId }: IndexedDelivery): boolean =>
      destinationId === undefined || workflowId.startsWith(laneWorkflowId(destinationId, ''));
    const found = await ownDeliveries(c, destinations, (await index.find(digest)).filter(isMeant));
    if (found.length === 0) throw eventNotFound(id, eventIndexDays);
    let isUnread = false;
    for (const delivery of found) {
      const record = await turns[c.var.portal ? 'ofLinks' : 'ofKeys'].take(() => recordOf(values, digest, delivery));
      if (record === 'unread') isUnread = true;
      if (!record || record === 'unread') continue;
      const value = Buffer.from(record.value).toString();
      const shown = {
        ...{ id, destinationId: delivery.workflowId.split(':')[1] ?? '', eventType: eventTypeIn(value) },
        ...{ partitionKey: record.key, value, bytes: record.value.length },
      };
      return c.json(shown, 200);
    }
    if (isUnread) {
      throw new CausewayError(
        'event_value_not_found',
        `The history that held the record of ${id} is deleted (the namespace's retention), and its lane has more overflow segments than are read for one event: it may be in one of them. Ask again once fewer wait in the lane.`,
      );
    }
    throw new CausewayError(
      'event_value_expired',
      `Temporal has deleted the history that held the record of ${id} (the namespace's retention), and no open lane holds it.`,
    );
  });
}

function eventTypeIn(value: string): string {
  const event: unknown = JSON.parse(value);
  return isObject(event) && typeof event.eventType === 'string' ? event.eventType : '';
}

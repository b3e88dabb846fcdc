import { randomUUID } from 'node:crypto';
import { createRoute, z } from '@hono/zod-openapi';
import { CausewayError } from '../domain/error.ts';
import { testEventOf } from '../domain/testEvent.ts';
import type { AuditLog } from '../store/auditLog.ts';
import type { Destinations } from '../store/destinations.ts';
import type { Accept } from './accept.ts';
import { actorOf } from './actor.ts';
import type { App } from './appEnv.ts';
import { destinationIdParam } from './schemas/destination.ts';
import { problemResponses } from './schemas/problem.ts';
import { needs } from './scopes.ts';
import { existing } from './storedDestination.ts';

export type TestEventOptions = {
  destinations: Pick<Destinations, 'get'>;
  accept: Accept;
  audit: Pick<AuditLog, 'note'>;
};

const sentSchema = z.object({ id: z.string(), workflowId: z.string() }).openapi('TestEventSent');

const send = createRoute({
  method: 'post',
  path: '/v1/destinations/{id}/test-event',
  tags: ['Destinations'],
  summary: 'Send a test event to a destination',
  description:
    'An event of type `causeway.test`, by the road of every other: accepted, delivered in order, retried and logged (`GET /v1/events/{id}`). This destination alone gets it, whatever event types it wants; its consumers see the record.',
  security: needs('manage', 'manage_destinations'),
  request: { params: destinationIdParam },
  responses: {
    202: { description: 'It is accepted.', content: { 'application/json': { schema: sentSchema } } },
    ...problemResponses(401, 403, 404, 409, 503),
  },
});

/** `POST /v1/destinations/{id}/test-event` */
export function testEventRoute(app: App, { destinations, accept, audit }: TestEventOptions): void {
  app.openapi(send, async (c) => {
    const destination = await existing(destinations, c.req.valid('param').id);
    const { id } = destination;
    const event = testEventOf(destination, `causeway-test-${randomUUID()}`, new Date());
    await audit.note({ action: 'destination.test_event_asked', subject: id }, actorOf(c));
    const receipt = await accept(event, undefined, undefined, id);
    const [delivery] = receipt.deliveries;
    if (!delivery) {
      throw new CausewayError('destination_disabled', 'It takes no events while it is disabled: enable it first.');
    }
    return c.json({ id: receipt.id, workflowId: delivery.workflowId }, 202);
  });
}

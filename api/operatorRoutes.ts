import { createRoute } from '@hono/zod-openapi';
import type { ApiKey } from '../store/apiKeys.ts';
import type { AuditLog } from '../store/auditLog.ts';
import type { Destinations } from '../store/destinations.ts';
import { actorOf } from './actor.ts';
import type { App } from './appEnv.ts';
import { askedBy, requestKeyOf } from './askedBy.ts';
import { type InterventionOptions, intervene } from './interventions.ts';
import { limitBody } from './limitBody.ts';
import { type PausingOptions, setPaused } from './pausing.ts';
import { destinationIdParam } from './schemas/destination.ts';
import {
  idempotencyKeyHeader,
  interventionSchema,
  pauseSchema,
  pausingSchema,
  selectionSchema,
} from './schemas/lanes.ts';
import { problemResponses } from './schemas/problem.ts';
import { needs } from './scopes.ts';
import { existing } from './storedDestination.ts';

export type OperatorRouteOptions = InterventionOptions &
  PausingOptions & { destinations: Pick<Destinations, 'get' | 'setPaused'>; audit: Pick<AuditLog, 'note'> };

const bodyBytesMax = 64 * 1024;
const json = <Schema>(schema: Schema) => ({ 'application/json': { schema } });
const common = { method: 'post' as const, tags: ['Operations'] };
const request = <Schema>(schema: Schema, required = true) => ({
  params: destinationIdParam,
  headers: idempotencyKeyHeader,
  body: { required, content: json(schema) },
});

const selected = (name: 'replay' | 'discard', summary: string, description: string) =>
  createRoute({
    ...common,
    security: needs('manage', 'replay'),
    path: `/v1/destinations/{id}/${name}`,
    summary,
    description: `${description} Nothing is changed where a named event or lane is not there, or a named event is not parked. After a 503, or no answer, some lanes may have been told: the same request with the same \`Idempotency-Key\` completes it within a day, and no lane follows it twice.`,
    middleware: limitBody(bodyBytesMax),
    request: request(selectionSchema),
    responses: {
      202: { description: 'Temporal has stored it for the lanes.', content: json(interventionSchema) },
      ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422, 503),
    },
  });

const replay = selected(
  'replay',
  'Send dead letters again',
  'They go first, the oldest first, with the same key, headers and bytes.',
);
const discard = selected(
  'discard',
  'Give dead letters up',
  'They are not sent again; their log says who gave them up.',
);

const pausing = (name: 'pause' | 'resume', summary: string, description: string) =>
  createRoute({
    ...common,
    security: needs('manage', 'manage_destinations'),
    path: `/v1/destinations/{id}/${name}`,
    summary,
    description,
    middleware: limitBody(bodyBytesMax),
    request: request(pauseSchema, false),
    responses: {
      202: { description: 'It is stored.', content: json(pausingSchema) },
      ...problemResponses(400, 401, 403, 404, 413, 415, 422, 503),
    },
  });

const pause = pausing(
  'pause',
  'Pause a destination or a lane',
  'Events are accepted, and wait in order. A batch that is being sent may still go out; nothing is begun after a second. A destination that is paused already keeps the first reason.',
);
const resume = pausing(
  'resume',
  'Resume a destination or a lane',
  "The destination's lanes go on by themselves, but for those that were paused one by one. A lane that is suspended tries again.",
);

/** `POST /v1/destinations/{id}/replay`, `…/discard`, `…/pause` and `…/resume` */
export function operatorRoutes(app: App, options: OperatorRouteOptions): void {
  for (const route of [replay, discard]) {
    app.openapi(route, async (c) => {
      const { id } = await existing(options.destinations, c.req.valid('param').id);
      const { by, reason, ...selection } = c.req.valid('json');
      const who = whoOf(c.var.apiKey, by, c.req.valid('header')['idempotency-key']);
      const signal = route === replay ? 'replay' : 'discard';
      const { ids, ...chosen } = selection;
      const detail = { ...chosen, ...(ids && { events: ids.length }), by: who.by, reason };
      await options.audit.note({ action: `dead_letters.${signal}_asked`, subject: id, detail }, actorOf(c));
      return c.json(await intervene(options, { destinationId: id, signal, reason, ...who }, selection), 202);
    });
  }
  for (const route of [pause, resume]) {
    app.openapi(route, async (c) => {
      const { id } = await existing(options.destinations, c.req.valid('param').id);
      const asked = c.req.valid('json');
      const who = whoOf(c.var.apiKey, asked.by, c.req.valid('header')['idempotency-key']);
      const signal = route === pause ? 'pause' : 'resume';
      const { lane, reason } = asked;
      const actor = actorOf(c);
      const detail = { lane, by: who.by, reason };
      if (lane !== undefined) await options.audit.note({ action: `lane.${signal}_asked`, subject: id, detail }, actor);
      return c.json(await setPaused(options, { destinationId: id, signal, actor, ...who }, asked), 202);
    });
  }
}

const whoOf = (key: ApiKey, by: string | undefined, idempotencyKey: string | undefined) => ({
  by: askedBy(key.name, by),
  requestKey: requestKeyOf(key.id, idempotencyKey),
});

import { createRoute } from '@hono/zod-openapi';
import type { Destinations } from '../store/destinations.ts';
import type { App } from './appEnv.ts';
import { existing } from './destinations.ts';
import { type Asked, type InterventionOptions, intervene } from './interventions.ts';
import { limitBody } from './limitBody.ts';
import { destinationIdParam } from './schemas/destination.ts';
import { idempotencyKeyHeader, interventionSchema, selectionSchema } from './schemas/lanes.ts';
import { problemResponses } from './schemas/problem.ts';

export type OperatorRouteOptions = InterventionOptions & { destinations: Pick<Destinations, 'get'> };

const bodyBytesMax = 64 * 1024;
const json = <Schema>(schema: Schema) => ({ 'application/json': { schema } });
const common = { method: 'post' as const, tags: ['Operations'], security: [{ bearer: [] }] };

const selected = (name: 'replay' | 'discard', summary: string, description: string) =>
  createRoute({
    ...common,
    path: `/v1/destinations/{id}/${name}`,
    summary,
    description: `${description} Nothing is changed where a named event or lane is not there, or a named event is not parked. After a 503 \`temporal_unavailable\` some lanes may have been told: send it again with the same \`Idempotency-Key\`.`,
    middleware: limitBody(bodyBytesMax),
    request: {
      params: destinationIdParam,
      headers: idempotencyKeyHeader,
      body: { required: true, content: json(selectionSchema) },
    },
    responses: {
      202: { description: 'Temporal has stored it for the lanes.', content: json(interventionSchema) },
      ...problemResponses(400, 401, 404, 409, 413, 415, 422, 503),
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

/** `POST /v1/destinations/{id}/replay` and `…/discard` */
export function operatorRoutes(app: App, options: OperatorRouteOptions): void {
  app.openapi(replay, async (c) => {
    const { id } = await existing(options.destinations, c.req.valid('param').id);
    const selection = c.req.valid('json');
    const about = { key: c.var.apiKey.name, requestKey: c.req.valid('header')['idempotency-key'] };
    return c.json(await intervene(options, askedOf(id, 'replay', selection, about), selection), 202);
  });
  app.openapi(discard, async (c) => {
    const { id } = await existing(options.destinations, c.req.valid('param').id);
    const selection = c.req.valid('json');
    const about = { key: c.var.apiKey.name, requestKey: c.req.valid('header')['idempotency-key'] };
    return c.json(await intervene(options, askedOf(id, 'discard', selection, about), selection), 202);
  });
}

type Note = { reason?: string | undefined; by?: string | undefined };

/** Who asks is who they say they are, and the key that they have. */
function askedOf(
  destinationId: string,
  signal: Asked['signal'],
  { reason, by }: Note,
  { key, requestKey }: { key: string; requestKey: string | undefined },
): Asked {
  return {
    ...{ destinationId, signal, reason },
    by: by === undefined ? key : `${by} (${key})`,
    requestKey: requestKey === undefined ? undefined : `${key}/${requestKey}`,
  };
}

import { createHash, randomBytes } from 'node:crypto';
import { createRoute } from '@hono/zod-openapi';
import { type Client, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import { CausewayError } from '../domain/error.ts';
import {
  type ReplayProgress,
  type ReplayStart,
  replayQueries,
  replayWorkflowId,
  replayWorkflowType,
} from '../domain/replay.ts';
import type { Destinations } from '../store/destinations.ts';
import type { App } from './appEnv.ts';
import { askedBy, requestKeyOf } from './askedBy.ts';
import { existing } from './destinations.ts';
import { limitBody } from './limitBody.ts';
import { idempotencyKeyHeader } from './schemas/lanes.ts';
import { problemResponses } from './schemas/problem.ts';
import { newReplaySchema, type Replay, replayIdParam, replaySchema } from './schemas/replays.ts';

export type ReplayRouteOptions = {
  temporal: Client;
  taskQueue: string;
  destinations: Pick<Destinations, 'get'>;
};

const bodyBytesMax = 64 * 1024;
const callTimeoutMs = 5_000;
const common = { tags: ['Operations'], security: [{ bearer: [] }] };
const one = (description: string) => ({ description, content: { 'application/json': { schema: replaySchema } } });

const begin = createRoute({
  ...common,
  method: 'post',
  path: '/v1/replays',
  summary: 'Replay dead letters by a filter',
  description:
    'In the background, over any number of lanes, at a bounded rate; it survives restarts, can be watched and cancelled. What was parked after it began is left alone. With `dryRun` it only counts. Cancelled and begun anew with the same filter it goes on with what is still parked.',
  middleware: limitBody(bodyBytesMax),
  request: {
    headers: idempotencyKeyHeader,
    body: { required: true, content: { 'application/json': { schema: newReplaySchema } } },
  },
  responses: { 202: one('It has begun.'), ...problemResponses(400, 401, 404, 413, 415, 422, 503) },
});
const show = createRoute({
  ...common,
  method: 'get',
  path: '/v1/replays/{id}',
  summary: 'Show how far a replay is',
  request: { params: replayIdParam },
  responses: { 200: one('The replay.'), ...problemResponses(400, 401, 404, 503) },
});
const cancel = createRoute({
  ...common,
  method: 'post',
  path: '/v1/replays/{id}/cancel',
  summary: 'Cancel a replay',
  description: 'It ends after the few lanes that it is at. What was sent again stays so.',
  request: { params: replayIdParam },
  responses: { 202: one('It is being cancelled.'), ...problemResponses(400, 401, 404, 503) },
});

/** `POST /v1/replays`, `GET /v1/replays/{id}` and `POST /v1/replays/{id}/cancel` */
export function replayRoutes(app: App, options: ReplayRouteOptions): void {
  app.openapi(begin, async (c) => {
    const { by, dryRun, eventsPerSecond, reason, ...filter } = c.req.valid('json');
    if (filter.destinationId !== undefined) await existing(options.destinations, filter.destinationId);
    const key = c.var.apiKey.name;
    const once = requestKeyOf(key, c.req.valid('header')['idempotency-key']);
    const id = once === undefined ? newId() : idOf(once);
    const start: ReplayStart = { id, filter, dryRun, eventsPerSecond, reason, by: askedBy(key, by) };
    await started(options, start);
    return c.json({ id, status: 'running' } as const, 202);
  });
  app.openapi(show, async (c) => c.json(await shown(options, c.req.valid('param').id), 200));
  app.openapi(cancel, async (c) => {
    const { id } = c.req.valid('param');
    await asked(options, () => options.temporal.workflow.getHandle(replayWorkflowId(id)).cancel());
    return c.json(await shown(options, id), 202);
  });
}

const idBytes = 12;
const newId = (): string => `rpl_${randomBytes(idBytes).toString('base64url')}`;
const idOf = (name: string): string =>
  `rpl_${createHash('sha256').update(name).digest().subarray(0, idBytes).toString('base64url')}`;

async function started(options: ReplayRouteOptions, start: ReplayStart): Promise<void> {
  try {
    await asked(options, () =>
      options.temporal.workflow.start(replayWorkflowType, {
        workflowId: replayWorkflowId(start.id),
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
        taskQueue: options.taskQueue,
        args: [start],
      }),
    );
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error; // The request has come before.
  }
}

async function shown(options: ReplayRouteOptions, id: string): Promise<Replay> {
  const handle = options.temporal.workflow.getHandle(replayWorkflowId(id));
  const { status } = await asked(options, () => handle.describe());
  if (status.name === 'COMPLETED') {
    const result = await asked(options, () => handle.result());
    return { id, ...(result as ReplayProgress) }; // Our own workflow's.
  }
  if (status.name !== 'RUNNING' && status.name !== 'CONTINUED_AS_NEW') return { id, status: 'failed' };
  const progress = await asked(options, () => handle.query<ReplayProgress>(replayQueries.progress)).catch(
    () => undefined,
  );
  return { id, status: 'running', ...progress };
}

/** Throws `replay_not_found` or `temporal_unavailable`; that it runs already is for the caller. */
async function asked<T>({ temporal }: ReplayRouteOptions, call: () => Promise<T>): Promise<T> {
  try {
    return await temporal.connection.withDeadline(Date.now() + callTimeoutMs, call);
  } catch (cause) {
    if (cause instanceof WorkflowExecutionAlreadyStartedError) throw cause;
    if (cause instanceof WorkflowNotFoundError) {
      throw new CausewayError('replay_not_found', 'No replay has this id, or it is over and its history is deleted.');
    }
    throw new CausewayError(
      'temporal_unavailable',
      'Temporal did not answer. Send the same request again after a second.',
      {
        cause,
      },
    );
  }
}

import { createHash, randomBytes } from 'node:crypto';
import { createRoute } from '@hono/zod-openapi';
import { type Client, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import type { Context } from 'hono';
import { CausewayError } from '../domain/error.ts';
import { type ReplayAction, type ReplayStart, type ReplayState, replayWorkflowId } from '../domain/replay.ts';
import { continuableMs } from '../domain/resent.ts';
import type { AuditLog } from '../store/auditLog.ts';
import type { Destinations } from '../store/destinations.ts';
import { actorOf } from './actor.ts';
import type { App, AppEnv } from './appEnv.ts';
import { askedBy, requestKeyOf } from './askedBy.ts';
import type { IndexedDelivery } from './deliveryLogs.ts';
import { limitBody } from './limitBody.ts';
import { type EventFinder, NamedEventsFinder } from './namedEvents.ts';
import { customerOf, ownDeliveries, ownDestination } from './portal.ts';
import { atPortalRate, PortalReplays, portalRate } from './portalReplays.ts';
import { asked, isUnderWay, type Memos, memosOf, replayWall } from './replayAsked.ts';
import { actionOf, replayTypes, resultOf, shown } from './replayShown.ts';
import { idempotencyKeyHeader } from './schemas/lanes.ts';
import { problemResponses } from './schemas/problem.ts';
import { newReplaySchema, replayIdParam, replaySchema } from './schemas/replays.ts';
import { needs } from './scopes.ts';

export type ReplayRouteOptions = {
  temporal: Client;
  taskQueue: string;
  destinations: Pick<Destinations, 'get' | 'customersOf'>;
  audit: Pick<AuditLog, 'note'>;
} & EventFinder;

const bodyBytesMax = 64 * 1024;
const common = { tags: ['Operations'], security: needs('manage', 'replay') };
const one = (description: string) => ({ description, content: { 'application/json': { schema: replaySchema } } });

const begin = createRoute({
  ...common,
  method: 'post',
  path: '/v1/replays',
  summary: 'Replay dead letters or delivered events by a filter, or discard dead letters',
  description:
    'In the background, over any number of lanes, at a bounded rate; it survives restarts, can be watched, cancelled and continued. They are counted first. What was parked or delivered after it began is left alone. A delivered event is sent once more by each replay that names it, behind what waits in its lane. With `dryRun` it only counts. With `action` `discard` dead letters are given up in place of sent again: no more than were counted. (Where a worker dies, or it is cancelled and continued, in the middle of a page of ten lanes, what that page gave up is not in `events`, and as many more that fit may be.)',
  middleware: limitBody(bodyBytesMax),
  request: {
    headers: idempotencyKeyHeader,
    body: { required: true, content: { 'application/json': { schema: newReplaySchema } } },
  },
  responses: { 202: one('It has begun.'), ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422, 503) },
});
const show = createRoute({
  ...{ ...common, security: needs('read', 'read') },
  method: 'get',
  path: '/v1/replays/{id}',
  summary: 'Show how far a replay is',
  request: { params: replayIdParam },
  responses: { 200: one('The replay.'), ...problemResponses(400, 401, 403, 404, 503) },
});
const cancel = createRoute({
  ...common,
  method: 'post',
  path: '/v1/replays/{id}/cancel',
  summary: 'Cancel a replay',
  description: 'It ends after a few events or lanes. What was sent again stays so.',
  request: { params: replayIdParam },
  responses: { 202: one('It is being cancelled.'), ...problemResponses(400, 401, 403, 404, 503) },
});

const goOn = createRoute({
  ...common,
  method: 'post',
  path: '/v1/replays/{id}/continue',
  summary: 'Continue a replay that was cancelled, or left events out',
  description: 'With what it has not sent yet, within 20 hours. One that runs goes on as it is.',
  request: { params: replayIdParam, headers: idempotencyKeyHeader },
  responses: { 202: one('It goes on.'), ...problemResponses(400, 401, 403, 404, 409, 503) },
});

/** `POST /v1/replays`, `POST /v1/replays/{id}/continue`, `GET /v1/replays/{id}` and `POST /v1/replays/{id}/cancel` */
export function replayRoutes(app: App, options: ReplayRouteOptions): void {
  const named = new NamedEventsFinder(options);
  const byPortal = new PortalReplays(options);
  app.use('/v1/replays/:id/*', replayWall(options));
  app.openapi(begin, async (c) => {
    const {
      action,
      by,
      dryRun,
      eventsPerSecond: rate,
      eventsMax,
      reason,
      status: of,
      eventIds,
      ...filter
    } = c.req.valid('json');
    const eventsPerSecond = c.var.portal ? portalRate(rate) : rate;
    const { id: keyId, name: key } = c.var.apiKey;
    const once = requestKeyOf(keyId, c.req.valid('header')['idempotency-key']);
    const id = once === undefined ? newId() : idOf(once);
    // Without an action where it is the first one: the key of a request of before there were two is still its key.
    const discard = action === 'discard' ? { action } : {};
    const began = digestOf({ of, filter, eventIds, dryRun, eventsPerSecond, eventsMax, ...discard });
    const answer = { id, action, status: 'running', eventsPerSecond } as const;
    const { destinationId } = filter;
    let customerExternalId = customerOf(c, filter.customerExternalId);
    const found = async (): Promise<Pick<ReplayStart, 'named' | 'historySince'>> => {
      if (destinationId !== undefined)
        ({ customerExternalId } = await ownDestination(c, options.destinations, destinationId));
      const own = (deliveries: IndexedDelivery[]) => ownDeliveries(c, options.destinations, deliveries);
      const events = eventIds && (await named.find(eventIds, { of, destinationId, own }));
      return { named: events, historySince: of === 'parked' || events ? undefined : await retainedSince(options) };
    };
    const about = await found().catch(async (refusal: unknown) => {
      // What it names is not as it was, once it was sent again: the same request is no other one for that.
      if (once === undefined || !(await isBegun(options, id, began))) throw refusal;
    });
    const start = { id, of, filter, dryRun, eventsPerSecond, eventsMax, reason, by: askedBy(key, by) };
    if (about) {
      // By which the list finds it, for a link that names events alone.
      const customer = c.var.portal && { customerExternalId: c.var.portal.customerExternalId };
      const detail = {
        ...discard,
        ...filter,
        ...customer,
        status: of,
        events: eventIds?.length,
        dryRun,
        reason,
        by: start.by,
      };
      await options.audit.note({ action: 'replay.start_asked', subject: id, detail }, actorOf(c));
      const memos = { began, customerExternalId, ...viaPortalOf(c) };
      await byPortal.begun(c.var.portal?.customerExternalId, id, () =>
        started(options, { id, action, ...memos }, { ...start, ...about }),
      );
    }
    return c.json(answer, 202);
  });
  app.openapi(show, async (c) => c.json(await shown(options, c.req.valid('param').id), 200));
  app.openapi(goOn, async (c) => {
    const { id } = c.req.valid('param');
    await options.audit.note({ action: 'replay.continue_asked', subject: id }, actorOf(c));
    const left = await continuable(
      options,
      id,
      requestKeyOf(c.var.apiKey.id, c.req.valid('header')['idempotency-key']),
    );
    if (left) {
      const { action, memos, start, state } = left;
      const args = c.var.portal ? atPortalRate(start, state) : ([start, state] as const);
      await byPortal.begun(c.var.portal?.customerExternalId, id, () =>
        started(options, { id, action, ...memos, ...viaPortalOf(c) }, ...args),
      );
    }
    return c.json(await shown(options, id), 202);
  });
  app.openapi(cancel, async (c) => {
    const { id } = c.req.valid('param');
    await options.audit.note({ action: 'replay.cancel_asked', subject: id }, actorOf(c));
    await asked(options, () => options.temporal.workflow.getHandle(replayWorkflowId(id)).cancel());
    return c.json(await shown(options, id), 202);
  });
}

const viaPortalOf = ({ var: { portal } }: Context<AppEnv>): Pick<Memos, 'viaPortal'> => ({
  viaPortal: portal ? true : undefined,
});

type Continuable = { action: ReplayAction; memos: Memos; start: ReplayStart; state: ReplayState };

/**
 * What is left to do of a replay that is over; undefined where it runs. `once` names the request: one that has been followed is not followed again,
 * whatever became of the replay since. Throws `replay_not_continued`.
 */
async function continuable(
  options: ReplayRouteOptions,
  id: string,
  once: string | undefined,
): Promise<Continuable | undefined> {
  const handle = options.temporal.workflow.getHandle(replayWorkflowId(id));
  const { status, type, closeTime, raw, memo } = await asked(options, () => handle.describe());
  const { continuedBy: last, ...kept } = memosOf(memo);
  const continuedBy = once && digestOf(once);
  if (continuedBy !== undefined && last === continuedBy) return undefined;
  if (isUnderWay(status)) {
    if (!raw.workflowExtendedInfo?.cancelRequested) return undefined;
    throw new CausewayError(
      'replay_not_continued',
      'It is being cancelled. Send the same request again after a second.',
    );
  }
  const result = status.name === 'COMPLETED' ? await resultOf(options, id) : undefined;
  const why = !result?.rest
    ? 'It has sent everything but the dead letters of lanes that did not answer, or failed'
    : 'It ended more than 20 hours ago';
  if (!result?.rest || Date.now() - (closeTime?.getTime() ?? 0) > continuableMs) {
    throw new CausewayError(
      'replay_not_continued',
      `${why}. Begin a new one for what is still to be sent, with status parked where that is dead letters.`,
    );
  }
  return { action: actionOf(type), memos: { ...kept, continuedBy }, ...result.rest };
}

/** Before this, Temporal may have deleted what is closed. */
async function retainedSince(options: ReplayRouteOptions): Promise<string | undefined> {
  const { temporal } = options;
  const { namespace } = temporal.options;
  const { config } = await asked(options, () => temporal.workflowService.describeNamespace({ namespace }));
  const seconds = Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0);
  return seconds > 0 ? new Date(Date.now() - seconds * 1_000).toISOString() : undefined;
}

const idBytes = 12;
const newId = (): string => `rpl_${randomBytes(idBytes).toString('base64url')}`;
const idOf = (name: string): string =>
  `rpl_${createHash('sha256').update(name).digest().subarray(0, idBytes).toString('base64url')}`;

const digestOf = (request: unknown): string => createHash('sha256').update(JSON.stringify(request)).digest('base64url');

/** `from`: how far it came, where it was cancelled. */
async function started(
  options: ReplayRouteOptions,
  { id, action, ...memos }: Memos & { id: string; action: ReplayAction },
  start: ReplayStart,
  from?: ReplayState,
): Promise<void> {
  try {
    await asked(options, () =>
      options.temporal.workflow.start(replayTypes[action], {
        workflowId: replayWorkflowId(id),
        workflowIdReusePolicy: from ? 'ALLOW_DUPLICATE' : 'REJECT_DUPLICATE',
        taskQueue: options.taskQueue,
        memo: memos,
        args: from ? [start, from] : [start],
      }),
    );
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    // The same request was quicker, or another one under its key.
    if (!from) await isBegun(options, id, memos.began);
  }
}

/** Whether this request has begun the replay before. Throws `idempotency_key_reused` where another one has. */
async function isBegun(options: ReplayRouteOptions, id: string, request: string | undefined): Promise<boolean> {
  const handle = options.temporal.workflow.getHandle(replayWorkflowId(id));
  const known = await asked(options, () => handle.describe().catch(unlessNotFound));
  if (!known) return false;
  const { began } = memosOf(known.memo);
  if (began === undefined || began === request) return true;
  const remedy = `With this Idempotency-Key the replay ${id} of something else was begun. Nothing was changed. Give each request a key of its own.`;
  throw new CausewayError('idempotency_key_reused', remedy);
}

function unlessNotFound(error: unknown): undefined {
  if (!(error instanceof WorkflowNotFoundError)) throw error;
}

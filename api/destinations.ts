import { createRoute } from '@hono/zod-openapi';
import { CausewayError } from '../domain/error.ts';
import type { AllowPrivate } from '../domain/privateNetworks.ts';
import type { Actor } from '../store/auditLog.ts';
import type { StoredDestination } from '../store/destinationRow.ts';
import type { Destinations } from '../store/destinations.ts';
import type { Numbers } from '../store/numbers.ts';
import { actorOf } from './actor.ts';
import type { App } from './appEnv.ts';
import { healthOf } from './destinationHealth.ts';
import { changeOf, newDestinationOf, shownDestination } from './destinationSettings.ts';
import { changesLanes, type LanesOfDestination, withEmptyLanes } from './laneChange.ts';
import { limitBody } from './limitBody.ts';
import { customerOf } from './portal.ts';
import {
  type DestinationChangeInput,
  destinationChangeSchema,
  destinationIdParam,
  destinationPageSchema,
  destinationSchema,
  ifMatchHeader,
  listQuery,
  newDestinationSchema,
} from './schemas/destination.ts';
import { problemResponses } from './schemas/problem.ts';
import { needs } from './scopes.ts';
import { existing } from './storedDestination.ts';

export type DestinationRouteOptions = {
  destinations: Destinations;
  lanes: LanesOfDestination;
  numbers: Pick<Numbers, 'health' | 'sampled'>;
  /** Lets lanes that hold for the destination know of a change that may mend it. Neither rejects nor keeps anyone waiting. */
  tellKeeper(destinationId: string, version: number): void;
  /** Whether brokers may be on this machine and private networks, and need not ask who we are. */
  allowPrivateBrokers: AllowPrivate;
};

const bodyBytesMax = 512 * 1024;
/** A change without If-Match is made again on what another one left, so often. */
const changeTriesMax = 5;

const tags = ['Destinations'];
const etag = { ETag: { description: 'The version, for `If-Match`.', schema: { type: 'string' } } } as const;
const one = (description: string) => ({
  description,
  headers: etag,
  content: { 'application/json': { schema: destinationSchema } },
});

const changeDescription = `What is absent stays as it is. Objects (\`auth\`, \`producer\`, \`ordering\`) are merged field by field; lists are
replaced. In \`auth\`, \`null\` removes a field. Secrets stay unless they are given: with another \`auth.mode\`, those that it
has no use for are erased. The whole must then be valid, as a new destination must.

A change of \`brokers\` (but for one that is left out), \`auth.mode\`, \`auth.tls\`, \`auth.caCertificate\`,
\`auth.tokenEndpoint\` or \`auth.tokenEndpointCaCertificate\` gives \`auth.password\` or \`auth.clientSecret\` once more,
where one is set: a stored secret is never sent to a new address. \`auth.clientKey\` never leaves, and stays.

\`type\` and \`customerExternalId\` can not be changed.

\`partitionKey\` and \`ordering.lanes\` decide which lane a key has. They change only while no event waits in the lanes, dead
letters included, and none is paused: else 409 \`events_waiting\` or \`lanes_paused\`. For the seconds that this takes, events for the destination are answered 503.
A POST sent again afterwards, whose event was accepted before, may become a second record: another lane has it now.`;

function routesOf(allowPrivateBrokers: AllowPrivate) {
  const body = <Schema>(schema: Schema) => ({ required: true, content: { 'application/json': { schema } } });
  return {
    create: createRoute({
      method: 'post',
      path: '/v1/destinations',
      tags,
      summary: 'Create a destination',
      security: needs('manage', 'manage_destinations'),
      middleware: limitBody(bodyBytesMax),
      request: { body: body(newDestinationSchema(allowPrivateBrokers)) },
      responses: {
        201: one('Created. Events take it into account within a second.'),
        ...problemResponses(400, 401, 403, 409, 413, 415, 422, 503),
      },
    }),
    list: createRoute({
      method: 'get',
      path: '/v1/destinations',
      tags,
      summary: 'List destinations',
      description: 'The newest first.',
      security: needs('read', 'read'),
      request: { query: listQuery },
      responses: {
        200: { description: 'A page.', content: { 'application/json': { schema: destinationPageSchema } } },
        ...problemResponses(400, 401, 403, 503),
      },
    }),
    show: createRoute({
      method: 'get',
      path: '/v1/destinations/{id}',
      tags,
      summary: 'Show a destination',
      security: needs('read', 'read'),
      request: { params: destinationIdParam },
      responses: { 200: one('The destination.'), ...problemResponses(401, 403, 404, 503) },
    }),
    change: createRoute({
      method: 'patch',
      path: '/v1/destinations/{id}',
      tags,
      summary: 'Change a destination',
      description: changeDescription,
      security: needs('manage', 'manage_destinations'),
      middleware: limitBody(bodyBytesMax),
      request: {
        params: destinationIdParam,
        headers: ifMatchHeader,
        body: body(destinationChangeSchema(allowPrivateBrokers)),
      },
      responses: {
        200: one('Changed. API and workers use it within a second.'),
        ...problemResponses(400, 401, 403, 404, 409, 412, 413, 415, 422, 503),
      },
    }),
    remove: createRoute({
      method: 'delete',
      path: '/v1/destinations/{id}',
      tags,
      summary: 'Delete a destination',
      description: 'It takes no new events within a second. What was accepted before is still delivered.',
      security: needs('manage', 'manage_destinations'),
      request: { params: destinationIdParam, headers: ifMatchHeader },
      responses: { 204: { description: 'Deleted.' }, ...problemResponses(400, 401, 403, 404, 412, 503) },
    }),
  };
}

/** `/v1/destinations`: create, list, show, change, delete. */
export function destinationRoutes(app: App, options: DestinationRouteOptions): void {
  const { destinations, allowPrivateBrokers } = options;
  const routes = routesOf(allowPrivateBrokers);

  app.openapi(routes.create, async (c) => {
    const input = c.req.valid('json');
    customerOf(c, input.customerExternalId);
    const created = await destinations.create(newDestinationOf(input), actorOf(c));
    const headers = { ETag: etagOf(created), Location: `/v1/destinations/${created.id}` };
    return c.json(shownDestination(created), 201, headers);
  });
  app.openapi(routes.list, async (c) => {
    const { customerExternalId: asked, ...query } = c.req.valid('query');
    const customerExternalId = customerOf(c, asked);
    const { destinations: page, nextCursor } = await destinations.list({ ...query, customerExternalId });
    const health = await healthOf(options.numbers, page);
    const shown = page.map((one) => ({ ...shownDestination(one), health: health(one.id) }));
    return c.json({ destinations: shown, ...(nextCursor && { nextCursor }) }, 200);
  });
  app.openapi(routes.show, async (c) => {
    const found = await existing(destinations, c.req.valid('param').id);
    return c.json(shownDestination(found), 200, { ETag: etagOf(found) });
  });
  app.openapi(routes.change, async (c) => {
    const expectedVersion = versionOf(c.req.valid('header')['if-match']);
    const input = c.req.valid('json');
    const changed = await change(options, c.req.valid('param').id, input, { expectedVersion, by: actorOf(c) });
    if (mayMend(changed, input)) options.tellKeeper(changed.id, changed.version);
    return c.json(shownDestination(changed), 200, { ETag: etagOf(changed) });
  });
  app.openapi(routes.remove, async (c) => {
    const { id } = await existing(destinations, c.req.valid('param').id);
    const expectedVersion = versionOf(c.req.valid('header')['if-match']);
    await destinations.remove(id, { expectedVersion, by: actorOf(c) });
    return c.body(null, 204);
  });
}

/** Whether lanes that hold for the destination may have reason to go on: the same values once more are reason enough. */
const mayMend = ({ enabled }: StoredDestination, input: DestinationChangeInput): boolean =>
  enabled && (['enabled', 'brokers', 'topic', 'auth', 'producer'] as const).some((field) => input[field] !== undefined);

const etagOf = ({ version }: StoredDestination): string => `"${version}"`;

function versionOf(ifMatch: string | undefined): number | undefined {
  const [, version] = /"(\d+)"/.exec(ifMatch ?? '') ?? [];
  return version === undefined ? undefined : Number(version);
}

/** Merges the change into what is stored, and stores the result unless that was changed in between. */
async function change(
  { destinations, lanes, allowPrivateBrokers }: DestinationRouteOptions,
  id: string,
  input: DestinationChangeInput,
  { expectedVersion, by }: { expectedVersion: number | undefined; by: Actor },
): Promise<StoredDestination> {
  for (let tries = 1; ; tries++) {
    const before = await existing(destinations, id);
    if (expectedVersion !== undefined && expectedVersion !== before.version) throw versionConflict(before);
    const merged = changeOf(before, input, allowPrivateBrokers);
    const version = { expectedVersion: before.version, by };
    try {
      if (!changesLanes(before, merged)) return await destinations.update(id, merged, version);
      return await withEmptyLanes(id, destinations, lanes, (hold) =>
        destinations.update(id, merged, { ...version, hold }),
      );
    } catch (error) {
      const isLost = error instanceof CausewayError && error.code === 'version_conflict';
      if (!isLost || expectedVersion !== undefined || tries === changeTriesMax) throw error;
    }
  }
}

const versionConflict = ({ version }: StoredDestination): CausewayError =>
  new CausewayError('version_conflict', `The destination is at version ${version}: read it again, then change it.`);

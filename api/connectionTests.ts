import { createRoute } from '@hono/zod-openapi';
import { testConnection } from '../activities/kafka/connectionTest.ts';
import { Probing } from '../activities/probing.ts';
import { Turns } from '../activities/turns.ts';
import type { ConnectionTest } from '../domain/connectionTest.ts';
import type { OpenDestination, Secrets } from '../domain/destination.ts';
import { CausewayError } from '../domain/error.ts';
import type { AllowPrivate } from '../domain/privateNetworks.ts';
import type { AuditLog } from '../store/auditLog.ts';
import type { Destinations } from '../store/destinations.ts';
import { actorOf } from './actor.ts';
import type { App } from './appEnv.ts';
import { changeOf, newDestinationOf, shownDestination } from './destinationSettings.ts';
import { limitBody } from './limitBody.ts';
import { customerOf } from './portal.ts';
import {
  connectionTestSchema,
  newDestinationTestSchema,
  rotationSchema,
  testRequestSchema,
} from './schemas/connectionTest.ts';
import { destinationIdParam, destinationSchema } from './schemas/destination.ts';
import { problemResponses } from './schemas/problem.ts';
import { needs } from './scopes.ts';
import { existing, openOf } from './storedDestination.ts';

export type ConnectionTestOptions = {
  destinations: Pick<Destinations, 'get' | 'open' | 'update'>;
  /** Lets lanes that hold for the destination know of a change that may mend it. */
  tellKeeper(destinationId: string, version: number): void;
  tests: ConnectionTests;
  audit: Pick<AuditLog, 'note'>;
  allowPrivateBrokers: AllowPrivate;
};

const bodyBytesMax = 512 * 1024;
const testsAtOnceMax = 4;
/** Of these. */
const byPortalMax = 2;

/** Runs connection tests, few at once: each holds sockets to hosts that a request named, for as long as 15 s. */
export class ConnectionTests {
  private readonly turns = new Turns(
    { atOnce: testsAtOnceMax, waiting: 0 },
    `${testsAtOnceMax} connections are being tested: try again in a moment.`,
  );

  /** Customers who have one tested by a portal link, each of them one: no customer keeps operators and the others from theirs. */
  private readonly byPortal = new Set<string>();

  /** Which stored destinations are being tested, and with the credentials of which version. */
  private readonly stored = new Probing();

  /** Whether no test of the destination is under way with earlier credentials (docs/decisions/rotation.md). */
  hasLetGoBefore(destination: OpenDestination): boolean {
    return this.stored.hasLetGoBefore(destination);
  }

  /** The answer of `test` to a stored destination, which is counted with its credentials meanwhile. */
  ofStored<T>(
    destinations: Pick<Destinations, 'open'>,
    id: string,
    test: (opened: OpenDestination) => Promise<T>,
  ): Promise<T> {
    return this.stored.during(id, async (has) => {
      const opened = await openOf(destinations, id);
      has(opened.version);
      return await test(opened);
    });
  }

  /** Throws `overloaded`. `portalCustomer`: who asks by a portal link, for whom there is less room. */
  async run(
    destination: OpenDestination,
    sendTestEvent: boolean,
    portalCustomer?: string | undefined,
  ): Promise<ConnectionTest> {
    const work = () => this.turns.take(() => testConnection(destination, { sendTestEvent }));
    if (portalCustomer === undefined) return await work();
    if (this.byPortal.has(portalCustomer) || this.byPortal.size >= byPortalMax) {
      throw new CausewayError('overloaded', 'Another connection is being tested: try again in a moment.');
    }
    this.byPortal.add(portalCustomer);
    try {
      return await work();
    } finally {
      this.byPortal.delete(portalCustomer);
    }
  }
}

const description = `From this process, on connections of its own, in at most 15 s: each broker of the list until one lets us in
(\`resolve\`, \`connect\`, \`tls\`, \`authenticate\`), then there \`topic\`, the \`leaders\` of its partitions, and whether we may
\`write\`, where the broker tells (Kafka 2.3 and later). Nothing is written unless \`sendTestEvent\` asks for it, and nothing that
is stored changes.

The answer is 200 whatever the test finds: \`passed\` says it, and each step that failed has the error's name and what would mend
it.`;

const rotateDescription = `The new \`auth\`, merged as in a change, and \`brokers\` where the new credentials need another listener, are tested first, as
\`POST /v1/destinations/{id}/test\` does. Where the test passes they are switched to in one step, and lanes that hold for the
destination go on by themselves; a batch under way is finished with the old ones, and so is another test. \`earlierCredentials\` is shown until the last
worker or API has let go of those, a few seconds later: revoke them then. Where the test fails nothing changes: 422 \`rotation_test_failed\`.`;

const changedMeanwhile = (): CausewayError =>
  new CausewayError('version_conflict', 'The destination was changed meanwhile: send the rotation again.');

/** Nothing has changed. */
function notRotated({ steps }: ConnectionTest): CausewayError {
  const failed = steps.flatMap(({ step, broker, error }) =>
    error ? [`${step}${broker === undefined ? '' : ` at ${broker}`}: ${error.name}. ${error.remedy}`] : [],
  );
  return new CausewayError('rotation_test_failed', `Nothing was changed. ${failed.join(' ')}`);
}

const withoutNull = (secrets: Record<string, string | null | undefined>): Secrets =>
  Object.fromEntries(Object.entries(secrets).map(([field, secret]) => [field, secret ?? undefined]));

const common = {
  method: 'post' as const,
  tags: ['Destinations'],
  security: needs('manage', 'manage_destinations'),
  description,
};
const tested = {
  description: 'What worked and what did not.',
  content: { 'application/json': { schema: connectionTestSchema } },
};

/** `POST /v1/destinations/test` and `POST /v1/destinations/{id}/test` */
export function connectionTestRoutes(
  app: App,
  { destinations, tellKeeper, tests, allowPrivateBrokers, audit }: ConnectionTestOptions,
): void {
  const body = <Schema>(schema: Schema) => ({ required: true, content: { 'application/json': { schema } } });
  const unsaved = createRoute({
    ...common,
    path: '/v1/destinations/test',
    summary: 'Test a destination before it is created',
    middleware: limitBody(bodyBytesMax),
    request: { body: body(newDestinationTestSchema(allowPrivateBrokers)) },
    responses: { 200: tested, ...problemResponses(400, 401, 403, 413, 415, 422, 503) },
  });
  const rotate = createRoute({
    ...{
      method: 'post',
      path: '/v1/destinations/{id}/rotate',
      tags: ['Destinations'],
      security: needs('manage', 'manage_destinations'),
    },
    summary: 'Change credentials, once a test of them has passed',
    description: rotateDescription,
    middleware: limitBody(bodyBytesMax),
    request: { params: destinationIdParam, body: body(rotationSchema(allowPrivateBrokers)) },
    responses: {
      200: { description: 'Switched.', content: { 'application/json': { schema: destinationSchema } } },
      ...problemResponses(400, 401, 403, 404, 412, 413, 415, 422, 503),
    },
  });
  const saved = createRoute({
    ...common,
    path: '/v1/destinations/{id}/test',
    summary: "Test a destination's connection",
    middleware: limitBody(bodyBytesMax),
    request: { params: destinationIdParam, body: { ...body(testRequestSchema), required: false } },
    responses: { 200: tested, ...problemResponses(400, 401, 403, 404, 413, 415, 422, 503) },
  });

  app.openapi(rotate, async (c) => {
    const { id } = c.req.valid('param');
    const { before, change } = await tests.ofStored(destinations, id, async (opened) => {
      const before = await existing(destinations, id);
      if (before.version !== opened.version) throw changedMeanwhile();
      const change = changeOf(before, c.req.valid('json'), allowPrivateBrokers);
      const secrets = { ...opened.secrets, ...withoutNull(change.secrets ?? {}) };
      const { secrets: _given, ...settings } = change;
      const test = await tests.run({ ...opened, ...settings, secrets }, false, c.var.portal?.customerExternalId);
      if (!test.passed) throw notRotated(test);
      return { before, change };
    });
    const noted = { by: actorOf(c), action: 'destination.rotated' } as const;
    const changed = await destinations.update(id, change, { expectedVersion: before.version, ...noted });
    if (changed.enabled) tellKeeper(changed.id, changed.version);
    return c.json(shownDestination(changed), 200, { ETag: `"${changed.version}"` });
  });
  app.openapi(unsaved, async (c) => {
    const { sendTestEvent, ...input } = c.req.valid('json');
    const at = new Date().toISOString();
    const made = { ...newDestinationOf(input), id: '', version: 0, createdAt: at, updatedAt: at };
    const opened = { ...made, allowPrivate: allowPrivateBrokers };
    const { customerExternalId, topic } = made;
    customerOf(c, customerExternalId);
    const asked = {
      action: 'destination.test_event_asked',
      subject: 'not saved',
      detail: { customerExternalId, topic },
    } as const;
    if (sendTestEvent) await audit.note(asked, actorOf(c));
    return c.json(await tests.run(opened, sendTestEvent, c.var.portal?.customerExternalId), 200);
  });
  app.openapi(saved, async (c) => {
    const { sendTestEvent } = testRequestSchema.parse(c.req.valid('json')); // Without a body, no schema has filled it in.
    const run = async (opened: OpenDestination): Promise<ConnectionTest> => {
      const asked = { action: 'destination.test_event_asked', subject: opened.id } as const;
      if (sendTestEvent) await audit.note(asked, actorOf(c));
      return await tests.run(opened, sendTestEvent, c.var.portal?.customerExternalId);
    };
    return c.json(await tests.ofStored(destinations, c.req.valid('param').id, run), 200);
  });
}

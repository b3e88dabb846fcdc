import { createRoute } from '@hono/zod-openapi';
import { testConnection } from '../activities/kafka/connectionTest.ts';
import type { ConnectionTest } from '../domain/connectionTest.ts';
import type { OpenDestination } from '../domain/destination.ts';
import { CausewayError } from '../domain/error.ts';
import type { Destinations } from '../store/destinations.ts';
import type { App } from './appEnv.ts';
import { newDestinationOf } from './destinationSettings.ts';
import { existing, openOf } from './destinations.ts';
import { limitBody } from './limitBody.ts';
import { connectionTestSchema, newDestinationTestSchema, testRequestSchema } from './schemas/connectionTest.ts';
import { destinationIdParam } from './schemas/destination.ts';
import { problemResponses } from './schemas/problem.ts';

export type ConnectionTestOptions = {
  destinations: Pick<Destinations, 'get' | 'open'>;
  tests: ConnectionTests;
  allowPrivateBrokers: boolean;
};

const bodyBytesMax = 512 * 1024;
const testsAtOnceMax = 4;

/** Runs connection tests, few at once: each holds sockets to hosts that a request named, for as long as 15 s. */
export class ConnectionTests {
  private running = 0;

  /** Throws `overloaded`. */
  async run(destination: OpenDestination, sendTestEvent: boolean): Promise<ConnectionTest> {
    if (this.running >= testsAtOnceMax) {
      throw new CausewayError('overloaded', `${testsAtOnceMax} connections are being tested: try again in a moment.`);
    }
    this.running++;
    try {
      return await testConnection(destination, { sendTestEvent });
    } finally {
      this.running--;
    }
  }
}

const description = `From this process, on connections of its own, in at most 15 s: each broker of the list until one lets us in
(\`resolve\`, \`connect\`, \`tls\`, \`authenticate\`), then there \`topic\`, the \`leaders\` of its partitions, and whether we may
\`write\`, where the broker tells (Kafka 2.3 and later). Nothing is written unless \`sendTestEvent\` asks for it, and nothing that
is stored changes.

The answer is 200 whatever the test finds: \`passed\` says it, and each step that failed has the error's name and what would mend
it.`;

const common = { method: 'post' as const, tags: ['Destinations'], security: [{ bearer: [] }], description };
const tested = {
  description: 'What worked and what did not.',
  content: { 'application/json': { schema: connectionTestSchema } },
};

/** `POST /v1/destinations/test` and `POST /v1/destinations/{id}/test` */
export function connectionTestRoutes(
  app: App,
  { destinations, tests, allowPrivateBrokers }: ConnectionTestOptions,
): void {
  const body = <Schema>(schema: Schema) => ({ required: true, content: { 'application/json': { schema } } });
  const unsaved = createRoute({
    ...common,
    path: '/v1/destinations/test',
    summary: 'Test a destination before it is created',
    middleware: limitBody(bodyBytesMax),
    request: { body: body(newDestinationTestSchema(allowPrivateBrokers)) },
    responses: { 200: tested, ...problemResponses(400, 401, 413, 415, 422, 503) },
  });
  const saved = createRoute({
    ...common,
    path: '/v1/destinations/{id}/test',
    summary: "Test a destination's connection",
    middleware: limitBody(bodyBytesMax),
    request: { params: destinationIdParam, body: body(testRequestSchema) },
    responses: { 200: tested, ...problemResponses(400, 401, 404, 413, 415, 422, 503) },
  });

  app.openapi(unsaved, async (c) => {
    const { sendTestEvent, ...input } = c.req.valid('json');
    const at = new Date().toISOString();
    const made = { ...newDestinationOf(input), id: '', version: 0, createdAt: at, updatedAt: at };
    return c.json(await tests.run(made, sendTestEvent), 200);
  });
  app.openapi(saved, async (c) => {
    const { id } = await existing(destinations, c.req.valid('param').id);
    const opened = await openOf(destinations, id);
    return c.json(await tests.run(opened, c.req.valid('json').sendTestEvent), 200);
  });
}

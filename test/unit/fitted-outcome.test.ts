import { type ServerType, serve } from '@hono/node-server';
import { OpenAPIHono } from '@hono/zod-openapi';
import { Client } from '@temporalio/client';
import fc from 'fast-check';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createExportActivities } from '../../activities/exporting.ts';
import { acceptor } from '../../api/accept.ts';
import type { AppEnv } from '../../api/appEnv.ts';
import { BodyBudget } from '../../api/eventBody.ts';
import { eventRoutes } from '../../api/events.ts';
import { LaneWriter } from '../../api/laneWriter.ts';
import { deliveriesOf } from '../../domain/block.ts';
import { eventBytesMaxLeast } from '../../domain/event.ts';
import { fitted } from '../../domain/fittedOutcome.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { exportedEvents, type OutcomeGroup } from '../../domain/outcomes.ts';
import { noTrafficMeter } from '../../domain/traffic.ts';
import { idOf } from '../harness/laneSteps.ts';
import { plainDestination } from '../harness/plainDestination.ts';

const of = { destinationId: 'dst_4kq0x2v6mzTr1AbC', customerExternalId: 'acct_1', lane: 'k' };
const parked = (message: string): OutcomeGroup => ({
  ...{ outcome: 'parked', atMs: 1_000, error: { name: 'MESSAGE_TOO_LARGE', code: 10, message } },
  entries: [[idOf(1)]],
});
const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

test('an outcome that fits stays as it is; of one that does not the error is cut, which it says', () => {
  const [short, long] = exportedEvents(
    { ...of, groups: [parked('too large'), parked('ä'.repeat(2_000))] },
    'operators',
  );
  if (!short || !long) throw new Error('There are two.');
  expect(fitted(short, eventBytesMaxLeast)).toBe(short);
  const { error, shortened, ...rest } = fitted(long, eventBytesMaxLeast).payload;
  const { error: whole, ...before } = long.payload;
  expect([rest, shortened]).toEqual([before, ['error.message']]);
  expect(error).toEqual({ ...whole, message: expect.stringMatching(/^ä{100,}…$/) });
});

test('whatever ids, texts and names are in it, an outcome fits into the smallest event', () => {
  const text = (maxLength: number) => fc.string({ unit: 'binary', minLength: 0, maxLength });
  const group = fc.record({
    outcome: fc.constantFrom('delivered', 'parked', 'replayed', 'discarded'),
    atMs: fc.constant(Date.parse('2026-11-28T18:00:00.000Z')),
    partition: fc.constant(100_000),
    broker: text(300),
    reason: text(1_000),
    by: text(600),
    error: fc.record({ name: fc.constant('X'.repeat(40)), code: fc.constant(100), message: text(2_000) }),
    entries: fc.constant([[idOf(1), 123_456_789_012]] satisfies OutcomeGroup['entries']),
  });
  fc.assert(
    fc.property(group, text(255), text(200), (one, customerExternalId, lane) => {
      const events = exportedEvents(
        { destinationId: of.destinationId, customerExternalId, lane, groups: [one] },
        'o'.repeat(255),
      );
      expect(events.map((event) => bytesOf(fitted(event, eventBytesMaxLeast)) <= eventBytesMaxLeast)).toEqual([true]);
    }),
  );
});

/** The API's own routes, whose lanes are this list of values. */
async function smallApi(): Promise<{ url: string; values: string[]; server: ServerType }> {
  const values: string[] = [];
  const writer = new LaneWriter({
    waitingBytesMax: 1e6,
    sendBlock: async (_, block) => {
      values.push(...deliveriesOf(block).map(({ value }) => Buffer.from(value).toString()));
      return { runId: 'run', bytes: 1 };
    },
  });
  const accept = acceptor({
    destinations: { forCustomer: async () => [operators] },
    traffic: noTrafficMeter,
    lanes: { check: () => undefined, submit: (deliveries) => writer.submit(deliveries) },
    index: { add: async () => undefined },
    earlier: {
      mayHold: () => false,
      of: async () => new Map(),
      settles: async () => 'settled',
      isNotThere: async () => undefined,
    },
    onTheirWay: { began: () => () => undefined },
    hashedNames: () => Promise.reject(new Error('No name is hashed.')),
    laneLimits: defaultLaneLimits,
    eventBytesMax: eventBytesMaxLeast,
  });
  const app = new OpenAPIHono<AppEnv>();
  eventRoutes(app, { accept, budget: new BodyBudget(), eventBytesMax: eventBytesMaxLeast });
  return await new Promise((resolve) => {
    const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
      resolve({ url: `http://127.0.0.1:${port}`, values, server }),
    );
  });
}
const operators = plainDestination('dst_o', { customerExternalId: 'operators' });

test('an outcome that is too large for the API is exported cut, and keeps none of its group back', async () => {
  const { url: apiUrl, values, server } = await smallApi();
  try {
    const { exportOutcomes } = createExportActivities({
      settings: { customerExternalId: 'operators', apiUrl, apiKey: 'none' },
      temporal: new Client(),
      taskQueue: 'none',
      logger: pino({ level: 'silent' }),
      meter: { exported: () => undefined, held: () => undefined },
    });
    const entries: OutcomeGroup['entries'] = [[idOf(2), 7]];
    const delivered: OutcomeGroup = { outcome: 'delivered', atMs: 2_000, partition: 0, broker: 'b:1', entries };
    await exportOutcomes({ ...of, groups: [parked('x'.repeat(3_000)), delivered] });
    const exported = values.map((value) => JSON.parse(value).payload);
    expect(exported.map(({ outcome, shortened }) => [outcome, shortened])).toEqual([
      ['delivered', undefined],
      ['parked', ['error.message']],
    ]);
  } finally {
    server.close();
  }
});

import { OpenAPIHono } from '@hono/zod-openapi';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { acceptor } from '../../api/accept.ts';
import type { App, AppEnv } from '../../api/appEnv.ts';
import { BodyBudget } from '../../api/eventBody.ts';
import { eventRoutes } from '../../api/events.ts';
import { LaneWriter } from '../../api/laneWriter.ts';
import { readEvent } from '../../api/readEvent.ts';
import { type Block, deliveriesOf } from '../../domain/block.ts';
import type { Destination } from '../../domain/destination.ts';
import { CausewayError } from '../../domain/error.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { plainDestination } from '../harness/plainDestination.ts';

const event = (fields: Record<string, unknown> = {}) => {
  const text = JSON.stringify({ eventType: 'order.shipped', customerExternalId: 'c', payload: { id: 7 }, ...fields });
  const read = readEvent(JSON.parse(text), text);
  if ('errors' in read) throw new Error(JSON.stringify(read.errors));
  return read.event;
};

/** The acceptor and the lane writer as they are; where Temporal stands, the test says which lanes take a signal. */
function road(
  destinations: Destination[],
  reads: () => Promise<void> = async () => undefined,
  beforeIndexed: () => Promise<void> = async () => undefined,
) {
  const stored = new Map<string, string[]>();
  const refusing = new Set<string>();
  const indexed: string[] = [];
  let beforeStored = async (): Promise<void> => undefined;
  const writer = new LaneWriter({
    waitingBytesMax: 1e6,
    sendBlock: async ({ workflowId }, block: Block) => {
      await beforeStored();
      if (refusing.has(workflowId)) throw new CausewayError('temporal_unavailable', 'It did not answer.');
      stored.set(workflowId, [...(stored.get(workflowId) ?? []), ...deliveriesOf(block).map(({ id }) => id)]);
      return { runId: 'run', bytes: 1 };
    },
  });
  const accept = acceptor({
    destinations: {
      forCustomer: async () => {
        await reads();
        return destinations;
      },
    },
    lanes: { check: () => undefined, submit: (deliveries) => writer.submit(deliveries) },
    index: {
      add: async (rows) => {
        await beforeIndexed();
        indexed.push(...rows.map(({ workflowId }) => workflowId));
      },
    },
    laneLimits: defaultLaneLimits,
    eventBytesMax: 1_000,
  });
  const whileStoring = (does: () => Promise<void>): void => {
    beforeStored = does;
  };
  return { accept, stored, refusing, indexed, whileStoring };
}

const [laneA, laneB] = ['delivery:dst_a:c', 'delivery:dst_b:c'] as const;

describe('an event for several destinations', () => {
  test('that one of them could not store is no accepted event, and the same POST again completes it', async () => {
    const { accept, stored, refusing, indexed } = road([plainDestination('dst_a'), plainDestination('dst_b')]);
    refusing.add(laneB);
    await expect(accept(event({ idempotencyKey: 'k' }))).rejects.toMatchObject({
      code: 'partly_stored',
      remedy: 'Not stored for dst_b. Send the same event again: the other destinations will not get it twice.',
    });
    expect(indexed).toEqual([laneA]); // It will be delivered there, so GET must find it.

    refusing.clear();
    const { id, deliveries } = await accept(event({ idempotencyKey: 'k' }));
    expect(deliveries.map(({ workflowId }) => workflowId)).toEqual([laneA, laneB]);
    // The lane of dst_a drops the second one by its id.
    const digest = id.slice('evt_'.length);
    expect(stored).toEqual(
      new Map([
        [laneA, [digest, digest]],
        [laneB, [digest]],
      ]),
    );
  });

  test('says what a second POST without an idempotency key would do', async () => {
    const { accept, refusing } = road([plainDestination('dst_a'), plainDestination('dst_b')]);
    refusing.add(laneA);
    await expect(accept(event())).rejects.toMatchObject({ remedy: expect.stringContaining('gives a second record') });
  });

  test('that none of them could store is refused for that reason', async () => {
    const { accept, refusing, indexed } = road([plainDestination('dst_a'), plainDestination('dst_b')]);
    for (const lane of [laneA, laneB]) refusing.add(lane);
    await expect(accept(event())).rejects.toMatchObject({ code: 'temporal_unavailable' });
    expect(indexed).toEqual([]);
  });

  test('is stored for none where the partition key of one is missing', async () => {
    const { accept, stored } = road([
      plainDestination('dst_a'),
      plainDestination('dst_b', { partitionKey: 'payload.orderId' }),
    ]);
    await expect(accept(event())).rejects.toMatchObject({
      errors: [
        {
          field: 'payload.orderId',
          problem: 'is missing',
          expected: expect.stringContaining('the partition key of destination dst_b'),
        },
      ],
    });
    expect(stored.size).toBe(0);
  });
});

test('the events of a batch keep their order, though a later read of the store may be the faster one', async () => {
  const waits = [3, 2, 1, 0];
  const reads = async (): Promise<void> => {
    for (let turns = waits.shift() ?? 0; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
  };
  const { accept, stored } = road([plainDestination('dst_a')], reads);
  const app: App = new OpenAPIHono<AppEnv>();
  eventRoutes(app, { accept, budget: new BodyBudget(), eventBytesMax: 1_000 });
  const body = JSON.stringify([1, 2, 3, 4].map((n) => ({ eventType: 'e', customerExternalId: 'c', payload: { n } })));
  const headers = { 'content-type': 'application/json' };
  const answer = await app.request('/v1/events/batch', { method: 'POST', headers, body });
  const { results } = (await answer.json()) as { results: { id: string }[] };
  expect(results).toHaveLength(4);
  expect(stored.get(laneA)).toEqual(results.map(({ id }) => id.slice('evt_'.length)));
});

describe('while the lanes of a destination are being changed', () => {
  /** As if Temporal had been slow. */
  const passes = (ms: number) => vi.spyOn(performance, 'now').mockReturnValue(performance.now() + ms);
  afterEach(() => {
    vi.restoreAllMocks();
  });
  const lanesHeldUntil = new Date(Date.now() + 60_000).toISOString();

  test('no event enters them', async () => {
    const { accept, stored } = road([plainDestination('dst_a', { lanesHeldUntil })]);
    await expect(accept(event())).rejects.toMatchObject({ code: 'lanes_changing' });
    expect(stored.size).toBe(0);
  });

  test('events that it does not want, and those after the hold has run out, are accepted', async () => {
    const over = new Date(Date.now() - 1).toISOString();
    const { accept } = road([
      plainDestination('dst_a', { lanesHeldUntil, eventTypes: ['invoice.*'] }),
      plainDestination('dst_b', { lanesHeldUntil: over }),
    ]);
    expect((await accept(event())).deliveries).toHaveLength(1);
  });

  test.each<[string, Partial<Destination>]>([
    ['held', { lanesHeldUntil }],
    ['more of them', { ordering: { lanes: 4 } }],
    ['of another key', { partitionKey: 'payload.id' }],
  ])('an event that was long on its way gets no 202, for its lane may be another now: %s', async (_, changed) => {
    const destinations = [plainDestination('dst_a')];
    const { accept, whileStoring } = road(destinations);
    whileStoring(async () => {
      passes(1_100);
      destinations[0] = plainDestination('dst_a', changed);
    });
    await expect(accept(event())).rejects.toMatchObject({ code: 'lanes_changing' });
  });

  test.each([
    ['order-7', 'it will not be there twice'],
    [undefined, 'gives a second record'],
  ])(
    'an event that was long on its way, with the store away since, is told to be stored: key %s',
    async (idempotencyKey, says) => {
      let isAway = false;
      const { accept, stored, whileStoring } = road([plainDestination('dst_a')], async () => {
        if (isAway) throw new CausewayError('store_unreachable', 'It is away.');
      });
      whileStoring(async () => {
        passes(1_100);
        isAway = true;
      });
      const refused = accept(event(idempotencyKey === undefined ? {} : { idempotencyKey }));
      await expect(refused).rejects.toMatchObject({ code: 'lanes_unknown', message: expect.stringContaining(says) });
      expect(stored.get(laneA)).toHaveLength(1);
    },
  );

  test('an event whose index row takes long is accepted without another look at the store', async () => {
    let reads = 0;
    const read = async () => {
      reads++;
    };
    const { accept } = road([plainDestination('dst_a')], read, async () => {
      passes(1_100);
    });
    expect((await accept(event())).deliveries).toHaveLength(1);
    expect(reads).toBe(1);
  });

  test('an event that was long on its way is accepted where anything else was changed', async () => {
    const destinations = [plainDestination('dst_a')];
    const { accept, whileStoring } = road(destinations);
    whileStoring(async () => {
      passes(1_100);
      destinations[0] = plainDestination('dst_a', { topic: 't2', version: 2 });
    });
    expect((await accept(event())).deliveries).toHaveLength(1);
  });
});

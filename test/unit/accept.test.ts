import { OpenAPIHono } from '@hono/zod-openapi';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { acceptor } from '../../api/accept.ts';
import type { App, AppEnv } from '../../api/appEnv.ts';
import { EarlierLanes } from '../../api/earlierLanes.ts';
import { BodyBudget } from '../../api/eventBody.ts';
import { eventRoutes } from '../../api/events.ts';
import { LaneWriter } from '../../api/laneWriter.ts';
import { OnTheirWay } from '../../api/onTheirWay.ts';
import { readEvent } from '../../api/readEvent.ts';
import { type Block, deliveriesOf } from '../../domain/block.ts';
import type { DeliveryStatus } from '../../domain/deliveryLog.ts';
import type { Destination } from '../../domain/destination.ts';
import { CausewayError } from '../../domain/error.ts';
import { eventDigest } from '../../domain/eventDigest.ts';
import { HashedNames } from '../../domain/hashedNames.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { noTrafficMeter } from '../../domain/traffic.ts';
import type { EventLane } from '../../store/eventIndex.ts';
import { plainDestination } from '../harness/plainDestination.ts';

const names = new HashedNames(Buffer.alloc(32, 1));
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
  const notThere: string[] = [];
  const earlier: { rows: EventLane[]; status: DeliveryStatus | undefined | 'silent' } = { rows: [], status: undefined };
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
  const onTheirWay = new OnTheirWay({
    forCustomer: async () => destinations,
    note: async (events) => {
      const at = new Date();
      earlier.rows.push(...events.map((one) => ({ ...one, firstAt: at, lastAt: at, isOnItsWay: true })));
    },
  });
  const accept = acceptor({
    onTheirWay,
    destinations: {
      forCustomer: async () => {
        await reads();
        return destinations;
      },
    },
    traffic: noTrafficMeter,
    lanes: { check: () => undefined, submit: (deliveries) => writer.submit(deliveries) },
    index: {
      add: async (rows) => {
        await beforeIndexed();
        indexed.push(...rows.map(({ workflowId }) => workflowId));
      },
    },
    earlier: new EarlierLanes({
      lanesOf: async (digests) => earlier.rows.filter(({ eventId }) => digests.includes(eventId)),
      statusIn: async () => {
        if (earlier.status === 'silent') throw new CausewayError('temporal_unavailable', 'It did not answer.');
        return earlier.status;
      },
      isNotThere: async (digest, workflowId) => {
        notThere.push(`${digest} ${workflowId}`);
      },
      dedupWindowMs: 60_000,
      askedEveryMs: 1,
    }),
    hashedNames: async () => names,
    laneLimits: defaultLaneLimits,
    eventBytesMax: 1_000,
  });
  const whileStoring = (does: () => Promise<void>): void => {
    beforeStored = does;
  };
  return { accept, stored, refusing, indexed, whileStoring, earlier, onTheirWay, notThere };
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

describe('an event that is sent again after the lanes of a destination were changed', () => {
  const minute = 60_000;
  const ago = (ms: number) => new Date(Date.now() - ms);
  const changed = plainDestination('dst_a', { lanesChangedAt: ago(minute / 2).toISOString(), ordering: { lanes: 4 } });
  const digest = eventDigest('c', 'k');
  const inLane = (workflowId: string, at: Date): EventLane => ({
    eventId: digest,
    workflowId,
    firstAt: at,
    lastAt: at,
    isOnItsWay: false,
  });
  const otherwise = plainDestination('dst_b');

  test.each<[string, Destination['onDeadLetter'], DeliveryStatus]>([
    ['delivered', 'block', 'delivered'],
    ['discarded', 'block', 'discarded'],
    ['parked, and its destination goes on', 'continue', 'parked'],
  ])('and that the lane of before has, is accepted there and enters no other: %s', async (_, onDeadLetter, status) => {
    const { accept, stored, indexed, earlier } = road([{ ...changed, onDeadLetter }, otherwise]);
    earlier.rows = [inLane(laneA, ago(minute / 4))];
    earlier.status = status;
    const { deliveries } = await accept(event({ idempotencyKey: 'k' }));
    expect(deliveries.map(({ workflowId }) => workflowId)).toEqual([laneA, laneB]);
    expect([...stored.keys(), ...indexed]).toEqual([laneB, laneB]);
  });

  test.each<[string, Destination['onDeadLetter'], DeliveryStatus | undefined]>([
    ['it waits', 'continue', 'queued'],
    ['it is parked, and its key waits', 'block', 'parked'],
    ['that is not known', 'continue', undefined],
  ])('is refused while what comes after it could overtake it: %s', async (_, onDeadLetter, status) => {
    const { accept, stored, earlier } = road([{ ...changed, onDeadLetter }]);
    earlier.rows = [inLane(laneA, ago(minute / 4))];
    earlier.status = status;
    await expect(accept(event({ idempotencyKey: 'k' }))).rejects.toMatchObject({ code: 'lanes_changing' });
    expect(stored.size).toBe(0);
  });

  test('is not asked for in a lane that was empty when the lanes were changed', async () => {
    const { accept, stored, earlier } = road([
      { ...changed, lanesChangedAt: ago(0).toISOString() },
      plainDestination('dst_c', { lanesChangedAt: ago(0).toISOString() }),
    ]);
    earlier.rows = [{ ...inLane(laneA, ago(3 * minute)), lastAt: ago(minute / 2) }];
    expect((await accept(event({ idempotencyKey: 'k' }))).deliveries[0]?.workflowId).toBe(laneA);
    expect([...stored.keys()]).toEqual(['delivery:dst_c:c']);
  });

  test.each<[string, EventLane[], string | undefined]>([
    [
      'the lane that it goes to has it',
      [laneA, ...['0', '1', '2', '3'].map((lane) => `delivery:dst_a:${lane}`)].map((lane) => inLane(lane, ago(1))),
      undefined,
    ],
    ['the lane of before has forgotten it', [inLane(laneA, ago(2 * minute))], undefined],
    ['the change is too long ago', [inLane(laneA, ago(1))], ago(4 * minute).toISOString()],
  ])('enters its lane where %s', async (_, rows, lanesChangedAt) => {
    const { accept, stored, earlier } = road([{ ...changed, ...(lanesChangedAt && { lanesChangedAt }) }]);
    earlier.rows = rows;
    earlier.status = 'delivered';
    const { deliveries } = await accept(event({ idempotencyKey: 'k' }));
    expect([...stored.keys()]).toEqual(deliveries.map(({ workflowId }) => workflowId));
    expect(deliveries[0]?.workflowId).not.toBe(laneA);
  });

  const toldLanes = ['0', '1', '2', '3'].map((lane) => `delivery:dst_a:${lane}`);

  test.each<[string, number, number, boolean]>([
    ['where the lane that it goes to has forgotten it', 2 * minute, minute / 2, false],
    ['where the lane that it goes to will forget it first', minute / 2, minute / 4, false],
    ['but not where the lane that it goes to had it last', minute / 4, minute / 2, true],
  ])('and that a lane in between has, enters no other, %s', async (_, hereAgo, betweenAgo, isStored) => {
    const { accept, stored, earlier } = road([changed]);
    earlier.rows = [...toldLanes.map((lane) => inLane(lane, ago(hereAgo))), inLane(laneA, ago(betweenAgo))];
    earlier.status = 'delivered';
    const { deliveries } = await accept(event({ idempotencyKey: 'k' }));
    expect([deliveries[0]?.workflowId === laneA, stored.size > 0]).toEqual([!isStored, isStored]);
  });

  test('while the first sending is on its way to the lane of before, is refused until that is there, and then is that one', async () => {
    const destinations = [plainDestination('dst_a')];
    const { accept, stored, whileStoring, earlier, onTheirWay, notThere } = road(destinations);
    let arrives = (): void => undefined;
    whileStoring(() => new Promise((resolve) => (arrives = resolve)));
    const first = accept(event({ idempotencyKey: 'k' }));
    await vi.waitFor(() => expect(arrives).not.toBe(undefined));
    await onTheirWay.look();
    expect(earlier.rows).toEqual([]); // Nothing changes yet.
    destinations[0] = plainDestination('dst_a', { lanesHeldUntil: new Date(Date.now() + minute).toISOString() });
    for (let looks = 0; looks < 3; looks++) await onTheirWay.look();
    expect(earlier.rows).toMatchObject([{ eventId: digest, workflowId: laneA, isOnItsWay: true }]);
    destinations[0] = changed;
    const again = () => accept(event({ idempotencyKey: 'k' }));
    await expect(again()).rejects.toMatchObject({
      code: 'lanes_changing',
      message: expect.stringMatching(/may be on its way into the lane that its key had then.*will not be there twice/),
    });
    expect(notThere).toEqual([`${digest} ${laneA}`]); // Said each time: only a note that is old goes by it.
    earlier.status = 'silent';
    await expect(again()).rejects.toMatchObject({ code: 'lanes_changing' });
    expect(notThere).toHaveLength(1); // Who was not told that the event is not there keeps what is known of it.

    arrives();
    const receipt = await first;
    earlier.rows.push(inLane(laneA, ago(0)));
    earlier.status = 'delivered';
    expect(await again()).toEqual(receipt);
    expect(stored).toEqual(new Map([[laneA, [digest]]]));
  });

  test('does not change the order of a batch', async () => {
    const { accept, stored, earlier } = road([changed, otherwise]);
    earlier.rows = [inLane(laneA, ago(minute / 4))];
    earlier.status = 'delivered';
    const read = new Map();
    const keys = ['1', 'k', '2', undefined, '3'];
    const receipts = await Promise.all(
      keys.map((key) => accept(event(key === undefined ? {} : { idempotencyKey: key }), undefined, read)),
    );
    const ids = receipts.map(({ id }) => id.slice('evt_'.length));
    expect(stored.get(laneB)).toEqual(ids);
    expect([...stored].find(([lane]) => lane.startsWith('delivery:dst_a:'))?.[1]).toEqual(
      ids.filter((id) => id !== digest),
    );
  });
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

  test('an event that was long on its way gets its 202 where it is settled in the lane that it entered', async () => {
    const destinations = [plainDestination('dst_a')];
    const { accept, whileStoring, earlier } = road(destinations);
    whileStoring(async () => {
      passes(1_100);
      destinations[0] = plainDestination('dst_a', { ordering: { lanes: 4 } });
    });
    earlier.status = 'delivered';
    expect((await accept(event())).deliveries).toEqual([{ destinationId: 'dst_a', workflowId: laneA }]);
  });

  test.each([
    ['order-7', 'it will not be there twice'],
    [undefined, 'gives a second record'],
  ])(
    'an event that was long on its way, and waits in a lane of before, is told to be stored: key %s',
    async (idempotencyKey, says) => {
      const destinations = [plainDestination('dst_a')];
      const { accept, whileStoring, earlier } = road(destinations);
      whileStoring(async () => {
        passes(1_100);
        destinations[0] = plainDestination('dst_a', { ordering: { lanes: 4 } });
      });
      earlier.status = 'queued';
      const refused = accept(event(idempotencyKey === undefined ? {} : { idempotencyKey }));
      await expect(refused).rejects.toMatchObject({ code: 'lanes_changing', message: expect.stringContaining(says) });
    },
  );

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

test("where a destination hashes names, neither its lane's nor its customer's is in an id, and the lane is told both", async () => {
  const { accept, stored } = road([
    plainDestination('dst_a', { hashesKeys: true }),
    plainDestination('dst_b', { hashesKeys: true }),
    plainDestination('dst_n', { hashesKeys: true, ordering: { lanes: 1 } }),
    plainDestination('dst_c'),
  ]);
  const { deliveries } = await accept(event());
  const lanes = deliveries.map(({ workflowId }) => workflowId.replace(/^delivery:/, ''));
  expect(lanes).toEqual([
    expect.stringMatching(/^dst_a:hmac-[\w-]{22}$/),
    expect.stringMatching(/^dst_b:hmac-[\w-]{22}$/),
    'dst_n:h0',
    'dst_c:c',
  ]);
  expect(new Set(lanes.slice(0, 2).map((lane) => lane.split(':')[1])).size).toBe(2);
  expect([...stored.keys()]).toEqual(deliveries.map(({ workflowId }) => workflowId));
});

import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Block, blockOf, deliveriesOf } from '../../domain/block.ts';
import {
  bodiesOf,
  holdersKept,
  lettersSettled,
  lettersToSend,
  lettersToStore,
  numberTaken,
  plannedLetters,
  stored,
  toReadBodies,
} from '../../domain/bodies.ts';
import { carried } from '../../domain/carriedLane.ts';
import { dataConverter } from '../../domain/dataConverter.ts';
import { type DeadLetter, deadLetterBytes, deadLetterBytesMax, isToStore } from '../../domain/deadLetters.ts';
import { deliveryLogOf, type LaneRecord } from '../../domain/deliveryLog.ts';
import { heldInRun } from '../../domain/heldInRun.ts';
import { discarded, replayed } from '../../domain/interventions.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { heldFor } from '../../domain/laneHold.ts';
import { parkedEventsOf } from '../../domain/laneMessages.ts';
import {
  canSend,
  carriedBytes,
  carriedBytesMax,
  enqueued,
  heldBy,
  type LaneState,
  newLaneState,
  planned,
  settled,
} from '../../domain/laneState.ts';
import { payloadConverter } from '../../domain/payloadConverter.ts';
import { everything, fault, idOf, produced, renewed } from '../harness/laneSteps.ts';

const newLane = () => newLaneState(defaultLaneLimits);
const events = (ids: readonly string[], valueBytes: number): Block =>
  blockOf(
    ids.map((id) => ({ id, key: `order-${id.slice(-4)}`, value: new Uint8Array(valueBytes).fill(0x31) })),
    1,
    0,
  );
const one = (n: number) => ({ ...everything, digests: new Set([idOf(n)]) });

/** The lane once these were refused, or as many of them as it has room for. */
const parking = (state: LaneState, block: Block): LaneState => refused(enqueued(state, block, 1));
function refused(state: LaneState): LaneState {
  const { sending, ...rest } = planned(state);
  if (!sending) throw new Error('nothing planned');
  return settled({ ...rest, sending }, produced(sending, () => true, false, 'continue').outcome, 1_000);
}
/** The lane once all is stored that is to be, and what each holder has. */
function storing(state: LaneState, holders = new Map<number, Block>()): LaneState {
  while (isToStore(state)) {
    const letters = lettersToStore(state);
    const { nextNumber: number } = state.overflow;
    holders.set(number, blockOf(bodiesOf(letters).flatMap(deliveriesOf), 1, 0));
    state = { ...state, overflow: { ...state.overflow, name: 'name' } };
    state = stored(state, letters, { number, runId: crypto.randomUUID() });
  }
  return state;
}
const placesOf = ({ deadLetters }: LaneState): (number | 'own')[] =>
  deadLetters.map(({ delivery }) => ('body' in delivery ? delivery.body.holder : 'own'));

describe('the bounds of what a lane keeps of dead letters whose bodies lie elsewhere', () => {
  /** Parks events of this size until the lane is full. */
  const full = (valueBytes: number): LaneState => {
    let state = storing(newLane());
    while (heldBy(state)?.reason !== 'deadLettersFull') {
      const ids = Array.from({ length: Math.min(50, Math.ceil(400_000 / valueBytes)) }, () =>
        randomBytes(16).toString('base64url'),
      );
      state = storing(parking(state, events(ids, valueBytes)));
      while (canSend(state)) state = storing(refused(state));
    }
    return state;
  };

  test.each([100, 600, 20_000])(
    'thousands are kept, of whatever size (%d bytes), before it holds; then it can be carried, and read',
    async (valueBytes) => {
      const state = full(valueBytes);
      expect(state.deadLetters.length).toBeGreaterThan(3_000);
      expect(state.holders.length).toBeLessThan(400);
      const room = carriedBytesMax - (carriedBytes(state) - state.seen.carriedBytes);
      expect(room).toBeGreaterThan(1_000_000); // For the queue and the ids.
      const [head, ...blocks] = carried(state, 1_700_000_000_000);
      const bytes = [head, ...blocks].reduce(
        (sum, part) => sum + (payloadConverter.toPayload(part).data?.length ?? 0),
        0,
      );
      expect(bytes).toBeLessThanOrEqual(carriedBytes(state));
      expect(bytes).toBeGreaterThan(300_000);
      expect(renewed(state).deadLetters).toEqual(state.deadLetters);
      // The query's answer, as it goes over the wire.
      const answer = payloadConverter.toPayload(parkedEventsOf(state, (n) => `overflow:dst_x:0:abcdefgh:${n}`));
      const [sent] = (await dataConverter.payloadCodecs?.[0]?.encode([answer])) ?? [];
      expect(sent?.data?.length).toBeLessThan(1_000_000);
    },
  );

  test('large ones need a few hundred bytes each', () => {
    let state = newLane();
    for (let n = 0; n < 300; n++) state = storing(parking(state, events([idOf(n)], 256 * 1024)));
    expect(state.deadLetters).toHaveLength(300);
    expect(heldBy(state)).toBeUndefined();
    expect(deadLetterBytes(state)).toBeLessThan(deadLetterBytesMax);
    expect(carriedBytes(state)).toBeLessThan(carriedBytesMax);
  });
});

describe('dead letters whose bodies lie elsewhere', () => {
  const holders = new Map<number, Block>();
  const three = storing(parking(newLane(), events([0, 1, 2].map(idOf), 150_000)), holders);
  const mixed = parking(three, events([3, 4].map(idOf), 50_000));
  const read = (state: LaneState, letters: readonly DeadLetter[]): Block => {
    const { letters: asked, holderId } = toReadBodies(state, letters, String);
    const bodies = deliveriesOf(holders.get(Number(holderId)) ?? events([], 1));
    return blockOf(
      asked.flatMap(({ at }) => bodies[at] ?? []),
      1,
      0,
    );
  };
  const namesOf = (letters: readonly DeadLetter[]): number[] => letters.map(({ delivery }) => Number(delivery.id));

  test('go in batches of one holder, or of what the lane itself has, before the queue, in order', () => {
    expect(placesOf(mixed)).toEqual([0, 0, 0, 'own', 'own']);
    let state = replayed(enqueued(mixed, events([idOf(9)], 10), 1), everything);
    const batches: number[][] = [];
    while (canSend(state)) {
      const letters = lettersToSend(state);
      const isHeld = letters.some(({ delivery }) => 'body' in delivery);
      state =
        letters.length > 0 ? plannedLetters(state, letters, isHeld ? read(state, letters) : undefined) : planned(state);
      batches.push(state.sending?.entries.map(({ id }) => Number(id)) ?? []);
      if (state.sending) state = settled(state, produced(state.sending, () => false, false, 'continue').outcome, 1);
    }
    expect(batches).toEqual([[0, 1, 2], [3, 4], [9]]);
    expect(state).toMatchObject({ deadLetters: [], released: [], holders: [], overflow: { taken: [0] } });
  });

  test('are released as one, so that what a person replays later comes first, as ever; in the next run too', () => {
    const some = replayed({ ...mixed, paused: {} }, one(1));
    const more = renewed(replayed(some, one(3)));
    expect(namesOf(more.released)).toEqual([3, 1]);
    expect(namesOf(more.deadLetters)).toEqual([0, 2, 4]);
    const { id } = more.released[1]?.delivery ?? { id: '' };
    expect(replayed(more, one(1))).toBe(more); // It is none any more.
    expect(discarded(more, { ...everything, digests: new Set([id]) }).released).toEqual(more.released);
  });

  test('go back where they were if the batch is not settled, and keep their place where they are refused again', () => {
    let state = replayed(three, everything);
    const letters = lettersToSend(state);
    state = plannedLetters(state, letters, read(state, letters));
    const stopped = settled(
      state,
      { ...produced(state.sending ?? events([], 1), () => false, true, 'continue').outcome },
      1,
    );
    expect(namesOf(stopped.released)).toEqual([1, 2]);
    expect(stopped.hold?.kind).toBe('suspended');
    expect(stopped.queue).toEqual([]);
    const refused = settled(state, produced(state.sending ?? events([], 1), () => true, false, 'continue').outcome, 7);
    expect(placesOf(refused)).toEqual([0, 0, 0]);
    expect(refused.deadLetters.map(({ parkedAtMs }) => parkedAtMs)).toEqual([7, 7, 7]);
  });

  test('need no bodies where they were settled before a reset: the others are read, and a holder that none needs is closed', () => {
    const state = { ...replayed(three, everything), resetRunId: 'run' };
    const letters = lettersToSend(state);
    expect(toReadBodies(state, letters, String)).toMatchObject({ resetRunId: 'run' });
    const { released, counts, ...left } = lettersSettled(state, letters, { delivered: [0], discarded: [2] });
    expect(namesOf(released)).toEqual([1]);
    expect([counts.delivered, counts.discarded]).toEqual([state.counts.delivered + 1, state.counts.discarded + 1]);
    expect(left.holders).toEqual(state.holders);
    const none = lettersSettled(state, letters, { delivered: [0, 1, 2], discarded: [] });
    expect([none.released, none.holders, none.overflow.taken]).toEqual([
      [],
      [],
      state.holders.map(({ number }) => number),
    ]);
  });

  test('can be sent though the lane is full of them, and not while it holds', () => {
    const errors = Array.from({ length: 3_000 }, (_, n) => ({ ...fault, message: `${n} ${'x'.repeat(200)}` }));
    const [letter] = three.deadLetters;
    const deadLetters = errors.flatMap((error) => (letter ? [{ ...letter, error }] : []));
    const state = enqueued({ ...three, deadLetters: [...three.deadLetters, ...deadLetters] }, events([idOf(9)], 10), 1);
    expect(heldBy(state)?.reason).toBe('deadLettersFull');
    expect(canSend(replayed(state, everything))).toBe(true);
    const hold = heldFor('suspended', fault, { resumed: undefined, nowMs: 1 });
    expect(canSend({ ...replayed(state, everything), hold })).toBe(false);
  });

  test('are told by what a run was started with, and code that knows nothing of holders does not go on without them', () => {
    const [head, ...blocks] = carried(replayed({ ...mixed, paused: {} }, one(1)), 1);
    expect(head.deadLetters).toBeUndefined(); // It reads them, and fails its task.
    expect(heldInRun(idOf(0), head, blocks)).toEqual({ as: 'parked', parkedAtMs: 1_000, error: fault });
    expect(heldInRun(idOf(4), head, blocks)).toEqual({ as: 'parked', parkedAtMs: 1_000, error: fault });
    expect(heldInRun(idOf(1), head, blocks)).toEqual({ as: 'queued' });
    expect(heldInRun(idOf(8), head, blocks)).toEqual({ as: 'none' });
    expect(carried(parking(newLane(), events([idOf(0)], 10)), 1)[0]).toMatchObject({
      deadLetters: [{ parkedAtMs: 1_000 }],
    });
  });

  test('are parked in the log, too, where their bodies were lost', () => {
    const block = events([idOf(0)], 1);
    const records: LaneRecord[] = [
      { kind: 'scheduled', batch: 'a', activity: 'a', atMs: 1, block },
      { kind: 'completed', batch: 'a', atMs: 2, outcome: produced(block, () => true, false, 'continue').outcome },
      { kind: 'replay', atMs: 3, selected: everything },
    ];
    const lost = { ...fault, name: 'SEGMENT_MISSING' };
    expect(deliveryLogOf(idOf(0), records).status).toBe('queued');
    const down = { attempts: [], landed: [], refused: [], waiting: fault };
    const held: LaneRecord[] = [
      ...records,
      { kind: 'scheduled', batch: 'b', activity: 'b', atMs: 4, block },
      { kind: 'completed', batch: 'b', atMs: 5, outcome: down },
      { kind: 'unread', atMs: 6, letters: [{ id: idOf(0), at: 0 }], error: lost },
    ];
    expect(deliveryLogOf(idOf(0), held)).toMatchObject({ status: 'parked', error: { name: 'SEGMENT_MISSING' } });
    const log = deliveryLogOf(idOf(0), [
      ...records,
      { kind: 'unread', atMs: 4, letters: [{ id: idOf(0), at: 0 }], error: lost },
    ]);
    expect(log).toMatchObject({ status: 'parked', error: { name: 'SEGMENT_MISSING' } });
    expect(
      deliveryLogOf(idOf(0), [...records, { kind: 'unread', atMs: 4, letters: [{ id: idOf(1), at: 0 }], error: lost }])
        .status,
    ).toBe('queued');
  });

  test('are read from the run of their holder that a reset lane opened again; one that is needed no more by then is closed', () => {
    const opened = [{ number: 0, runId: 'opened again' }];
    const kept = replayed(holdersKept(three, opened), everything);
    expect(toReadBodies(kept, lettersToSend(kept), String)).toMatchObject({ holderId: '0', runId: 'opened again' });
    const { holders: none, overflow } = holdersKept(discarded(three, everything), opened);
    expect([none, overflow.taken]).toEqual([[], [0]]);
    const closed = { ...newLane(), overflow: { ...newLane().overflow, name: 'name', nextNumber: 1 } };
    expect(holdersKept(closed, opened).overflow.taken).toEqual([0]);
  });

  test('pass over what a reset left open in a few steps, and all of it is closed', () => {
    const open = new Set(Array.from({ length: 2_500 }, (_, n) => n).filter((n) => n % 7 !== 3)); // Some were let go before.
    let state = newLane();
    let met = 0;
    for (let holder = 0; holder < 20; holder++) {
      while (open.has(state.overflow.nextNumber)) state = numberTaken(state, state.overflow.nextNumber, met++);
      const { nextNumber } = state.overflow;
      state = { ...state, overflow: { ...state.overflow, nextNumber: nextNumber + 1 } };
    }
    expect(met).toBeLessThan(14);
    const closed = new Set(state.overflow.taken);
    expect(closed.size).toBe(state.overflow.taken.length);
    expect([...open].filter((n) => n < state.overflow.nextNumber && !closed.has(n))).toEqual([]);
  });
});

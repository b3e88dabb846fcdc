import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../domain/attempt.ts';
import { type Block, blockOf, type Delivery, deliveriesOf } from '../../domain/block.ts';
import { carried } from '../../domain/carriedLane.ts';
import { deliveredIn } from '../../domain/deliveredIn.ts';
import { deliveryLogOf, type LaneRecord } from '../../domain/deliveryLog.ts';
import { replayed } from '../../domain/interventions.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { type ResendNote, resendNoteFrom } from '../../domain/laneSignals.ts';
import {
  carriedBytes,
  enqueued,
  isOver,
  type LaneState,
  newLaneState,
  planned,
  resent,
  settled,
} from '../../domain/laneState.ts';
import { payloadConverter } from '../../domain/payloadConverter.ts';
import { blockPayloadBytes } from '../../domain/payloadSize.ts';
import { isTaken, type ResentPart, resentKeptMs, resentMax, withPart } from '../../domain/resent.ts';
import { discardedBefore, landedBefore, noteSettled, nothingSettled } from '../../domain/settledBefore.ts';
import { everything, fault, idOf, renewed } from '../harness/laneSteps.ts';

const deliveryOf = (n: number): Delivery => ({ id: idOf(n), key: 'k', value: Buffer.from(`{"n":${n}}`) });
const block = (...numbers: number[]): Block => blockOf(numbers.map(deliveryOf), 1, 0);
const note = (round: number, part: number, replay = 'rpl_a'): ResendNote => ({ replay, round, part });
const waitingIn = ({ queue }: LaneState): number[] =>
  queue.flatMap(({ entries }) => entries.map(({ id }) => Number(id)));
const landed = (...positions: number[]): Outcome['landed'][number] => ({
  ...{ partition: 3, broker: 'b:1', attempt: 1, positions, offsets: positions.map((n) => 10 + n) },
});
const outcome = (more: Partial<Outcome>): Outcome => ({
  ...{ onDeadLetter: 'continue', attempts: [], landed: [], refused: [], ...more },
});

describe('a lane to which events are sent once more', () => {
  const fresh = newLaneState(defaultLaneLimits);
  /** Two events were delivered, and a third waits. */
  function lane(): LaneState {
    const sent = planned(enqueued(fresh, block(1, 2), 0));
    return enqueued(settled(sent, outcome({ landed: [landed(0, 1)] }), 0), block(3), 0);
  }

  test('takes them though it has seen them, behind what was accepted before and in front of what comes later', () => {
    const state = enqueued(resent(lane(), block(1, 2), note(0, 0), 5), block(4, 1), 6);
    expect(waitingIn(state)).toEqual([3, 1, 2, 4]);
    expect(state.counts).toMatchObject({ accepted: 4, repeated: 1, delivered: 2, resent: 2 });
  });

  test('takes each part once, over any number of runs of its own, whatever comes twice or late', () => {
    const part = fc.record({ round: fc.nat(3), part: fc.nat(3), renew: fc.boolean() });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
        let state = fresh;
        const expected: number[] = [];
        let last = -1;
        for (const { round, part: at, renew } of parts) {
          const name = round * 10 + at;
          if (name > last) expected.push(name);
          last = Math.max(last, name);
          state = resent(state, block(name), note(round, at), 5);
          if (renew) state = renewed(state);
        }
        expect(waitingIn(state)).toEqual(expected);
      }),
    );
  });

  test('keeps two replays of the same events apart', () => {
    const once = resent(resent(fresh, block(1), note(0, 0), 5), block(1), note(0, 0, 'rpl_b'), 5);
    const again = resent(resent(once, block(1), note(0, 0), 5), block(1), note(0, 0, 'rpl_b'), 5);
    expect(waitingIn(again)).toEqual([1, 1]);
    expect(again.queue.flatMap(({ entries }) => entries.map(({ again: by }) => by))).toEqual(['rpl_a', 'rpl_b']);
  });

  test('stays open for as long as a replay may be continued, and no longer', () => {
    const sent = planned(resent(fresh, block(1), note(0, 0), 5));
    const state = settled(sent, outcome({ landed: [landed(0)] }), 5);
    expect(isOver(state, 4 + resentKeptMs)).toBe(false);
    expect(isOver(state, 5 + resentKeptMs)).toBe(true);
  });

  test('carries what it remembers within what it says that it carries', () => {
    let known: ResentPart[] = [];
    for (let n = 0; n < resentMax + 50; n++) {
      known = withPart(known, { replay: `rpl_${String(n).padStart(36, 'x')}`, round: 1e9, part: 1e6 }, Date.now());
    }
    expect(known.length).toBe(resentMax);
    const state = { ...fresh, resent: known };
    const [head] = carried(state, 0);
    expect(JSON.stringify(head).length).toBeLessThan(carriedBytes(state));
  });

  test('parks one that is refused as its own dead letter, and a replay of that is still the same delivery', () => {
    const sent = planned(resent(fresh, block(1), note(0, 0), 5));
    const parked = settled(sent, outcome({ refused: [{ position: 0, attempt: 1, error: fault }] }), 5);
    expect(renewed(parked).deadLetters).toMatchObject([{ delivery: { id: idOf(1), again: 'rpl_a' } }]);
    expect(replayed(parked, everything).queue).toMatchObject([{ entries: [{ id: idOf(1), again: 'rpl_a' }] }]);
  });
});

test('a part is taken if it comes after the last one of its replay', () => {
  const known = withPart([], note(2, 5), 0);
  const places: [round: number, part: number][] = [
    [1, 9],
    [2, 4],
    [2, 5],
    [2, 6],
    [3, 0],
  ];
  expect(places.map(([round, part]) => isTaken(known, note(round, part)))).toEqual([true, true, true, false, false]);
  expect(isTaken(known, note(0, 0, 'rpl_b'))).toBe(false);
});

test('a note that is malformed is none', () => {
  const good = { replay: 'rpl_a', round: 0, part: 1, reason: 'lost', by: 'ada' };
  expect(resendNoteFrom(good)).toEqual(good);
  const bad = [undefined, 'x', [], {}, { ...good, replay: 'a b' }, { ...good, replay: 'x'.repeat(41) }];
  for (const one of [...bad, { ...good, round: -1 }, { ...good, part: 0.5 }, { ...good, part: '1' }]) {
    expect(resendNoteFrom(one)).toBeUndefined();
  }
});

test('a block tells through a payload which replay sends its events once more, and counts that among its bytes', () => {
  const marked = resent(newLaneState(defaultLaneLimits), block(1, 2), note(0, 0), 5).queue[0] ?? block();
  const payload = payloadConverter.toPayload(marked);
  const read: Block = payloadConverter.fromPayload(payload);
  expect(deliveriesOf(read).map(({ id, again }) => [Number(id), again])).toEqual([
    [1, 'rpl_a'],
    [2, 'rpl_a'],
  ]);
  expect(payload?.data?.length).toBeLessThan(blockPayloadBytes(marked));
});

const scheduled = (batch: string, of: Block): LaneRecord => ({
  kind: 'scheduled',
  batch,
  activity: batch,
  atMs: 0,
  block: of,
});
const completed = (batch: string, atMs: number, more: Partial<Outcome>): LaneRecord => ({
  ...{ kind: 'completed', batch, atMs, outcome: outcome(more) },
});
const again = (...numbers: number[]): Block =>
  blockOf(
    numbers.map((n) => ({ ...deliveryOf(n), again: 'rpl_a' })),
    1,
    0,
  );

describe('what a run has delivered', () => {
  const numbersOf = (records: LaneRecord[], untilMs = 100): number[] =>
    deliveredIn(records, untilMs).map(({ id }) => Number(id));

  test('is what landed, with its key, value and time, in the order of its deliveries', () => {
    const records = [
      scheduled('a', block(1, 2, 3)),
      completed('a', 10, { landed: [landed(2), landed(0)], refused: [{ position: 1, attempt: 1, error: fault }] }),
      scheduled('b', block(2)),
      completed('b', 20, { landed: [landed(0)] }),
    ];
    expect(numbersOf(records)).toEqual([1, 3, 2]);
    const [first] = deliveredIn(records, 100);
    expect({ ...first, value: Buffer.from(first?.value ?? []).toString() }).toEqual({
      ...{ id: idOf(1), key: 'k', value: '{"n":1}', acceptedAtMs: 1 },
    });
  });

  test('is the same however far the run has gone on since', () => {
    const records = [scheduled('a', block(1)), completed('a', 10, { landed: [landed(0)] })];
    const later = [...records, scheduled('b', block(2)), completed('b', 11, { landed: [landed(0)] })];
    expect([numbersOf(records, 10), numbersOf(later, 10), numbersOf(later, 11)]).toEqual([[1], [1], [1, 2]]);
  });

  test('has neither what another replay sent, nor what was only found to be there after a reset, nor what is under way', () => {
    const records = [
      scheduled('a', again(1)),
      completed('a', 10, { landed: [landed(0)] }),
      scheduled('b', block(2, 3)),
      completed('b', 20, { landed: [{ ...landed(0), attempt: 0 }, landed(1)] }),
      scheduled('c', block(4)),
    ];
    expect(numbersOf(records)).toEqual([3]);
  });
});

describe('the log of an event that was sent once more', () => {
  const sentAgain: LaneRecord = {
    ...{ kind: 'resent', atMs: 30, block: block(1), note: { ...note(0, 0), reason: 'lost', by: 'ada' } },
  };
  const attempts = [{ number: 1, startedAtMs: 1, durationMs: 1, outcome: 'delivered' as const, brokers: ['b:1'] }];
  const first = [scheduled('a', block(1)), completed('a', 10, { attempts, landed: [landed(0)] })];

  test('names the replay, its reason and who asked, once, and holds both attempts', () => {
    const second = [scheduled('b', again(1)), completed('b', 40, { attempts, landed: [landed(0)] })];
    const log = deliveryLogOf(idOf(1), [...first, sentAgain, sentAgain, ...second, sentAgain]);
    expect(log).toMatchObject({
      status: 'delivered',
      interventions: [{ kind: 'replay', atMs: 30, reason: 'lost', by: 'ada', replayId: 'rpl_a' }],
    });
    expect([log.interventions.length, log.attempts.length]).toEqual([1, 2]);
  });

  test('says that it waits until it was sent, and nothing of other events of the part', () => {
    expect(deliveryLogOf(idOf(1), [...first, sentAgain]).status).toBe('queued');
    expect(deliveryLogOf(idOf(2), [sentAgain]).interventions).toEqual([]);
  });
});

test('a lane that was reset leaves out what a replay sent before, and that alone', () => {
  const known = nothingSettled();
  noteSettled(known, [
    ...[scheduled('a', block(1, 2)), completed('a', 10, { landed: [landed(0, 1)] })],
    ...[scheduled('b', again(1)), completed('b', 20, { landed: [landed(0)] })],
    ...[scheduled('c', again(3)), completed('c', 30, { refused: [{ position: 0, attempt: 1, error: fault }] })],
    { kind: 'discard', atMs: 40, selected: everything },
  ]);
  const positions = (of: Block): number[] => landedBefore(of.entries, known).flatMap((one) => one.positions);
  expect([positions(block(1, 2)), positions(again(1, 2, 3))]).toEqual([[0, 1], [0]]);
  expect([discardedBefore(block(3).entries, known), discardedBefore(again(3).entries, known)]).toEqual([[], [0]]);
});

import { describe, expect, test } from 'vitest';
import { blockOf, deliveriesOf } from '../../domain/block.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { enqueued, type LaneState, newLaneState } from '../../domain/laneState.ts';
import { gathered } from '../../domain/strays.ts';
import { idOf } from '../harness/laneSteps.ts';

const blockAt = (acceptedAtMs: number, ...ns: number[]) =>
  blockOf(
    ns.map((n) => ({ id: idOf(n), key: 'k', value: Buffer.from(String(n)) })),
    acceptedAtMs,
    0,
  );
const waiting = (...blocks: ReturnType<typeof blockAt>[]): LaneState =>
  blocks.reduce((state, block) => enqueued(state, block, 1_000), newLaneState(defaultLaneLimits));
const numbersIn = (blocks: LaneState['queue']): number[] =>
  blocks.flatMap(({ entries }) => entries.map(({ id }) => Number(id)));

describe('what strayed over resets', () => {
  test('comes where it was accepted, before what came later, and only what the lane has not seen', () => {
    const state = waiting(blockAt(10, 1, 2), blockAt(30, 5));
    const first = gathered(state, { block: blockAt(20, 2, 3) }, 1_000);
    const all = gathered(first, { block: blockAt(20, 4) }, 1_000);
    expect(numbersIn(all.queue)).toEqual([1, 2, 3, 4, 5]);
    expect(all.counts.accepted).toBe(5);
    expect(gathered(all, { block: blockAt(20, 3, 4) }, 1_000)).toBe(all);
  });

  test('goes to the tail of a lane with segments, whose events are older or in no better place', () => {
    const state = waiting(blockAt(10, 1));
    const segments = [{ from: 0, count: 1 }];
    const overflowing = { ...state, overflow: { ...state.overflow, segments, tail: [blockAt(30, 3)] } };
    const { queue, overflow } = gathered(overflowing, { block: blockAt(20, 2) }, 1_000);
    expect([numbersIn(queue), numbersIn(overflow.tail)]).toEqual([[1], [2, 3]]);
  });

  test('is taken once where it is a part of a replay', () => {
    const note = { replay: 'rpl_a', round: 0, part: 0, reason: undefined, by: 'ada' };
    const state = gathered(waiting(blockAt(10, 1)), { block: blockAt(5, 1), note }, 1_000);
    expect(numbersIn(state.queue)).toEqual([1, 1]);
    expect(gathered(state, { block: blockAt(5, 1), note }, 1_000)).toBe(state);
  });

  test('comes where Temporal had it, whatever the clocks of those who accepted it say', () => {
    const state = waiting(blockAt(25, 2), blockAt(5, 5));
    const first = gathered(state, { block: blockAt(20, 3), after: [idOf(2)], before: idOf(5) }, 1_000);
    const all = gathered(first, { block: blockAt(10, 4), after: [idOf(2), idOf(3)], before: idOf(5) }, 1_000);
    expect(numbersIn(all.queue)).toEqual([2, 3, 4, 5]);
    const again = gathered(all, { block: blockAt(1, 6), after: [idOf(9)], before: idOf(2) }, 1_000);
    expect(numbersIn(again.queue)).toEqual([6, 2, 3, 4, 5]);
  });

  test('is not taken where the lane has it waiting or parked, though the dedup window has forgotten it', () => {
    const [delivery] = deliveriesOf(blockAt(1, 1));
    if (!delivery) throw new Error('A block holds none.');
    const error = { kind: 'recordAtFault', name: 'MESSAGE_TOO_LARGE', message: '', remedy: '' } as const;
    const forgetful = newLaneState({ ...defaultLaneLimits, dedupIdsMax: 1 });
    const state = { ...forgetful, deadLetters: [{ delivery, parkedAtMs: 1, error }], queue: [blockAt(2, 2)] };
    const { queue } = gathered(state, { block: blockAt(1, 1, 2, 3) }, 1_000);
    expect(numbersIn(queue)).toEqual([3, 2]);
  });
});

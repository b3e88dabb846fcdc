import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blockOf } from '../../domain/block.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { statusOf } from '../../domain/laneMessages.ts';
import { alreadyThere, overflowed } from '../../domain/laneOverflow.ts';
import { isOver, newLaneState } from '../../domain/laneState.ts';
import { play, steps, type World } from '../harness/overflowWorld.ts';

/** What was delivered of each key is what was accepted first. */
function expectOrder({ accepted, delivered, discarded }: World): void {
  for (const key of [0, 1, 2]) {
    const ofKey = (ids: string[]) => ids.filter((id) => Number(id) % 3 === key && !discarded.includes(id));
    expect(ofKey(delivered)).toEqual(ofKey(accepted).slice(0, ofKey(delivered).length));
  }
}

describe('a lane whose backlog goes to segments and back, in whatever order things happen,', () => {
  test.each(['continue', 'block'] as const)('loses nothing and has nothing twice (%s)', (mode) => {
    fc.assert(
      fc.property(steps, (given) => {
        const world = play(given, mode);
        const ended = [...world.delivered, ...world.discarded];
        expect([...world.known(), ...ended].sort()).toEqual([...world.accepted].sort());
        expect(statusOf(world.state).waitingEvents + world.state.deadLetters.length + ended.length).toBe(
          world.accepted.length,
        );
      }),
      { numRuns: 500 },
    );
  });

  test('keeps the order of each key', () => {
    fc.assert(
      fc.property(steps, (given) => {
        const world = play(given, 'block');
        expectOrder(world);
        world.finish();
        expectOrder(world);
      }),
      { numRuns: 1_500 },
    );
  });

  test.each(['continue', 'block'] as const)(
    'delivers all in the end, leaves no segment open, and is over (%s)',
    (mode) => {
      fc.assert(
        fc.property(steps, (given) => {
          const world = play(given, mode);
          world.finish();
          expect([...world.delivered, ...world.discarded].sort()).toEqual(world.accepted.toSorted());
          expect([...world.segments.keys(), ...world.holders.keys()]).toEqual([]);
          expect(world.state.overflow).toMatchObject({ segments: [], events: 0, bytes: 0, tail: [], taken: [] });
          expect(isOver(world.state, 1e12)).toBe(true);
        }),
        { numRuns: 200 },
      );
    },
  );
});

test('a lane that was reset passes over the segments that it had opened since in a few steps, and all of them are closed', () => {
  const open = new Set(Array.from({ length: 640 }, (_, n) => n));
  const queue = [blockOf([{ id: '0'.repeat(22), key: 'k', value: Buffer.from('1') }], 0, 0)];
  let state = overflowed({ ...newLaneState(defaultLaneLimits), queue }, 'queue', 'name');
  let met = 0;
  while (open.has(state.overflow.opening?.number ?? -1)) state = alreadyThere(state, met++);
  expect(met).toBeLessThan(11);
  const { opening, nextNumber, taken } = state.overflow;
  expect(opening).toMatchObject({ number: nextNumber, blocks: queue });
  expect(new Set(taken).size).toBe(taken.length);
  expect([...open].filter((n) => n < nextNumber && !taken.includes(n))).toEqual([]);
});

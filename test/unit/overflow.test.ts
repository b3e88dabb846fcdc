import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { statusOf } from '../../domain/laneMessages.ts';
import { isOver } from '../../domain/laneState.ts';
import { names, type Step, World } from '../harness/overflowWorld.ts';

const steps = fc.array(
  fc.oneof(
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('enqueue' as const),
        events: fc.array(fc.nat(200), { minLength: 1, maxLength: 6 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom(...names) }) },
  ),
  { maxLength: 120, size: 'max' }, // By itself it makes a dozen: nothing would ever stand aside.
);

/** Nothing; or more than a few dead letters, which stand aside: by chance there are seldom any. */
const aside = ['letters aside', 'open'] as const;
const parking = ['plan', 'settle', ...aside, ...aside, ...aside, ...aside] as const;
const begun = fc.constantFrom<Step[]>(
  [],
  [{ do: 'enqueue', events: Array.from({ length: 40 }, (_, n) => n) }, ...parking.map((step) => ({ do: step }))],
);

function play(given: readonly Step[], mode: 'continue' | 'block'): World {
  const world = new World(mode);
  for (const step of given) world.take(step);
  return world;
}

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
      fc.property(begun, steps, (first, given) => {
        const world = play([...first, ...given], mode);
        const ended = [...world.delivered, ...world.discarded];
        expect([...world.known(), ...ended].sort()).toEqual([...world.accepted].sort());
        const { waitingEvents, deadLetters } = statusOf(world.state);
        expect(waitingEvents + deadLetters + ended.length).toBe(world.accepted.length);
      }),
      { numRuns: 500, endOnFailure: true },
    );
  });

  test('keeps the order of each key', () => {
    fc.assert(
      fc.property(begun, steps, (first, given) => {
        const world = play([...first, ...given], 'block');
        expectOrder(world);
        world.finish();
        expectOrder(world);
      }),
      { numRuns: 300, endOnFailure: true },
    );
  });

  test.each(['continue', 'block'] as const)(
    'delivers all in the end, leaves no segment open, and is over (%s)',
    (mode) => {
      fc.assert(
        fc.property(begun, steps, (first, given) => {
          const world = play([...first, ...given], mode);
          world.finish();
          expect([...world.delivered, ...world.discarded].sort()).toEqual(world.accepted.toSorted());
          expect([...world.segments.keys()]).toEqual([]);
          expect(world.state.overflow).toMatchObject({ segments: [], events: 0, bytes: 0, tail: [], taken: [] });
          expect(world.state.overflow.letters).toMatchObject({
            segments: [],
            count: 0,
            bytes: 0,
            asked: [],
            toTell: [],
          });
          expect(isOver(world.state, 1e12)).toBe(true);
        }),
        { numRuns: 100, endOnFailure: true },
      );
    },
  );
});

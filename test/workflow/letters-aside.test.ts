import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../domain/attempt.ts';
import type { Block } from '../../domain/block.ts';
import { eventIdOf } from '../../domain/eventId.ts';
import { idOf } from '../harness/laneSteps.ts';
import { type OverflowingLane, withOverflowingLane } from '../harness/overflowingLane.ts';
import { timeSkipping } from '../harness/timeSkipping.ts';
import { until } from '../harness/until.ts';
import { answer, numbersIn } from '../harness/workflowLane.ts';

const upTo = (count: number, from = 0): number[] => Array.from({ length: count }, (_, n) => from + n);
const isBad = (n: number): boolean => n % 3 !== 0;

/** A broker that refuses two of three events until it is mended, and what it took, in order. */
function refusing(onDeadLetter: 'continue' | 'block' = 'continue') {
  const world = { taken: [] as number[], isMended: false };
  const produce = (block: Block): Outcome => {
    const refuses = (n: number): boolean => !world.isMended && isBad(n);
    world.taken.push(...numbersIn(block).filter((n) => !refuses(n)));
    return { ...answer(block, refuses), onDeadLetter };
  };
  return { world, produce };
}

const [all, limits] = [30, { historyEventsMax: 80 }];
const [good, bad] = [upTo(all).filter((n) => !isBad(n)), upTo(all).filter(isBad)];

/** All are sent, each bad one is parked, and most of them stand aside. */
async function parkAll({ enqueue, status }: OverflowingLane, keyOf: (n: number) => string = () => 'k'): Promise<void> {
  for (const n of upTo(all)) await enqueue(n, keyOf(n));
  const parked = await until(
    'all to be settled',
    status,
    ({ counts }) => counts.delivered + counts.parked === all,
    60_000,
  );
  expect(parked).toMatchObject({ state: 'Parked', waitingEvents: 0, deadLetters: bad.length });
  const { deadLettersAside: aside } = await until(
    'most to stand aside',
    status,
    (now) => (now.deadLettersAside?.events ?? 0) > 10,
  );
  expect(aside?.segments).toBeGreaterThan(3);
}
const untilNoneIsLeft = ({ status }: OverflowingLane) =>
  until(
    'none to be left',
    status,
    ({ deadLetters, deadLettersAside, waitingEvents }) => deadLetters + waitingEvents === 0 && !deadLettersAside,
    60_000,
  );

describe('a lane with more dead letters than it can hold', () => {
  const server = timeSkipping();

  test.each([0, undefined])(
    'delivers the others, and all of them in order once they are replayed (cached: %s)',
    async (maxCachedWorkflows) => {
      const { world, produce } = refusing();
      const use = async (lane: OverflowingLane) => {
        await parkAll(lane);
        expect(world.taken).toEqual(good);
        world.isMended = true;
        await lane.handle.signal('replay', { all: true, by: 'ada' });
        const { counts } = await untilNoneIsLeft(lane);
        expect(world.taken).toEqual([...good, ...bad]);
        expect(counts).toMatchObject({ accepted: all, delivered: all, parked: bad.length, discarded: 0 });
        await lane.untilNoSegmentIsOpen();
      };
      await withOverflowingLane(server, produce, use, {
        limits,
        ...(maxCachedWorkflows === 0 && { maxCachedWorkflows }),
      });
    },
  );

  test('takes those that are named out of the others, in order, and gives the rest up', async () => {
    const { world, produce } = refusing();
    const use = async (lane: OverflowingLane) => {
      await parkAll(lane);
      world.isMended = true;
      const named = [bad[0], bad[1], bad[7], bad[8], bad.at(-1)].map(Number);
      const ids = [...named, 500].map((n) => eventIdOf(idOf(n)));
      await lane.handle.signal('replay', { ids: ids.toReversed() });
      await lane.handle.signal('discard', { ids: [eventIdOf(idOf(bad[2] ?? 0))] });
      await until('the named', lane.status, ({ counts }) => counts.delivered === good.length + named.length, 60_000);
      expect(world.taken).toEqual([...good, ...named]);
      const rest = bad.length - named.length - 1;
      await until(
        'the rest to stay',
        lane.status,
        ({ deadLetters, counts }) => deadLetters === rest && counts.discarded === 1,
        60_000,
      );
      await lane.handle.signal('discard', { all: true });
      const { counts } = await untilNoneIsLeft(lane);
      expect(counts).toMatchObject({ delivered: good.length + named.length, discarded: rest + 1 });
      await lane.untilNoSegmentIsOpen();
    };
    await withOverflowingLane(server, produce, use, { limits });
  });

  test('parks again what is refused again, and closes when nothing is left', async () => {
    const { world, produce } = refusing();
    const use = async (lane: OverflowingLane) => {
      await parkAll(lane);
      await lane.handle.signal('replay');
      await until('all to be refused again', lane.status, ({ counts }) => counts.parked === 2 * bad.length, 60_000);
      expect(world.taken).toEqual(good);
      await lane.handle.signal('discard', { all: true });
      await untilNoneIsLeft(lane);
      await lane.handle.result();
    };
    await withOverflowingLane(server, produce, use, { limits: { ...limits, dedupWindowMs: 3_000 } });
  });

  test('holds back the keys of those aside where it should, and lets each go on in order', async () => {
    const { world, produce } = refusing('block');
    const use = async (lane: OverflowingLane) => {
      await parkAll(lane, (n) => `key ${n}`);
      const late = upTo(all, 1_000).map((n) => 3 * n);
      for (const [n, number] of late.entries()) await lane.enqueue(number, `key ${n}`);
      await until('the good keys', () => world.taken.length === 2 * good.length, undefined, 60_000);
      world.isMended = true;
      const [one] = bad;
      await lane.handle.signal('replay', { ids: [eventIdOf(idOf(one ?? 0))] });
      await until('one key', () => world.taken.length === 2 * good.length + 2, undefined, 60_000);
      expect(world.taken.slice(-2)).toEqual([one, late[one ?? 0]]);
      await lane.handle.signal('replay', { all: true });
      await untilNoneIsLeft(lane);
      const at = (n: number): number => world.taken.indexOf(n);
      for (const n of bad) expect(at(n)).toBeLessThan(at(late[n] ?? 0));
      expect(world.taken.length).toBe(2 * all);
    };
    await withOverflowingLane(server, produce, use, { limits });
  });
});

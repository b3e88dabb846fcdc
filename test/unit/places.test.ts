import { beforeEach, describe, expect, test } from 'vitest';
import { type Place, Places, type PutOff, slowMs } from '../../activities/places.ts';

const placesMax = 200;
const ownPlacesMax = 150;
const slowPlacesMax = 40;

let nowMs: number;
let places: Places;
beforeEach(() => {
  nowMs = 1_000_000;
  places = new Places(placesMax, () => nowMs);
});

const pass = (ms: number): void => {
  nowMs += ms;
};
const isPlace = (given: Place | PutOff): given is Place => !('awayMs' in given);
/** What so many batches of the destination are given, one after the other. */
const taken = (destinationId: string, batches: number): { in: Place[]; awayMs: number[] } => {
  const given = Array.from({ length: batches }, () => places.take(destinationId));
  return {
    in: given.filter(isPlace),
    awayMs: given.flatMap((one) => (isPlace(one) ? [] : [one.awayMs])),
  };
};
const leave = (some: Place[], isAnswered = false): void => {
  for (const place of some) places.leave(place, isAnswered);
};
/** Has a batch of each in this worker that is not answered for so long that they are slow. */
const slowed = (...destinationIds: string[]): Place[] => {
  const first = destinationIds.flatMap((id) => taken(id, 1).in);
  pass(slowMs);
  return first;
};

test('a destination of which nothing is known has all places but some for the others', () => {
  const given = taken('dst_a', ownPlacesMax + 1);
  expect([given.in.length, given.awayMs.length]).toEqual([ownPlacesMax, 1]);
  expect(taken('dst_b', 1).in).toHaveLength(1);
});

test('one that does not answer has its share at the most, and those that answer have theirs all the same', () => {
  slowed('dst_silent');
  expect(taken('dst_silent', 300).in).toHaveLength(slowPlacesMax - 1);
  expect(taken('dst_well', 50).awayMs).toEqual([]);
});

test('several that are slow share what one of them would have', () => {
  slowed('dst_a', 'dst_b', 'dst_c', 'dst_d');
  const each = ['dst_a', 'dst_b', 'dst_c', 'dst_d'].map((id) => taken(id, 300).in.length + 1);
  expect(each).toEqual([10, 10, 10, 10]);
});

test('more that are slow than there are places have no more together, and none of them all', () => {
  const ids = Array.from({ length: slowPlacesMax + 20 }, (_, n) => `dst_${n}`);
  slowed(...ids); // Each has one by now: it was not slow when it took it.
  expect(ids.flatMap((id) => taken(id, 3).in)).toEqual([]);
  expect(taken('dst_well', 1).in).toHaveLength(1);
});

test('one that has been slow is taken for slow until it answers quickly, or for half a minute', () => {
  const tell = (): number => {
    const { in: given } = taken('dst_a', 300);
    leave(given);
    return given.length;
  };
  leave(slowed('dst_a'), true);
  expect(tell()).toBe(slowPlacesMax);
  pass(29_000);
  expect(tell()).toBe(slowPlacesMax);
  pass(1_000);
  expect(tell()).toBe(ownPlacesMax);

  leave(slowed('dst_a'), true);
  leave(taken('dst_a', 1).in, false); // Refused at once: that says nothing of how fast it answers.
  expect(tell()).toBe(slowPlacesMax);
  leave(taken('dst_a', 1).in, true);
  expect(tell()).toBe(ownPlacesMax);
});

test('one long batch among many quick ones makes no destination slow', () => {
  const [long] = taken('dst_a', 1).in;
  pass(3 * slowMs);
  leave(taken('dst_a', 1).in, true);
  expect(taken('dst_a', 300).in).toHaveLength(ownPlacesMax - 1);
  expect(long).toBeDefined();
});

describe('a batch without a place', () => {
  test('comes again after those of its destination that were put off before it, twenty a second', () => {
    slowed('dst_a', 'dst_b');
    const { awayMs } = taken('dst_a', 300);
    expect(awayMs.slice(0, 3)).toEqual([1_000, 1_050, 1_100]);
    pass(500);
    expect(taken('dst_a', 1).awayMs).toEqual([(awayMs.at(-1) ?? 0) - 500 + 50]);
    expect(taken('dst_b', slowPlacesMax).awayMs[0]).toBe(1_000);
  });

  test('stays away for two minutes at the most, however many there are', () => {
    slowed('dst_a');
    const { awayMs } = taken('dst_a', 20_000);
    expect(Math.max(...awayMs)).toBe(2 * 60_000);
  });

  test('has one as soon as it comes, once the destination answers quickly', () => {
    slowed('dst_a');
    const { in: others, awayMs } = taken('dst_a', slowPlacesMax);
    expect(awayMs).toHaveLength(1);
    leave(others.slice(0, 1), true);
    expect(taken('dst_a', 2).awayMs).toEqual([]);
  });
});

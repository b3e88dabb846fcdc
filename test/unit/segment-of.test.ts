import { expect, test } from 'vitest';
import { segmentWith } from '../../activities/segmentOf.ts';
import { blockOf } from '../../domain/block.ts';

const idOf = (n: number): string => String(n).padStart(22, '0');
/** A thousand segments, a second apart, each with one event; some are gone. */
const numbers = Array.from({ length: 1_000 }, (_, n) => n + 5);
function looking(gone: readonly number[] = []) {
  const read: number[] = [];
  const blocksOf = async (number: number) => {
    read.push(number);
    if (gone.includes(number)) return undefined;
    return [blockOf([{ id: idOf(number), key: 'k', value: Buffer.from('1') }], number * 1_000, 0)];
  };
  const find = (n: number, acceptedAtMs: number) => segmentWith(numbers, { digest: idOf(n), acceptedAtMs }, blocksOf);
  return { read, find };
}

test('an event is found in its segment by the time of its acceptance, a little off, with few of a thousand read', async () => {
  const { read, find } = looking();
  for (const [n, offMs] of [
    [5, 0],
    [5, -900],
    [500, 0],
    [500, 900],
    [500, -900],
    [500, 1_900],
    [1_004, 0],
    [1_004, 5_000],
  ] as const) {
    expect(await find(n, n * 1_000 + offMs)).toBe(n);
  }
  expect(read.length).toBeLessThan(8 * 15);
});

test('an event that is in none is not found, nor one whose segment is gone', async () => {
  expect(await looking().find(2_000, 700_000)).toBeUndefined();
  expect(await looking([700]).find(700, 700_000)).toBeUndefined();
  expect(await segmentWith([], { digest: idOf(1), acceptedAtMs: 0 }, async () => [])).toBeUndefined();
});

import { expect, test, vi } from 'vitest';
import { segmentReadsMax, segmentReadsMs, segmentWith } from '../../activities/segmentOf.ts';
import { blockOf } from '../../domain/block.ts';

const idOf = (n: number): string => String(n).padStart(22, '0');
/** A thousand segments, a second apart, each with one event; some are gone. */
const ranges = [{ from: 5, count: 1_000 }];
function looking(gone: readonly number[] = []) {
  const read: number[] = [];
  const blocksOf = async (number: number) => {
    read.push(number);
    if (gone.includes(number)) return undefined;
    return [blockOf([{ id: idOf(number), key: 'k', value: Buffer.from('1') }], number * 1_000, 0)];
  };
  const find = (n: number, acceptedAtMs: number) => segmentWith([ranges], { digest: idOf(n), acceptedAtMs }, blocksOf);
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
  expect(await looking().find(2_000, 700_000)).toBe('none');
  expect(await looking([700]).find(700, 700_000)).toBe('none');
  expect(await segmentWith([[], []], { digest: idOf(1), acceptedAtMs: 0 }, async () => [])).toBe('none');
});

test('an event is found in a segment that came back from aside, before older ones, and not where it is in none', async () => {
  // The numbers say in which order they were opened; the first seven came back, and each began when the key's first event was accepted.
  const beganAtMs = new Map([3, 5, 7, 9, 11, 13, 15].map((number, n) => [number, 10_000 + n * 20_000]));
  for (const number of [18, 17, 1, 2, 4, 6, 8]) beganAtMs.set(number, 12_000 + beganAtMs.size * 3_000);
  const order = [3, 5, 7, 9, 11, 13, 15, 18, 17, 1, 2, 4, 6, 8];
  const mixed = order.map((from) => ({ from, count: 1 }));
  let reads = 0;
  const blocksOf = async (number: number) => {
    reads++;
    return [blockOf([{ id: idOf(number), key: 'k', value: Buffer.from('1') }], beganAtMs.get(number) ?? 0, 0)];
  };
  for (const number of order) {
    const acceptedAtMs = (beganAtMs.get(number) ?? 0) + 500;
    expect(await segmentWith([mixed], { digest: idOf(number), acceptedAtMs }, blocksOf)).toBe(number);
  }
  reads = 0;
  expect(await segmentWith([mixed], { digest: idOf(99), acceptedAtMs: 50_000 }, blocksOf)).toBe('none');
  expect(reads).toBeLessThanOrEqual(order.length); // None twice.
});

test('an event that may be in one of hundreds of segments that came back costs a bounded number of reads, and is not said to be in none', async () => {
  const scattered = Array.from({ length: 300 }, (_, n) => ({ from: 2 * n, count: 1 }));
  let reads = 0;
  const blocksOf = async (number: number) => {
    reads++;
    return [blockOf([{ id: idOf(number), key: 'k', value: Buffer.from('1') }], (number * 7_919) % 1_000, 0)];
  };
  for (const lists of [[scattered], [[], scattered]]) {
    reads = 0;
    expect(await segmentWith(lists, { digest: idOf(9_999), acceptedAtMs: 500 }, blocksOf)).toBe('unread');
    expect(reads).toBe(segmentReadsMax);
  }
});

test('an event is found in a segment that stands aside, by the time of its acceptance', async () => {
  const read: number[] = [];
  const blocksOf = async (number: number) => {
    read.push(number);
    return [blockOf([{ id: idOf(number), key: 'k', value: Buffer.from('1') }], (number % 1_000) * 1_000, 0)];
  };
  const lists = [[{ from: 1, count: 900 }], [{ from: 1_001, count: 900 }]];
  expect(await segmentWith(lists, { digest: idOf(1_700), acceptedAtMs: 700_500 }, blocksOf)).toBe(1_700);
  expect(read.length).toBeLessThan(2 * 15);
});

test('an event is looked for no longer than its time, however slowly segments are read, and is not said to be in none', async () => {
  vi.useFakeTimers();
  try {
    const readMs = 2_900;
    const scattered = Array.from({ length: 50 }, (_, n) => ({ from: 2 * n, count: 1 }));
    let reads = 0;
    const blocksOf = async (number: number) => {
      reads++;
      await vi.advanceTimersByTimeAsync(readMs);
      return [blockOf([{ id: idOf(number), key: 'k', value: Buffer.from('1') }], (number * 7_919) % 1_000, 0)];
    };
    const startedAtMs = performance.now();
    expect(await segmentWith([scattered], { digest: idOf(9_999), acceptedAtMs: 500 }, blocksOf)).toBe('unread');
    expect(performance.now() - startedAtMs).toBeLessThan(segmentReadsMs + readMs);
    expect(reads).toBe(Math.ceil(segmentReadsMs / readMs));
  } finally {
    vi.useRealTimers();
  }
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Run } from '../../bench/report/run.ts';
import { plotOf } from '../../bench/rows/plot.ts';
import { isMet } from '../../bench/rows/row.ts';
import { differenceOf, rowMarkdown } from '../../bench/rows/rowReport.ts';
import { growthOf } from '../../bench/rows/sampling.ts';
import { lastStored, type RowResult, store } from '../../bench/rows/stored.ts';

const run: Run = {
  ...{
    startedAt: '2026-11-29T10:00:00.000Z',
    commit: 'abc',
    cpu: 'x',
    cores: 2,
    memoryGiB: 24,
    system: 's',
    node: 'v20',
  },
  ...{ loadBefore: 0, isQuick: false, isCalm: false, stack: 'own' },
};
const result = (startedAt: string, value: number): RowResult => ({
  row: 'latency-linger-0',
  run: { ...run, startedAt },
  figures: [
    { name: 'p50', value, unit: 'ms', target: { atMost: 40 } },
    { name: 'worst', value: Number.NaN, unit: 'ms' },
  ],
  series: [{ name: 'a', unit: 'MiB', points: [[0, 1] as [number, number], [1, 2] as [number, number]] }],
});

test('a figure meets what is wanted of it, misses it, or could not be taken', () => {
  const figure = (value: number) => ({ name: 'f', value, unit: '' });
  expect(isMet({ ...figure(0.5), target: { atLeast: 0.5 } })).toBe(true);
  expect(isMet({ ...figure(41), target: { atMost: 40 } })).toBe(false);
  expect(isMet({ ...figure(Number.NaN), target: { atMost: 40 } })).toBeUndefined();
  expect(isMet(figure(1))).toBeUndefined();
});

test('a row is compared with the latest of its own stored results, figure by figure', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'causeway-rows-'));
  try {
    expect(await lastStored('latency-linger-0', dir)).toBeUndefined();
    await store(result('2026-11-28T10:00:00.000Z', 80), dir);
    await store(result('2026-11-29T09:00:00.000Z', 50), dir);
    await store({ ...result('2026-11-29T09:30:00.000Z', 1), row: 'latency-linger-0x' }, dir);
    const last = await lastStored('latency-linger-0', dir);
    const text = rowMarkdown('latency', result('2026-11-29T10:00:00.000Z', 39), last);
    expect(text).toContain('| p50, ms | ≤ 40 | 39 | met | 50 | −11 (−22 %) |');
    expect(text).toContain('| worst, ms |  | – |  | – |  |');
    expect(text).toContain('Before: 2026-11-29T09:00:00.000Z');
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

test('a difference is told in the unit and in percent', () => {
  expect(differenceOf(12, 10)).toBe('+2 (+20 %)');
  expect(differenceOf(0, 0)).toBe('+0');
  expect(differenceOf(1, undefined)).toBe('');
});

test('the plot of a row is an SVG with its figure, what is wanted, and its values over time', () => {
  const svg = plotOf(result('2026-11-29T10:00:00.000Z', 39), undefined);
  expect(svg).toMatch(/^<svg .*<\/svg>$/s);
  expect(svg).toContain('p50: 39 ms (wanted ≤ 40)');
  expect(svg).toContain('a (MiB)');
});

test('growth is looked for in the last third, against the one before it', () => {
  const points = (values: number[]) => values.map((value, n): [number, number] => [n, value]);
  expect(growthOf({ points: points([1, 5, 9, 10, 10, 10, 10, 10, 10]) })).toBe(0);
  expect(growthOf({ points: points([1, 5, 9, 10, 10, 10, 11, 11, 11]) })).toBeCloseTo(0.1);
  expect(growthOf({ points: points([1, 2]) })).toBeNaN();
});

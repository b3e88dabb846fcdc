import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import {
  batchesOfLane,
  costOf,
  costOfNewLanes,
  cpuMsOf,
  measuredCpuMs,
  signalsOfLane,
} from '../../bench/scaling/costModel.ts';
import { fitted } from '../../bench/scaling/fit.ts';
import { loadsIn } from '../../bench/scaling/results.ts';

const wholeRun = fileURLToPath(new URL('../../bench/results/2026-11-28-all-targets.json', import.meta.url));
const scene = { eventsPerSecond: 1_000, lanes: 10, eventsPerPost: 1, lingerMs: 100, eventBytes: 600 };

test('the costs of a cycle and an event tell the CPU of each of the ten measured loads to within 10 %', async () => {
  const loads = await loadsIn(wholeRun);
  expect(loads).toHaveLength(10);
  const costs = fitted(loads);
  for (const load of loads) expect(Math.abs(cpuMsOf(load) / load.cpuMs - 1), load.name).toBeLessThan(0.1);
  expect(costs.event).toBeCloseTo(measuredCpuMs.event, 2);
});

test('costs that were put in are found again', () => {
  const costs = { event: 0.1, post: 0.2, signal: 9, batch: 11, second: 250 };
  const counts = [
    [100_000, 500, 130, 100, 10],
    [30_000, 30_000, 90, 90, 10],
    [20_000, 20_000, 350, 130, 10],
    [8_000, 8_000, 400, 390, 10],
    [260, 260, 190, 190, 20],
    [2_000, 2_000, 1_300, 550, 40],
  ];
  const loads = counts.map(([events = 0, posts = 0, signals = 0, batches = 0, seconds = 0]) => {
    const counted = { events, posts, signals, batches, seconds };
    return { ...counted, name: 'made', cpuMs: cpuMsOf(counted, costs) };
  });
  const found = fitted(loads);
  expect(found.event).toBeCloseTo(costs.event, 2);
  expect(found.signal).toBeCloseTo(costs.signal, 0);
  expect(found.second).toBeCloseTo(costs.second, -1);
});

test('a rare event has a signal of its own, a hot lane one each linger, and full blocks as many as they need', () => {
  expect(signalsOfLane(0.01, 100)).toBeCloseTo(0.01, 4);
  expect(signalsOfLane(50, 100)).toBeCloseTo(10, 0);
  expect(signalsOfLane(80_000, 100)).toBe(100);
  expect(batchesOfLane(50, 36)).toBeCloseTo(14.3, 1); // 555 batches in 40 s were measured, of 1,322 signals.
});

test('the more events a lane has, the less each of them costs; a lane for each costs most', () => {
  const actions = [1_000, 100, 10, 1].map((lanes) => costOf({ ...scene, lanes }).actions);
  expect(actions).toEqual(actions.toSorted((a, b) => b - a));
  expect(costOfNewLanes(1_000).cores).toBeGreaterThan(costOf({ ...scene, lanes: 1_000 }).cores);
  const twice = costOf({ ...scene, eventsPerSecond: 2_000, lanes: 20 });
  expect(twice.transitions).toBeCloseTo(2 * costOf(scene).transitions, 6);
});

test('a rate or a number of lanes that is none is refused by name', () => {
  expect(() => costOf({ ...scene, lanes: 0 })).toThrow('lanes');
});

test('a run of ten minutes that the model was not made of is told to within a fifth', async () => {
  const file = new URL('../../bench/results/row-slowest-post-2026-11-29T194856.json', import.meta.url);
  const { figures } = JSON.parse(await readFile(file, 'utf8')) as { figures: { name: string; value: number }[] };
  const of = (name: string): number => figures.find((figure) => figure.name === name)?.value ?? Number.NaN;
  const seconds = of('lasted');
  const told = costOf({ eventsPerSecond: 100, lanes: 1, eventsPerPost: 1, lingerMs: 100, eventBytes: 600 });
  const offBy = (modelled: number, measured: number): number => Math.abs(modelled / measured - 1);
  expect(offBy(told.signals, of('signals') / seconds)).toBeLessThan(0.1);
  expect(offBy(told.historyEvents, of('history events') / seconds)).toBeLessThan(0.1);
  const posts = of('events');
  const counted = { events: posts, posts, signals: of('signals'), batches: of('batches'), seconds };
  expect(offBy(cpuMsOf(counted) / posts, of('CPU of API, worker and Temporal'))).toBeLessThan(0.2);
});

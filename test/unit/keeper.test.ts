import { expect, test } from 'vitest';
import {
  hasRound,
  isDone,
  isPauseOver,
  type KeeperState,
  looked,
  looking,
  newKeeperState,
  pauseMs,
  roundBegun,
  roundEnded,
  type Seen,
  told,
} from '../../domain/keeper.ts';

type Up = Seen & { kind: 'up' };
const up = (waiting: number): Up => ({ kind: 'up', version: 4, canWrite: true, held: { waiting, suspended: 0 } });
const nothingToSay = { relapsed: 0, faults: [] };
const minuteMs = 60_000;

/** A look that finds lanes, and a round that lets them go on. */
function roundOf(state: KeeperState, lanes: number): KeeperState {
  const seen = up(lanes);
  const found = looked(looking(state), seen);
  expect(hasRound(found, seen)).toBe(true);
  return roundEnded(roundBegun(found, seen).state, seen, { lanes, beganAtMs: 0, nowMs: 0 });
}

test.each([1, 2, 3, 200])('%i lanes that come back after their round are let go on ever more rarely', (lanes) => {
  let state = told(newKeeperState(0), nothingToSay, 0);
  const pauses: number[] = [];
  for (let round = 0; round < 8; round++) {
    state = told(roundOf(state, lanes), { relapsed: lanes, faults: [] }, 0);
    pauses.push(pauseMs(state, up(lanes)) / 1_000);
    expect(isPauseOver(state, up(lanes))).toBe(false); // They are no news.
  }
  expect(pauses).toEqual([5, 10, 20, 40, 80, 160, 300, 300]);
});

test('lanes that hold for the first time are let go on soon, whatever was before the last round went well', () => {
  let state = told(roundOf(newKeeperState(0), 3), { relapsed: 3, faults: [] }, 0);
  state = told(roundOf(state, 3), { relapsed: 1, faults: [] }, 0); // The other two deliver.
  expect(pauseMs(state, up(1))).toBeLessThanOrEqual(2_000);
  expect(isPauseOver(state, up(1))).toBe(true);
});

test('a keeper closes after looks enough since it was told, not on the first one after all workers were gone for minutes', () => {
  let state = told(newKeeperState(0), nothingToSay, 0);
  const looks: boolean[] = [];
  for (let look = 1; look <= 6; look++) {
    state = looked(looking(state), up(0));
    looks.push(isDone(state, up(0), 3 * minuteMs));
  }
  expect(looks).toEqual([false, false, false, false, true, true]);
  expect(isDone(state, up(0), minuteMs)).toBe(false);
  expect(isDone(told(state, nothingToSay, 0), up(0), 3 * minuteMs)).toBe(false);
});

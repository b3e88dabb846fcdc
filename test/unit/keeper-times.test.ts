import { expect, test } from 'vitest';
import { toldForMs } from '../../activities/keeperCall.ts';
import { type Failing, listedAfterMs } from '../../domain/keeper.ts';
import { failingAgain, probePauseMs } from '../../domain/probePause.ts';

test('a fault that comes back after its keeper has listed the lanes that hold for it is told again', () => {
  expect(toldForMs).toBeLessThan(listedAfterMs);
});

const minuteMs = 60_000;

test('a destination that is down is probed after 1 s, then ever later up to 5 s, for five minutes', () => {
  const pauses = [1, 2, 3, 4, 5, 80].map((probes) => probePauseMs(probes, 5 * minuteMs - 1, 0.5));
  expect(pauses).toEqual([1_000, 1_500, 2_250, 3_375, 5_000, 5_000]);
});

test('one that has been down for longer is probed every 15 to 20 s, at random: 100 of one customer cost a third, and 60 s are kept', () => {
  expect([0, 0.5, 1].map((random) => probePauseMs(1, 5 * minuteMs, random))).toEqual([15_000, 17_500, 20_000]);
});

test('an error that changes from probe to probe makes no destination look as if it were down only now', () => {
  let failing: Failing | undefined;
  const names = ['ECONNREFUSED', 'CONNECT_TIMEOUT', 'ECONNREFUSED', 'ECONNREFUSED'];
  for (const [n, name] of names.entries()) failing = failingAgain(failing, { name, message: '' }, n * minuteMs);
  expect(failing).toEqual({
    ...{ name: 'ECONNREFUSED', message: '', tries: 2 },
    ...{ sinceMs: 2 * minuteMs, downSinceMs: 0 },
  });
});

test('what a keeper of an earlier version counted goes on from there', () => {
  const before: Failing = { name: 'ECONNREFUSED', message: '', tries: 7, sinceMs: 5 };
  expect(failingAgain(before, { name: 'ECONNRESET', message: '' }, 100).downSinceMs).toBe(5);
});

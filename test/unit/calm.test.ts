import { describe, expect, test } from 'vitest';
import { Calm, type Shares, schedulerShares } from '../../activities/calm.ts';

/** A worker of two threads that are looked at again and again. */
function watched() {
  const calm = new Calm();
  const has = { ranMs: 0, waitedMs: 0 };
  const shares = (): Shares =>
    new Map([
      ['1', { ...has }],
      ['2', { ...has }],
    ]);
  /** What each thread did since the last look, in ms; `times` looks of it. */
  const look = (ranMs: number, waitedMs: number, { loopDelayMsMax = 20, times = 1 } = {}): boolean => {
    for (let n = 0; n < times; n++) {
      has.ranMs += ranMs;
      has.waitedMs += waitedMs;
      calm.looked({ shares: shares(), loopDelayMsMax });
    }
    return calm.isCalm;
  };
  return { calm, look };
}

describe('a worker', () => {
  test('is calm once its threads have had the processors for ten seconds', () => {
    const { look } = watched();
    expect(look(400, 500, { times: 5 })).toBe(false); // The first look has none to hold itself against.
    expect(look(400, 500)).toBe(true);
  });

  test('is not, from the first look that finds its threads waiting, and ten seconds after the last', () => {
    const { look } = watched();
    expect(look(400, 500, { times: 6 })).toBe(true);
    expect(look(100, 1_500)).toBe(false);
    expect(look(400, 500, { times: 4 })).toBe(false);
    expect(look(400, 500)).toBe(true);
  });

  test('stays what it is where they wait no more than now and then', () => {
    const { look } = watched();
    expect(look(200, 1_200, { times: 20 })).toBe(false);
    expect(look(400, 500, { times: 5 })).toBe(true);
    expect(look(200, 1_200, { times: 20 })).toBe(true);
  });

  test('that has little to do is calm, though that little waits for longer than it runs', () => {
    const { look } = watched();
    expect(look(4, 90, { times: 6 })).toBe(true);
  });

  test('whose event loop stood still is not: a heartbeat may have been late', () => {
    const { look } = watched();
    expect(look(400, 500, { times: 6 })).toBe(true);
    expect(look(400, 500, { loopDelayMsMax: 900 })).toBe(false);
  });

  test('of which the system tells nothing is not', () => {
    const calm = new Calm();
    for (let n = 0; n < 20; n++) calm.looked({ shares: undefined, loopDelayMsMax: 1 });
    expect(calm.isCalm).toBe(false);
  });
});

test.runIf(process.platform === 'linux')("the system's scheduler tells how long this process ran", () => {
  const before = schedulerShares();
  const untilMs = performance.now() + 50;
  while (performance.now() < untilMs);
  const now = schedulerShares();
  const main = String(process.pid);
  const ids = [...(now?.keys() ?? [])];
  expect(ids).toContain(main);
  const ran = (shares: Shares | undefined): number =>
    [...(shares?.values() ?? [])].reduce((sum, one) => sum + one.ranMs, 0);
  expect(ran(now)).toBeGreaterThan(ran(before));
});

import { describe, expect, test } from 'vitest';
import type { QueueBehind } from '../../api/lanesWaiting.ts';
import { NewLanes, type WorkersBehind } from '../../api/newLanes.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** 1,000 that wait, 40 a second that are taken: 25 s. */
const farBehind: QueueBehind = { waiting: 1_000, oldestMs: 12_000, takenPerSecond: 40, askedAgoMs: 100 };
/** As good as nothing is taken. */
const slow: QueueBehind = { ...farBehind, takenPerSecond: 0.001 };
const nothingWaits: QueueBehind = { ...farBehind, waiting: 0, oldestMs: 0 };
const begun = (workflows: QueueBehind): WorkersBehind => ({ workflows, activities: nothingWaits });

function watched(first: QueueBehind) {
  const state = {
    behind: begun(first) as WorkersBehind | Error,
    nowMs: 0,
    asks: 0,
    lookUps: [] as string[],
    running: '',
  };
  let others = 0;
  const lanes = new NewLanes({
    now: () => state.nowMs,
    ask: async () => {
      state.asks++;
      if (state.behind instanceof Error) throw state.behind;
      return state.behind;
    },
    runs: async (workflowId) => {
      state.lookUps.push(workflowId);
      return workflowId === state.running;
    },
  });
  /** Has it ask, and waits for the answer. */
  const told = async (): Promise<void> => {
    const other = `other ${others++}`;
    try {
      lanes.check(other);
      lanes.notStored(other);
    } catch {}
    await turn();
  };
  /** How the lane is answered once the last ask is known. */
  const isTaken = async (workflowId = 'new'): Promise<boolean> => {
    state.nowMs += 1_001;
    const once = (): boolean => {
      try {
        lanes.check(workflowId);
        return true;
      } catch (error) {
        expect(error).toMatchObject({ code: 'workers_behind' });
        return false;
      }
    };
    await told();
    return once();
  };
  return { lanes, state, isTaken, told };
}

/** `goneFrom`: the second from which no worker is there; `first`: for so many seconds it is as `…AtFirst` say. */
type Load = { goneFrom?: number; first?: number; newAtFirst?: number; workersAtFirst?: number };

/**
 * A load of new lanes against workers that take so many a second, and a Temporal that counts anew every 5 s and tells the rate of
 * 30 s: how many of them were refused, and the longest that one of the others waited, in s.
 */
async function underLoad(newPerSecond: number, workersPerSecond: number, seconds: number, load: Load = {}) {
  const { goneFrom = seconds, workersAtFirst = workersPerSecond, newAtFirst = newPerSecond, first = 0 } = load;
  const { lanes, state } = watched({ ...nothingWaits, takenPerSecond: 0 });
  const waitingSinceMs: number[] = [];
  const takenIn: number[] = []; // In each second.
  let askedAtMs = 0;
  let toldAtMs = 0;
  let refused = 0;
  let longestS = 0;
  for (let second = 0; second < seconds; second++) {
    const comes = second < first ? newAtFirst : newPerSecond;
    for (let n = 0; n < Math.max(1, comes); n++) {
      state.nowMs = (second + n / comes) * 1_000;
      if (comes === 0) state.nowMs = second * 1_000;
      else if (takes(lanes, `${second} ${n}`)) waitingSinceMs.push(state.nowMs);
      else refused++;
      if (n === 0) await turn();
    }
    const taken = waitingSinceMs.splice(0, second >= goneFrom ? 0 : second < first ? workersAtFirst : workersPerSecond);
    takenIn.push(taken.length);
    const endMs = (second + 1) * 1_000;
    if (second < goneFrom) askedAtMs = endMs;
    if (second % 5 === 0) toldAtMs = askedAtMs;
    if (state.behind instanceof Error) throw state.behind;
    state.behind.workflows.askedAgoMs = endMs - toldAtMs;
    for (const sinceMs of taken) longestS = Math.max(longestS, (endMs - sinceMs) / 1_000);
    if (second % 5 > 0) continue;
    state.behind = begun({
      waiting: waitingSinceMs.length,
      oldestMs: endMs - (waitingSinceMs[0] ?? endMs),
      takenPerSecond: takenIn.slice(-30).reduce((sum, one) => sum + one, 0) / Math.min(30, takenIn.length),
      askedAgoMs: endMs - toldAtMs,
    });
  }
  return { refused, longestS };
}

/** How many are taken now, one at once after the other. */
function letIn(lanes: NewLanes, { nowMs }: { nowMs: number }): number {
  for (let n = 0; ; n++) {
    try {
      lanes.check(`lane ${nowMs} ${n}`);
    } catch {
      return n;
    }
  }
}

function takes(lanes: NewLanes, workflowId: string): boolean {
  try {
    lanes.check(workflowId);
  } catch {
    return false;
  }
  lanes.stored(workflowId);
  return true;
}

describe('new lanes', () => {
  test.each<[string, Partial<QueueBehind>, boolean]>([
    ['are refused while their events would wait for long', {}, false],
    ['are taken where some hundred tasks wait', { waiting: 500 }, true],
    ['are taken where none has waited for long yet', { oldestMs: 2_000 }, true],
    ['are taken where workers take tasks fast enough', { takenPerSecond: 100 }, true],
    ['are taken where no worker runs', { askedAgoMs: undefined }, true],
    ['are taken where the last worker has gone', { askedAgoMs: 6_001 }, true],
    ['are taken where no task was ever taken', { takenPerSecond: 0 }, true],
  ])('%s', async (_, behind, expected) => {
    expect(await watched({ ...farBehind, ...behind }).isTaken()).toBe(expected);
  });

  test('are taken again once the workers have caught up, or where Temporal does not say', async () => {
    const { state, isTaken } = watched(farBehind);
    expect(await isTaken('one')).toBe(false);
    state.behind = begun({ ...farBehind, waiting: 100 });
    expect(await isTaken('two')).toBe(true);
    state.behind = begun(farBehind);
    expect(await isTaken('three')).toBe(false);
    state.behind = new Error('It is away.');
    expect(await isTaken('four')).toBe(true);
  });

  test('that something was stored in are no new ones', async () => {
    const { lanes, isTaken } = watched(farBehind);
    lanes.stored('known');
    expect([await isTaken(), await isTaken('known')]).toEqual([false, true]);
  });

  test('are refused for what lanes do, too, and a few tasks that nobody takes hide nothing', async () => {
    const { state, isTaken } = watched(nothingWaits);
    const few: QueueBehind = { ...farBehind, waiting: 2, takenPerSecond: 0 };
    const many: QueueBehind = { ...farBehind, waiting: 5_000 };
    state.behind = { workflows: few, activities: many };
    expect(await isTaken('one')).toBe(false);
    state.behind = { workflows: many, activities: few };
    expect(await isTaken('two')).toBe(false);
    state.behind = { workflows: few, activities: few };
    expect(await isTaken('three')).toBe(true);
  });

  test('count from when they are let in until Temporal has counted them for sure', async () => {
    const { lanes, state, told } = watched({ ...slow, waiting: 480 });
    await told();
    expect(letIn(lanes, state)).toBe(21);
    expect(() => lanes.check('lane 0 3')).not.toThrow(); // Let in before, and sent again.
    state.nowMs = 3_000;
    await told();
    lanes.stored('lane 0 3');
    expect(letIn(lanes, state)).toBe(0);
    state.nowMs = 6_000;
    await told();
    expect(letIn(lanes, state)).toBe(20); // One of them was stored 3 s ago only.
    state.behind = begun({ ...slow, waiting: 481 });
    state.nowMs = 7_001;
    await told();
    expect(letIn(lanes, state)).toBe(0); // That one is counted, those on their way are not.
    lanes.notStored('lane 6000 7');
    expect(letIn(lanes, state)).toBe(1);
    state.behind = begun({ ...slow, waiting: 0, oldestMs: 10 });
    state.nowMs = 20_000;
    await told();
    expect(letIn(lanes, state)).toBe(501); // None of these is known to wait yet.
  });

  test('are let in as the workers take what waits, for no longer than Temporal may take to count it', async () => {
    const { lanes, state, told } = watched({ ...farBehind, waiting: 480 });
    await told();
    expect(letIn(lanes, state)).toBe(21);
    state.nowMs = 2_000;
    await told();
    expect(letIn(lanes, state)).toBe(80);
    state.nowMs = 7_000; // The first 21 are old.
    await told();
    expect(letIn(lanes, state)).toBe(181);
    state.nowMs = 100_000;
    await told();
    expect(letIn(lanes, state)).toBe(261);
  });

  test('that were let in and never stored are new ones again', async () => {
    const { lanes, state, told } = watched(nothingWaits);
    await told();
    lanes.check('never');
    lanes.check('stored');
    lanes.stored('stored');
    state.behind = begun(farBehind);
    state.nowMs = 6_001;
    await told();
    expect(() => lanes.check('stored')).not.toThrow();
    expect(() => lanes.check('never')).toThrow('workers are behind');
  });

  test('that run since before this process began are taken once Temporal has said so', async () => {
    const { state, isTaken } = watched(farBehind);
    state.running = 'old';
    expect(await isTaken()).toBe(false);
    await isTaken('old');
    await turn();
    expect([await isTaken('old'), await isTaken()]).toEqual([true, false]);
  });

  test('cost one question a second, however many come, and two look-ups at a time', async () => {
    const { lanes, state, told } = watched(farBehind);
    await told();
    state.lookUps.length = 0;
    for (let n = 0; n < 1_000; n++) expect(() => lanes.check(`lane ${n}`)).toThrow('workers_behind');
    expect([state.asks, state.lookUps]).toEqual([1, ['lane 0', 'lane 1']]);
  });

  test.each([2, 20, 60, 150])(
    'are all taken at %i a second for ten minutes where the workers keep up',
    async (rate) => {
      expect(await underLoad(rate, rate + 5, 600)).toEqual({ refused: 0, longestS: expect.any(Number) });
    },
  );

  test.each([20, 60, 150].flatMap((rate) => [60, 61, 62, 63, 64].map((second) => [rate, second] as const)))(
    'are all taken at %i a second where the workers, who kept up, go after %i s',
    async (rate, second) => {
      expect((await underLoad(rate, rate + 5, 120, { goneFrom: second })).refused).toBe(0);
    },
  );

  test.each([
    [40, 10, 8],
    [60, 27, 8],
  ])(
    'are all taken at %i a second where workers that keep up take %i a second in the first %i s',
    async (rate, workersAtFirst, first) => {
      expect((await underLoad(rate, rate + 5, 60, { first, workersAtFirst })).refused).toBe(0);
    },
  );

  test.each([0, 2, 20])(
    'are refused until the next count where workers that keep up with %i a second are sent 200, and then none',
    async (newAtFirst) => {
      const jump = { first: 60, newAtFirst };
      const { refused } = await underLoad(200, 205, 75, jump);
      expect(refused).toBeLessThan(5 * 200);
      expect((await underLoad(200, 205, 240, jump)).refused).toBe(refused);
    },
  );

  test.each([0, 20])(
    'are refused where ten times more come than the workers take, after %i a second, and none waits for long',
    async (newAtFirst) => {
      const first = 60;
      const { refused, longestS } = await underLoad(400, 40, 600 + first, { first, newAtFirst });
      const taken = 400 * 600 - refused;
      expect(taken).toBeGreaterThanOrEqual(40 * 599);
      expect(taken).toBeLessThan(40 * 600 + 600);
      expect(longestS).toBeLessThan(14);
    },
  );

  test('are refused at ten times the load from the start, when nobody knows how fast the workers are', async () => {
    const { refused, longestS } = await underLoad(400, 40, 600);
    expect(400 * 600 - refused).toBeGreaterThanOrEqual(40 * 599);
    expect(longestS).toBeLessThan(15);
  });
});

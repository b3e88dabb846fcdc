import { describe, expect, test } from 'vitest';
import { NewLanes, type WorkersBehind } from '../../api/newLanes.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** 1,000 that wait, 40 a second that are taken: 25 s. */
const farBehind: WorkersBehind = { waiting: 1_000, oldestMs: 12_000, takenPerSecond: 40, askedAgoMs: 100 };

function watched(first: WorkersBehind) {
  const state = { behind: first as WorkersBehind | Error, nowMs: 0, asks: 0, lookUps: [] as string[], running: '' };
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
    try {
      lanes.check(`other ${others++}`);
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

describe('new lanes', () => {
  test.each<[string, Partial<WorkersBehind>, boolean]>([
    ['are refused while their events would wait for long', {}, false],
    ['are taken where some hundred tasks wait', { waiting: 500 }, true],
    ['are taken where none has waited for long yet', { oldestMs: 2_000 }, true],
    ['are taken where workers take tasks fast enough', { takenPerSecond: 100 }, true],
    ['are taken where no worker runs', { askedAgoMs: undefined }, true],
    ['are taken where the last worker has gone', { askedAgoMs: 10_001 }, true],
    ['are taken where no task was ever taken', { takenPerSecond: 0 }, true],
  ])('%s', async (_, behind, expected) => {
    expect(await watched({ ...farBehind, ...behind }).isTaken()).toBe(expected);
  });

  test('are taken again once the workers have caught up, or where Temporal does not say', async () => {
    const { state, isTaken } = watched(farBehind);
    expect(await isTaken('one')).toBe(false);
    state.behind = { ...farBehind, waiting: 100 };
    expect(await isTaken('two')).toBe(true);
    state.behind = farBehind;
    expect(await isTaken('three')).toBe(false);
    state.behind = new Error('It is away.');
    expect(await isTaken('four')).toBe(true);
  });

  test('that something was stored in are no new ones', async () => {
    const { lanes, isTaken } = watched(farBehind);
    lanes.stored('known');
    expect([await isTaken(), await isTaken('known')]).toEqual([false, true]);
  });

  test('are counted from when they are let in, for Temporal counts them again after some seconds only', async () => {
    const { lanes, state, told } = watched({ ...farBehind, waiting: 480 });
    await told();
    const letIn = (): number => {
      for (let n = 0; ; n++) {
        try {
          lanes.check(`lane ${state.nowMs} ${n}`);
        } catch {
          return n;
        }
      }
    };
    expect(letIn()).toBe(21);
    state.nowMs += 1_001;
    await told();
    expect(letIn()).toBe(0);
    state.behind = { ...farBehind, waiting: 400 };
    state.nowMs += 1_001;
    await told();
    expect(letIn()).toBe(101);
    state.behind = { ...farBehind, waiting: 3, oldestMs: 10 };
    state.nowMs += 1_001;
    await told();
    expect(letIn()).toBe(501); // None of these is known to wait yet.
    expect(() => lanes.check('lane 0 3')).not.toThrow(); // Let in before, and sent again.
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
});

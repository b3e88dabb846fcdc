import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, test } from 'vitest';
import type { LaneRun } from '../../activities/laneHistory.ts';
import { createReplayActivities } from '../../activities/replay.ts';
import { blockOf, deliveriesOf } from '../../domain/block.ts';
import type { ReplayPage, ReplayPageRequest } from '../../domain/replayCalls.ts';
import { onlyRun } from '../harness/laneRun.ts';
import { fault, idOf } from '../harness/laneSteps.ts';

/** A run that was begun with these events parked. */
const runWith = (numbers: readonly number[]): LaneRun => ({
  ...onlyRun,
  carriedBlocks: async () => [
    blockOf(
      numbers.map((n) => ({ id: idOf(n), key: 'k', value: Buffer.from(`{"eventType":"e${n % 2}"}`) })),
      1,
      0,
    ),
  ],
});

const never = (): never => {
  throw new Error('no such block');
};

const listed = {
  workflowId: 'delivery:dst_a:k',
  destinationId: 'dst_a',
  lane: 'k',
  runId: 'listed',
  state: 'Parked',
  deadLetters: 1,
} as const;

/** What a replay of the type `e1` does about a lane that was listed in the run `listed`, and what it tells the lane. */
async function replayedPage(
  runs: Record<string, number[]>,
  parked: readonly number[],
  holders: Record<string, number[]> = {},
  room?: number,
) {
  const told: unknown[] = [];
  const activities = createReplayActivities({
    list: async () => ({ lanes: [{ ...listed, runStartedAt: new Date(0) }] }),
    listRuns: async () => ({ runs: [], isTooMany: false }),
    histories: {
      run: async (_, runId) => (runs[runId] ? runWith(runs[runId]) : undefined),
      now: async () => ({ running: undefined, state: undefined, runId: Object.keys(runs).at(-1) }),
    },
    index: { acceptedAt: async () => new Map(), add: async () => undefined },
    signal: async () => ({ runId: 'listed', bytes: 1 }),
    bodiesIn: async (id) => holders[id] && deliveriesOf((await runWith(holders[id]).carriedBlocks?.())?.[0] ?? never()),
    destinations: { get: async () => ({}) },
    lanes: {
      deadLetters: async () =>
        parked.map((n) => ({
          ...{ eventId: `evt_${idOf(n)}`, partitionKey: 'k', bytes: 1, error: fault },
          parkedAt: new Date(1).toISOString(),
          ...(n >= 10 && { bodyIn: `holder ${Math.floor(n / 10)}` }),
        })),
      signal: async (_id, signal, { input }) => told.push({ signal, ...Object(input) }) > 0,
      status: async () => undefined,
    },
  });
  const request: ReplayPageRequest = {
    ...{ id: 'rpl_a', filter: { destinationId: 'dst_a', eventType: 'e1' }, dryRun: false, by: 'ada' },
    startedAt: new Date(10).toISOString(),
  };
  const page: ReplayPage = await new MockActivityEnvironment().run(() =>
    room === undefined ? activities.replayPage(request) : activities.discardPage({ ...request, room }),
  );
  return { page, told };
}
const ids = (...numbers: number[]) => [
  expect.objectContaining({ signal: 'replay', ids: numbers.map((n) => `evt_${idOf(n)}`) }),
];

test('dead letters of a type are found by their bodies in the run that was listed', async () => {
  const { page, told } = await replayedPage({ listed: [1, 2, 3] }, [1, 2, 3]);
  expect(page).toMatchObject({ events: 2, lanes: 1, unanswered: 0 });
  expect(told).toEqual(ids(1, 3));
});

test('a lane that continued as new since it was listed is looked at in the run that is there now', async () => {
  const { page, told } = await replayedPage({ listed: [1], now: [1, 3] }, [1, 3]);
  expect(page).toMatchObject({ events: 2, lanes: 1, unanswered: 0 });
  expect(told).toEqual(ids(1, 3));
});

test('a lane of whose dead letters one is not found is counted as unanswered, and told nothing', async () => {
  const { page, told } = await replayedPage({ listed: [1], now: [1] }, [1, 3]);
  expect(page).toMatchObject({ events: 0, lanes: 0, unanswered: 1 });
  expect(told).toEqual([]);
});

test('dead letters whose bodies lie in a holder are looked up there; those of one that is gone are passed over', async () => {
  const { page, told } = await replayedPage({ listed: [1] }, [1, 10, 11, 13, 21], { 'holder 1': [10, 11, 12, 13] });
  expect(page).toMatchObject({ events: 3, lanes: 1, unanswered: 0 });
  expect(told).toEqual(ids(1, 11, 13));
});

test('a discard gives up what it means, and no more than there is room for', async () => {
  const discarded = (...numbers: number[]) => [
    { signal: 'discard', ids: numbers.map((n) => `evt_${idOf(n)}`), by: 'ada', reason: undefined },
  ];
  const all = await replayedPage({ listed: [1, 2, 3, 5] }, [1, 2, 3, 5], {}, 10);
  expect([all.page.events, all.told]).toEqual([3, discarded(1, 3, 5)]);
  const some = await replayedPage({ listed: [1, 2, 3, 5] }, [1, 2, 3, 5], {}, 2);
  expect([some.page.events, some.told]).toEqual([2, discarded(1, 3)]);
  const none = await replayedPage({ listed: [1, 2, 3, 5] }, [1, 2, 3, 5], {}, 0);
  expect([none.page.events, none.told]).toEqual([0, []]);
});

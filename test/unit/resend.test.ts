import { setTimeout as sleep } from 'node:timers/promises';
import type { Info } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, test, vi } from 'vitest';
import type { LaneRun } from '../../activities/laneHistory.ts';
import type { LaneSignal } from '../../activities/laneStarting.ts';
import { resendRuns } from '../../activities/resend.ts';
import { type Block, blockOf } from '../../domain/block.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { type LaneStatus, statusOf } from '../../domain/laneMessages.ts';
import { newLaneState } from '../../domain/laneState.ts';
import type { ResendRequest, Resent } from '../../domain/replayCalls.ts';
import { onlyRun } from '../harness/laneRun.ts';
import { idOf } from '../harness/laneSteps.ts';

const start = { destinationId: 'dst_a', customerExternalId: 'c', lane: 'k', limits: defaultLaneLimits };

/** A run that has delivered these events. */
function runOf(numbers: readonly number[]): LaneRun {
  const positions = numbers.map((_, n) => n);
  const block = blockOf(
    numbers.map((n) => ({ id: idOf(n), key: 'k', value: Buffer.from(`{"eventType":"e${n % 2}"}`) })),
    1,
    0,
  );
  const landed = [{ partition: 0, broker: 'b:1', attempt: 1, positions, offsets: positions }];
  return {
    ...onlyRun,
    start,
    records: [
      { kind: 'scheduled', batch: 'b', activity: 'a', atMs: 0, block },
      {
        kind: 'completed',
        batch: 'b',
        atMs: 5,
        outcome: { onDeadLetter: 'continue', attempts: [], landed, refused: [] },
      },
    ],
  };
}

const idle = statusOf(newLaneState(defaultLaneLimits));
type World = {
  runs: Record<string, number[]>;
  readMs?: number;
  status?: (workflowId: string) => LaneStatus | 'gone' | undefined;
  isDeleted?: boolean;
  onRead?: (runId: string) => void;
  /** So many of a run's two records were copied by a reset. */
  copiedRecords?: number;
};

/** What one run of the activity sends in this world, and its answer. */
async function resent(
  { runs, readMs = 0, status = () => idle, isDeleted = false, copiedRecords = 0, onRead }: World,
  more: Partial<ResendRequest> = {},
  info: Partial<Info> = {},
) {
  const sent: { place: string; ids: number[]; requestId: string }[] = [];
  const request: ResendRequest = {
    ...{ id: 'rpl_a', filter: {}, eventsPerSecond: 1_000, by: 'ada', dryRun: false },
    ...{ startedAt: new Date(10).toISOString(), round: 7, part: 0 },
    runs: Object.keys(runs).map((runId) => ({ workflowId: `delivery:dst_a:${runId}`, runId })),
    ...more,
  };
  const known = {
    histories: {
      run: async (_: string, runId: string) => {
        onRead?.(runId);
        await sleep(readMs);
        const numbers = runs[runId] ?? [];
        return numbers.length === 0 ? undefined : { ...runOf(numbers), copiedRecords };
      },
    },
    index: { acceptedAt: async () => new Map<string, Date>(), add: async () => undefined },
    destinations: { get: async () => (isDeleted ? undefined : {}) },
    lanes: { status: async (workflowId: string) => status(workflowId) },
    signal: async ({ inputs, requestId }: LaneSignal) => {
      const [block, note] = inputs as [Block, { round: number; part: number }]; // As the activity made them.
      sent.push({ place: `${note.round}/${note.part}`, ids: block.entries.map(({ id }) => Number(id)), requestId });
      return { runId: '00000000-0000-0000-0000-000000000000', bytes: 1 };
    },
  };
  const environment = new MockActivityEnvironment(info);
  const answer: Resent = await environment.run(() => resendRuns(known, request));
  return { answer, sent };
}
const places = ({ sent }: Awaited<ReturnType<typeof resent>>): string[] => sent.map(({ place }) => place);

test('each run has a round of its own, and each part of it a number; what is deleted is counted', async () => {
  const done = await resent({ runs: { a: [1, 2, 3], b: [], c: [4] } }, { eventsPerSecond: 8 });
  expect(done.answer).toEqual({ events: 4, runs: 3, deletedRuns: 1 });
  expect(done.sent.map(({ place, ids }) => [place, ids])).toEqual([
    ['7/0', [1, 2]],
    ['7/1', [3]],
    ['9/0', [4]],
  ]);
});

test('a second attempt sends what the first had not, and counts both; a part that comes twice has the same request id', async () => {
  const runs = { a: [1, 2], b: [3, 4], c: [5] };
  const first = await resent({ runs }, { eventsPerSecond: 4 });
  const second = await resent(
    { runs },
    { eventsPerSecond: 4 },
    { heartbeatDetails: { run: 1, part: 1, events: 2, deletedRuns: 0 } },
  );
  expect(places(first)).toEqual(['7/0', '7/1', '8/0', '8/1', '9/0']);
  expect(places(second)).toEqual(['8/1', '9/0']);
  expect(second.answer).toEqual(first.answer);
  expect(second.sent.map(({ requestId }) => requestId)).toEqual(first.sent.slice(3).map(({ requestId }) => requestId));
});

test('it ends after two seconds, in the middle of a run, and goes on there', async () => {
  const begun = await resent({ runs: { a: [1, 2, 3, 4, 5, 6], b: [7] } }, { eventsPerSecond: 2 });
  const { nextPart = 0, ...answer } = begun.answer;
  expect(answer).toEqual({ events: nextPart, runs: 0, deletedRuns: 0 });
  expect(nextPart).toBeGreaterThan(2);
  expect(nextPart).toBeLessThan(6);
  const rest = await resent({ runs: { a: [1, 2, 3, 4, 5, 6] } }, { eventsPerSecond: 4, part: nextPart });
  expect(rest.answer).toEqual({ events: 6 - nextPart, runs: 1, deletedRuns: 0 });
});

test('histories that take long to read hold nothing up for good: something is sent each time', async () => {
  const { answer } = await resent({ runs: { a: [1, 2] }, readMs: 2_500 }, { eventsPerSecond: 1 });
  expect(answer.events).toBeGreaterThan(0);
});

test('runs in which nothing is meant are read for a minute, and not once more by a second attempt', async () => {
  const names = Array.from({ length: 20 }, (_, n) => `run-${n}`);
  const runs = Object.fromEntries(names.map((name): [string, number[]] => [name, []]));
  vi.useFakeTimers({ toFake: ['Date'], now: 0 });
  try {
    const first = await resent({ runs, onRead: () => vi.setSystemTime(Date.now() + 5_000) });
    expect(first.answer.runs).toBeGreaterThan(4);
    expect(first.answer.runs).toBeLessThan(13);
    expect(first.answer.deletedRuns).toBe(first.answer.runs);
  } finally {
    vi.useRealTimers();
  }
  const read: string[] = [];
  const heartbeatDetails = { run: 17, part: 0, events: 3, deletedRuns: 16 };
  const second = await resent({ runs, onRead: (runId) => read.push(runId) }, {}, { heartbeatDetails });
  expect(read).toEqual(['run-17', 'run-18', 'run-19']);
  expect(second.answer).toEqual({ events: 3, runs: 20, deletedRuns: 19 });
});

test('a lane that nobody works for, or that has too much waiting, gets nothing; one that is held, or closed, does', async () => {
  const runs = { a: [1] };
  const full = { ...idle, waitingEvents: 5_000 };
  const waiting = { answer: { events: 0, runs: 0, deletedRuns: 0, nextPart: 0 }, sent: [] };
  const held = { ...full, held: { reason: 'paused' as const, remedy: 'Signal resume.' } };
  const all = await Promise.all([
    resent({ runs, status: () => undefined }),
    resent({ runs, status: () => full }),
    resent({ runs, status: () => held }),
    resent({ runs, status: () => 'gone' }),
  ]);
  expect(all.slice(0, 2)).toEqual([waiting, waiting]);
  expect(all.slice(2).map(({ answer }) => answer.events)).toEqual([1, 1]);
});

test('of a destination that is deleted nothing is counted or sent, and only what the filter names is', async () => {
  const runs = { a: [1, 2, 3] };
  for (const dryRun of [true, false]) {
    expect(await resent({ runs, isDeleted: true }, { dryRun })).toEqual({
      ...{ answer: { events: 0, runs: 1, deletedRuns: 0 }, sent: [] },
    });
  }
  expect((await resent({ runs }, { filter: { eventType: 'e1' } })).sent).toMatchObject([{ ids: [1, 3] }]);
  const counted = await resent({ runs }, { ids: [`evt_${idOf(2)}`], dryRun: true });
  expect([counted.answer.events, counted.sent]).toEqual([1, []]);
  const acceptedFrom = new Date(2).toISOString();
  expect((await resent({ runs }, { filter: { acceptedFrom } })).sent).toEqual([]);
});

test('of a run that a reset made, what it copied is left to the run that it was copied from, but not a batch that was on its way then', async () => {
  expect((await resent({ runs: { a: [1] }, copiedRecords: 2 })).sent).toEqual([]);
  expect((await resent({ runs: { a: [1] }, copiedRecords: 1 })).sent).toMatchObject([{ ids: [1] }]);
});

test('a lane that has no room for a quarter of a minute is passed over with all its runs, the others get theirs, and what is left is told', async () => {
  const runs = { a: [1], b: [2, 3], c: [4], d: [5] };
  const lanes = ['a', 'b', 'b', 'a'];
  const asked: string[] = [];
  const more = {
    ...{ eventsPerSecond: 100, passedOver: [] },
    runs: Object.keys(runs).map((runId, n) => ({ workflowId: `delivery:dst_a:${lanes[n]}`, runId })),
  };
  const workflowId = 'delivery:dst_a:b';
  vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
  try {
    const status = (lane: string): LaneStatus | undefined => {
      asked.push(lane);
      if (lane !== workflowId) return idle;
      vi.setSystemTime(Date.now() + 5_000);
      return asked.length % 2 === 0 ? undefined : { ...idle, waitingEvents: 5_000 };
    };
    // What it has sent by then is seen first.
    const first = await resent({ runs, status }, more);
    expect(first.answer).toEqual({ events: 1, runs: 1, deletedRuns: 0, nextPart: 0 });
    asked.length = 0;
    const second = await resent({ runs, status }, { ...more, runs: more.runs.slice(1), round: 8 });
    const [left, ...others] = second.answer.left ?? [];
    expect(left).toEqual({ workflowId, runId: 'b', round: 8, part: 0, events: 2 });
    expect(asked.length).toBeGreaterThan(2);
    expect(asked.length).toBeLessThan(6);
    expect(others).toEqual([]); // The time of this run of the activity is over.
    asked.length = 0;
    const passedOver = [workflowId];
    const third = await resent({ runs, status }, { ...more, passedOver, runs: more.runs.slice(2), round: 9 });
    expect(third.answer).toEqual({
      ...{ events: 1, runs: 2, deletedRuns: 0 },
      left: [{ workflowId, runId: 'c', round: 9, part: 0, events: 1 }],
    });
    expect([asked, places(third)]).toEqual([['delivery:dst_a:a'], ['10/0']]);
  } finally {
    vi.useRealTimers();
  }
});

test('a second attempt knows which lanes the first had passed over', async () => {
  const left = [{ workflowId: 'delivery:dst_a:a', runId: 'z', round: 6, part: 1, events: 3 }];
  const heartbeatDetails = { run: 0, part: 0, events: 4, deletedRuns: 0, left };
  const { answer, sent } = await resent({ runs: { a: [1], b: [2] } }, { passedOver: [] }, { heartbeatDetails });
  const own = { workflowId: 'delivery:dst_a:a', runId: 'a', round: 7, part: 0, events: 1 };
  expect(answer).toEqual({ events: 5, runs: 2, deletedRuns: 0, left: [...left, own] });
  expect(sent.map(({ ids }) => ids)).toEqual([[2]]);
});

import { expect, test } from 'vitest';
import type { LaneLogPage, LaneLogPlace } from '../../activities/laneLog.ts';
import { laneToTell } from '../../api/laneIds.ts';
import { pageOfBoth } from '../../api/laneLogs.ts';
import type { LaneLogEntry } from '../../domain/laneLog.ts';

const [current, earlier] = ['delivery:dst_1:hmac-x', 'delivery:dst_1:k'];
const nothing = { events: 0, pausedLanes: 0 };
const one = { events: 1, pausedLanes: 0 };
const paused = { events: 0, pausedLanes: 1 };

const told = (inCurrent: typeof one, inEarlier: typeof one, name = current) =>
  laneToTell(
    async () => name,
    async (workflowId) => (workflowId === earlier ? inEarlier : inCurrent),
  )('dst_1', 'k');

test('of a lane that was begun anew under its clear name, the one is told something that holds something', async () => {
  expect(await told(nothing, nothing)).toBe(current);
  expect(await told(one, nothing)).toBe(current);
  expect(await told(nothing, one)).toBe(earlier);
  expect(await told(nothing, paused)).toBe(earlier);
  expect(await told(paused, one, earlier)).toBe(earlier); // Its name is not hashed.
});

test('where both hold something nobody guesses: both are named, with what to do', async () => {
  const both = told(paused, one);
  await expect(both).rejects.toMatchObject({ code: 'lane_is_two' });
  await expect(both).rejects.toThrow(`${current}, and ${earlier}`);
  await expect(both).rejects.toThrow('Name the first as lane "hmac-x"');
});

const entry = (atMs: number): LaneLogEntry => ({ id: `r:${atMs}`, kind: 'resume', atMs });
/** Logs of lanes, the newest entry first; a place is how many are left. */
const logs = (of: Record<string, number[]>) => ({
  page: async (id: string, asked: { place?: LaneLogPlace | undefined; entriesMax: number }) => {
    const all = of[id];
    if (!all) return undefined;
    const left = asked.place?.left ?? all.length;
    const entries = all
      .slice(all.length - left)
      .slice(0, asked.entriesMax)
      .map(entry);
    const rest = left - entries.length;
    const page: LaneLogPage = { entries, ...(rest > 0 && { next: { runId: 'r', left: rest, startedAtMs: 0 } }) };
    return page;
  },
});

test('the log of a lane goes on with what it did under its clear name, each entry once, whatever the pages', async () => {
  const laneLogs = logs({ [current]: [5, 4], [earlier]: [3, 2, 1] });
  for (const limit of [1, 2, 3, 10]) {
    const seen: number[] = [];
    let next: Awaited<ReturnType<typeof pageOfBoth>>;
    do {
      const ids = { current: next?.next?.workflowId ?? current, earlier };
      next = await pageOfBoth(laneLogs, ids, { place: next?.next, limit });
      seen.push(...(next?.entries ?? []).map(({ atMs }) => atMs));
    } while (next?.next);
    expect(seen).toEqual([5, 4, 3, 2, 1]);
  }
});

test('a lane has the one log that there is, or none', async () => {
  const ids = { current, earlier };
  const first = { place: undefined, limit: 10 };
  expect(await pageOfBoth(logs({ [earlier]: [1] }), ids, first)).toMatchObject({ workflowId: earlier });
  expect(await pageOfBoth(logs({ [current]: [1] }), ids, first)).toMatchObject({ workflowId: current });
  expect(await pageOfBoth(logs({}), ids, first)).toBeUndefined();
});

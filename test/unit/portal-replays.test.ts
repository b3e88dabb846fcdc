import { expect, test } from 'vitest';
import { atPortalRate } from '../../api/portalReplays.ts';
import { newReplayState, type ReplayStart } from '../../domain/replay.ts';

const start: ReplayStart = {
  ...{ id: 'rpl_x', of: 'parked', filter: {}, dryRun: false, eventsMax: 1_000_000, by: 'operator' },
  eventsPerSecond: 10_000,
};

test('a replay that a portal link continues goes on at the link’s rate, and says so, however fast it was begun', () => {
  const [fast, state] = atPortalRate(start, newReplayState(start, 0));
  expect([fast.eventsPerSecond, state.progress.eventsPerSecond]).toEqual([200, 200]);
  const [slow] = atPortalRate({ ...start, eventsPerSecond: 5 }, newReplayState(start, 0));
  expect(slow.eventsPerSecond).toBe(5);
});

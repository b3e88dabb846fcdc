import { describe, expect, test } from 'vitest';
import { type Backlog, BacklogPace } from '../../api/backlogPace.ts';

const MiB = 1024 * 1024;
/** Of events of 1 KiB. */
const backlog = (waitingMiB: number, more: Partial<Backlog> = {}): Backlog => ({
  ...{ waitingBytes: waitingMiB * MiB, waitingEvents: waitingMiB * 1024, deliveredEvents: 0, isDelivering: true },
  ...more,
});

/** A pace that has had looks a second apart, the last one now, and says after how long the block after one of so many bytes is due. */
function paceAfter(...looks: Backlog[]) {
  const pace = new BacklogPace();
  for (const [second, look] of looks.entries()) pace.looked(look, second * 1_000);
  const nowMs = Math.max(0, looks.length - 1) * 1_000;
  return { pace, nowMs, waitMs: (afterMs = 0, blockBytes = 0) => pace.waitMs(blockBytes, nowMs + afterMs) };
}

describe('a lane that nobody has measured is given', () => {
  test.each([
    ['200 ms for each MiB over 1.5 that waits', backlog(2.5), 200],
    ['no time for what is on its way at full load', backlog(1.5), 0],
    ['500 ms at most', backlog(100), 500],
    ['no time where nothing waits', backlog(0), 0],
    ['no time where it delivers nothing anyway', backlog(100, { isDelivering: false }), 0],
  ])('%s', (_, look, ms) => {
    expect(paceAfter(look).waitMs()).toBe(ms);
  });

  test('no time before the first look', () => {
    const { pace, waitMs } = paceAfter();
    pace.stored(100 * MiB, 0);
    expect(waitMs()).toBe(0);
  });
});

describe('what waits in a lane between two looks', () => {
  test('is less by what it has delivered meanwhile, and never less than nothing', () => {
    const { pace, waitMs } = paceAfter(backlog(3));
    expect([waitMs(), waitMs(100), waitMs(300), waitMs(10_000)]).toEqual([300, 200, 0, 0]);
    pace.stored(2 * MiB, 10_000);
    expect(waitMs(10_000)).toBe(100);
  });

  test('is more by what was stored, and by the block that is about to be', () => {
    const { pace, waitMs } = paceAfter(backlog(1));
    pace.stored(MiB, 0);
    expect([waitMs(), waitMs(0, MiB)]).toEqual([100, 300]);
  });

  test('makes each block wait until there is room for the next one, not all of them for the same backlog', () => {
    const { pace, waitMs } = paceAfter(backlog(2.5));
    let atMs = 0;
    const waits = Array.from({ length: 4 }, () => {
      const wait = waitMs(atMs, MiB / 2);
      pace.stored(MiB / 2, atMs);
      atMs += wait;
      return wait;
    });
    expect(waits).toEqual([300, 100, 100, 100]);
  });
});

describe('a lane that was looked at twice is given the time that it takes itself', () => {
  const waitMsWhere = (deliveredMiB: number, before = backlog(2), isDelivering = true): number =>
    paceAfter(before, backlog(2, { deliveredEvents: deliveredMiB * 1024, isDelivering })).pace.waitMs(0, 1_000);

  test('half by what was known, half by the last two looks', () => {
    expect(waitMsWhere(2)).toBe((200 + 500) / 2 / 2);
    expect(waitMsWhere(5)).toBe(100);
  });

  test('within bounds, however slow or fast it seems', () => {
    expect(waitMsWhere(0.1)).toBe((200 + 1_000) / 2 / 2);
    expect(waitMsWhere(100)).toBe((200 + 100) / 2 / 2);
  });

  test('but not by a time in which it had nothing to do, stood still, or began anew', () => {
    expect(waitMsWhere(2, backlog(0.5))).toBe(100);
    expect(waitMsWhere(2, backlog(2, { isDelivering: false }))).toBe(100);
    expect(waitMsWhere(0)).toBe(100);
    expect(waitMsWhere(1, backlog(2, { deliveredEvents: 9_999 }))).toBe(100);
  });
});

test('a lane that has less to do than was thought is taken to be faster, so that its own pauses do not keep it slow', () => {
  const { pace, waitMs } = paceAfter(backlog(2));
  pace.stored(8 * MiB, 0);
  pace.looked(backlog(0.1), 1_000);
  pace.looked(backlog(2.5), 9_000);
  expect(waitMs(9_000)).toBe((200 + 100) / 2);
});

test('a lane that is too busy to answer gets its next block latest, and the ones after it as it should have caught up', () => {
  const { pace, waitMs } = paceAfter();
  pace.unanswered(0);
  expect([waitMs(), waitMs(500)]).toEqual([500, 0]);
});

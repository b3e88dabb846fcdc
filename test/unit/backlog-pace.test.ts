import { describe, expect, test } from 'vitest';
import { type Backlog, BacklogPace } from '../../api/backlogPace.ts';

const MiB = 1024 * 1024;
/** Of events of 1 KiB. */
const backlog = (waitingMiB: number, more: Partial<Backlog> = {}): Backlog => ({
  ...{ waitingBytes: waitingMiB * MiB, waitingEvents: waitingMiB * 1024, deliveredEvents: 0, isDelivering: true },
  ...more,
});

/** What a lane's blocks wait after looks a second apart. */
function waitMsAfter(...looks: Backlog[]): number {
  const pace = new BacklogPace();
  for (const [second, look] of looks.entries()) pace.looked(look, second * 1_000);
  return pace.waitMs;
}

describe('a lane that nobody has measured is given', () => {
  test.each([
    ['200 ms for each MiB over the first that waits', backlog(2.5), 300],
    ['no time for what is on its way at full load', backlog(1), 0],
    ['500 ms at most', backlog(100), 500],
    ['no time where nothing waits', backlog(0), 0],
    ['no time where it delivers nothing anyway', backlog(100, { isDelivering: false }), 0],
  ])('%s', (_, look, ms) => {
    expect(waitMsAfter(look)).toBe(ms);
  });
});

describe('a lane that was looked at twice is given the time that it takes itself', () => {
  const waitMsWhere = (deliveredMiB: number, before = backlog(1.5), isDelivering = true): number =>
    waitMsAfter(before, backlog(1.5, { deliveredEvents: deliveredMiB * 1024, isDelivering }));

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
    expect(waitMsWhere(2, backlog(1.5, { isDelivering: false }))).toBe(100);
    expect(waitMsWhere(0)).toBe(100);
    expect(waitMsWhere(1, backlog(1.5, { deliveredEvents: 9_999 }))).toBe(100);
  });
});

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Spacing } from '../../activities/spacing.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const never = new AbortController().signal;

/** When each of so many that come now goes on, in ms from now, and which of them were told that they wait. */
async function comingAtOnce(
  spacing: Spacing,
  count: number,
  signal = never,
): Promise<{ goneAtMs: number[]; waited: number[] }> {
  const beganMs = performance.now();
  const goneAtMs: number[] = [];
  const waited: number[] = [];
  const all = Array.from({ length: count }, async (_, n) => {
    await spacing.turn(signal, () => waited.push(n));
    goneAtMs[n] = performance.now() - beganMs;
  });
  await vi.runAllTimersAsync();
  await Promise.all(all);
  return { goneAtMs, waited };
}

test('what comes at one moment goes on one after the other, the first at once', async () => {
  const { goneAtMs, waited } = await comingAtOnce(new Spacing({ everyMs: 10, waitMsMax: 100 }), 4);
  expect(goneAtMs).toEqual([0, 10, 20, 30]);
  expect(waited).toEqual([1, 2, 3]);
});

test('who would have to wait too long has some time before that', async () => {
  const { goneAtMs, waited } = await comingAtOnce(new Spacing({ everyMs: 10, waitMsMax: 20 }), 40);
  expect(goneAtMs.slice(0, 3)).toEqual([0, 10, 20]);
  const others = goneAtMs.slice(3);
  expect(Math.max(...others)).toBeLessThanOrEqual(20);
  expect(new Set(others.map(Math.round)).size).toBeGreaterThan(3);
  expect(waited.length).toBe(39);
});

test('who waits goes on at once when the signal aborts, and who comes after that does not wait', async () => {
  const spacing = new Spacing({ everyMs: 10, waitMsMax: 100 });
  const over = new AbortController();
  await spacing.turn(over.signal, () => undefined);
  const waiting = spacing.turn(over.signal, () => over.abort());
  await waiting;
  expect((await comingAtOnce(spacing, 1, over.signal)).goneAtMs).toEqual([0]);
  expect(vi.getTimerCount()).toBe(0);
});

test('nobody waits for those who came long before', async () => {
  const spacing = new Spacing({ everyMs: 10, waitMsMax: 100 });
  await comingAtOnce(spacing, 3);
  vi.advanceTimersByTime(10);
  expect((await comingAtOnce(spacing, 1)).goneAtMs).toEqual([0]);
});

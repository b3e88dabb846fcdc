import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { VisibilityPace } from '../../activities/visibilityPace.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Calls of visibility, and when each came, in ms. */
function visibility() {
  const pace = new VisibilityPace();
  const startMs = performance.now();
  const atMs: number[] = [];
  const ask = (name: string): Promise<number> =>
    pace.shared(name, async () => atMs.push(Math.round(performance.now() - startMs)));
  return { ask, atMs };
}

test('who asks the same within a second gets the same answer of one call', async () => {
  const { ask, atMs } = visibility();
  expect(await Promise.all([ask('a'), ask('a')])).toEqual([1, 1]);
  expect(await ask('a')).toBe(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await ask('a')).toBe(2);
  expect(atMs).toEqual([0, 1_000]);
});

test('four calls may follow each other at once, and then four a second', async () => {
  const { ask, atMs } = visibility();
  const all = Promise.all(Array.from({ length: 8 }, (_, n) => ask(String(n))));
  await vi.advanceTimersByTimeAsync(1_000);
  await all;
  expect(atMs).toEqual([0, 0, 0, 0, 250, 500, 750, 1_000]);
});

test('who would have to wait for more than three seconds is told to come again, and takes no turn', async () => {
  const { ask, atMs } = visibility();
  const answers = Promise.allSettled(Array.from({ length: 40 }, (_, n) => ask(String(n))));
  await vi.advanceTimersByTimeAsync(3_000);
  const refused = (await answers).filter(({ status }) => status === 'rejected');
  expect([atMs.length, refused.length]).toEqual([16, 24]);
  expect(refused[0]).toMatchObject({ reason: { code: 'overloaded' } });
});

test('an answer that failed is nobody else’s', async () => {
  const pace = new VisibilityPace();
  const failing = pace.shared('a', () => Promise.reject(new Error('away')));
  await expect(failing).rejects.toThrow('away');
  expect(await pace.shared('a', async () => 'here')).toBe('here');
});

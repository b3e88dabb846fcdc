import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Slowness } from '../../activities/kafka/slowness.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Asks, and returns what answers: `isBrokers` as the asker says of its answer. */
function asked(slowness: Slowness, isBrokers = true) {
  let answer = (): void => undefined;
  const answered = slowness.timed(
    new Promise<void>((resolve) => {
      answer = resolve;
    }),
    () => isBrokers,
  );
  return async (): Promise<void> => {
    answer();
    await answered;
  };
}
const afterMs = async (slowness: Slowness, ms: number, isBrokers = true): Promise<boolean> => {
  const answer = asked(slowness, isBrokers);
  vi.advanceTimersByTime(ms);
  await answer();
  return slowness.isSlow;
};

test('a broker is slow while it owes an answer for two seconds, and one such answer is no more than a hiccup', async () => {
  const slowness = new Slowness();
  const answer = asked(slowness);
  vi.advanceTimersByTime(1_999);
  expect([slowness.isSlow, slowness.owedForMs]).toEqual([false, 1_999]);
  vi.advanceTimersByTime(1);
  expect(slowness.isSlow).toBe(true);
  await answer();
  expect([slowness.isSlow, slowness.owedForMs]).toEqual([false, 0]);
});

test('after two slow answers, one after the other, it is slow for a minute, or until a quick one', async () => {
  const slowness = new Slowness();
  expect(await afterMs(slowness, 2_000)).toBe(false);
  expect(await afterMs(slowness, 2_000)).toBe(true);
  vi.advanceTimersByTime(59_999);
  expect(slowness.isSlow).toBe(true);
  vi.advanceTimersByTime(1);
  expect(slowness.isSlow).toBe(false);
  expect(await afterMs(slowness, 3_000)).toBe(true);
  expect(await afterMs(slowness, 1_999)).toBe(false);
  expect(await afterMs(slowness, 2_000)).toBe(false);
});

test('answers that were owed at the same time are one hiccup, and what is not the broker’s own says nothing', async () => {
  const slowness = new Slowness();
  const answers = [asked(slowness), asked(slowness), asked(slowness)];
  vi.advanceTimersByTime(5_000);
  for (const answer of answers) await answer();
  expect(slowness.isSlow).toBe(false);
  expect(await afterMs(slowness, 10, false)).toBe(false);
  expect(await afterMs(slowness, 2_000)).toBe(true);
  expect(await afterMs(slowness, 10, false)).toBe(true);
  expect(await afterMs(slowness, 10)).toBe(false);
});

test('a question that fails late is a slow answer, too', async () => {
  const slowness = new Slowness();
  for (let n = 0; n < 2; n++) {
    let fail = (_: Error): void => undefined;
    const silent = new Promise<void>((_, reject) => {
      fail = reject;
    });
    const question = slowness.timed(silent, () => true);
    vi.advanceTimersByTime(10_000);
    fail(new Error('silent'));
    await expect(question).rejects.toThrow('silent');
  }
  expect(slowness.isSlow).toBe(true);
});

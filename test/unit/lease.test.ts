import { ActivityNotFoundError } from '@temporalio/client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Lease } from '../../activities/lease.ts';

const heartbeatTimeoutMs = 5_000;
const attemptTimeoutMs = 30_000;
beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-01-15T09:30:00Z') });
});
afterEach(() => {
  vi.useRealTimers();
});

/** The lease on a try that Temporal scheduled so long ago, and how it has answered its heartbeats. */
function leaseOn(scheduledMsAgo: number, heartbeat: () => Promise<unknown> = async () => undefined) {
  const beat = vi.fn(heartbeat);
  const scheduledAtMs = Date.now() - scheduledMsAgo;
  const lease = new Lease({ heartbeat: beat, heartbeatTimeoutMs, attemptTimeoutMs, scheduledAtMs });
  return { lease, beat };
}
const never = (): Promise<unknown> => new Promise(() => undefined);

test('a fresh try holds the lease at once, and one that is short tells Temporal nothing', async () => {
  const { lease, beat } = leaseOn(20);
  await lease.take();
  expect(lease.isHeld()).toBe(true);
  await vi.advanceTimersByTimeAsync(250);
  lease.end();
  await vi.advanceTimersByTimeAsync(attemptTimeoutMs);
  expect(beat).not.toHaveBeenCalled();
  expect([lease.isHeld(), lease.signal.aborted]).toEqual([false, false]);
});

test('a long try holds it as long as Temporal confirms heartbeats, but never to the end of the attempt', async () => {
  const { lease } = leaseOn(0);
  await lease.take();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(lease.isHeld()).toBe(true);
  await vi.advanceTimersByTimeAsync(5_000);
  expect([lease.isHeld(), lease.signal.aborted]).toEqual([false, true]);
});

test.each([
  ['answers nothing', never],
  ['is away', () => Promise.reject(new Error('UNAVAILABLE'))],
])('the lease ends before the heartbeat timeout where Temporal %s', async (_, heartbeat) => {
  const { lease } = leaseOn(0, heartbeat);
  await lease.take();
  await vi.advanceTimersByTimeAsync(3_900);
  expect(lease.isHeld()).toBe(true);
  await vi.advanceTimersByTimeAsync(200);
  expect([lease.isHeld(), lease.signal.aborted]).toEqual([false, true]);
});

test('a try that Temporal does not know any more loses the lease at once', async () => {
  const { lease } = leaseOn(0, () => Promise.reject(new ActivityNotFoundError('gone')));
  await lease.take();
  await vi.advanceTimersByTimeAsync(301);
  expect([lease.isHeld(), lease.signal.aborted]).toEqual([false, true]);
});

test('a process that stood still has no lease when it wakes, before any timer has run', async () => {
  const { lease } = leaseOn(0);
  await lease.take();
  vi.setSystemTime(Date.now() + heartbeatTimeoutMs);
  expect(lease.isHeld()).toBe(false);
});

test('a task that was long on its way asks Temporal first whether its try is still on', async () => {
  const { lease, beat } = leaseOn(60_000);
  expect(lease.isHeld()).toBe(false);
  await lease.take();
  expect(beat).toHaveBeenCalledTimes(1);
  expect(lease.isHeld()).toBe(true);
  lease.end();
});

test.each([
  ['was given up', () => Promise.reject(new ActivityNotFoundError('gone'))],
  ['can not be asked about', never],
])('a task that was long on its way, and whose try %s, gets no lease', async (_, heartbeat) => {
  const { lease } = leaseOn(60_000, heartbeat);
  const taken = lease.take();
  await vi.advanceTimersByTimeAsync(heartbeatTimeoutMs);
  await taken;
  expect([lease.isHeld(), lease.signal.aborted]).toEqual([false, true]);
});

test("a clock that is behind Temporal's takes nothing from the lease, and adds nothing", async () => {
  const { lease } = leaseOn(-10_000, never);
  await lease.take();
  expect(lease.isHeld()).toBe(true);
  await vi.advanceTimersByTimeAsync(4_100);
  expect(lease.isHeld()).toBe(false);
});

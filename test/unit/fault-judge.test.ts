import { describe, expect, test } from 'vitest';
import { readArguments, WrongArgument } from '../faults/arguments.ts';
import { isGoneWithTopic } from '../faults/judge/goneWithTopic.ts';
import { lateWrites } from '../faults/judge/lateWrites.ts';
import { duplicatesOf, unknownAttempts } from '../faults/judge/logs.ts';
import { goingOnAfter, longestStallMs, type Passage } from '../faults/judge/waits.ts';
import type { LoggedDelivery } from '../harness/eventLog.ts';

const oneKey = () => 0;
const late = (...numbers: number[]) => lateWrites(Int32Array.from(numbers), oneKey);

describe('late writes', () => {
  test('a batch that is sent again, in order, is none', () => {
    expect(late(1, 2, 3, 1, 2, 3, 4)).toBe(0);
    expect(late(1, 2, 1, 2, 3, 4, 3, 4, 5)).toBe(0);
  });

  test('records of a forgotten attempt, behind newer ones that do not come again, are counted', () => {
    expect(late(1, 2, 3, 4, 1, 2, 5)).toBe(1);
    expect(late(1, 2, 3, 4, 2, 5, 3, 6)).toBe(2);
  });

  test('a swap is one, too', () => {
    expect(late(2, 1, 3)).toBeGreaterThan(0);
  });

  test('each key is looked at alone', () => {
    const keyOf = (n: number) => n % 2;
    expect(lateWrites(Int32Array.of(0, 1, 2, 4, 3, 5), keyOf)).toBe(0);
    expect(lateWrites(Int32Array.of(0, 1, 2, 3, 0, 5, 4), keyOf)).toBe(1);
  });
});

const passage = (lane: string, acceptedAtMs: number, deliveredAtMs: number): Passage => ({
  ...{ lane, acceptedAtMs, deliveredAtMs },
});

describe('stalls', () => {
  test('a lane that has nothing to deliver does not stall', () => {
    expect(longestStallMs([passage('a', 0, 10), passage('a', 5_000, 5_010)])).toBe(10);
  });

  test('the longest time without a delivery while something waited counts, of any lane', () => {
    const busy = Array.from({ length: 10 }, (_, n) => passage('busy', n * 1_000, n * 1_000 + 5));
    const stuck = [passage('stuck', 0, 10), passage('stuck', 500, 4_500), passage('stuck', 1_000, 4_500)];
    expect(longestStallMs([...busy, ...stuck])).toBe(4_000);
  });

  test('an event that waits while its lane delivers others is no stall', () => {
    const others = Array.from({ length: 20 }, (_, n) => passage('a', n * 100, n * 100 + 50));
    expect(longestStallMs([passage('a', 0, 2_000), ...others])).toBeLessThanOrEqual(100);
  });

  test('going on is counted to the last lane, catching up to the last event that waited', () => {
    const passages = [
      ...[passage('a', 900, 1_100), passage('a', 950, 1_700), passage('a', 1_500, 9_000)],
      ...[passage('b', 900, 1_400), passage('c', 100, 200)],
    ];
    expect(goingOnAfter(1_000, passages)).toEqual({ goesOnMs: 400, caughtUpMs: 700 });
    expect(goingOnAfter(20_000, passages)).toEqual({ goesOnMs: 0, caughtUpMs: 0 });
  });
});

const logOf = (...outcomes: ('unknown' | 'failed' | 'delivered')[]): LoggedDelivery => ({
  destinationId: 'dst_x',
  workflowId: 'delivery:dst_x:0',
  runId: 'run',
  status: 'delivered',
  acceptedAt: '2026-01-15T09:30:00.000Z',
  attempts: outcomes.map((outcome, n) => ({
    number: n + 1,
    startedAt: '2026-01-15T09:30:00.000Z',
    outcome,
    records: 1,
  })),
  interventions: [],
});

describe('duplicates', () => {
  test('each needs an attempt of unknown outcome of its own', async () => {
    const logs = new Map([
      [1, logOf('unknown', 'delivered')],
      [2, logOf('failed', 'delivered')],
      [3, logOf('unknown', 'delivered')],
    ]);
    const found = await duplicatesOf(Int32Array.of(1, 1, 2, 2, 3, 3, 3, 4), {
      of: async (n) => logs.get(n) ?? logOf(),
    });
    expect({ ...found, unexplained: found.unexplained.sort() }).toEqual({
      count: 4,
      explained: 2,
      unexplained: [2, 3],
    });
  });

  test('an attempt that failed for others is unknown where its error says so', () => {
    const error = { kind: 'outcomeUnknown', name: 'NO_ANSWER_IN_TIME', message: '', remedy: '' } as const;
    const log = logOf('failed', 'delivered');
    expect(unknownAttempts(log)).toBe(0);
    expect(unknownAttempts({ ...log, attempts: log.attempts.map((attempt) => ({ ...attempt, error })) })).toBe(2);
  });
});

test('arguments name faults, and a wrong name is answered with the right ones', () => {
  expect(readArguments(['--short', '--only', 'poison,none'])).toMatchObject({
    form: 'short',
    faults: [{ name: 'none' }, { name: 'poison' }],
  });
  expect(readArguments([])).toMatchObject({ form: 'full', auth: 'none' });
  expect(readArguments(['--auth', 'mtls'])).toMatchObject({ auth: 'mtls' });
  expect(() => readArguments(['--auth', 'kerberos'])).toThrow(/"kerberos".*none, scram, mtls/);
  expect(() => readArguments(['--only', 'meteor'])).toThrow(WrongArgument);
  expect(() => readArguments(['--only', 'meteor'])).toThrow(/"meteor".*worker-killed/);
  expect(() => readArguments(['--sohrt'])).toThrow(WrongArgument);
});

test('an event is gone with its topic only where it was delivered seconds before that was deleted', () => {
  const deletedAtMs = Date.parse('2026-01-15T09:30:00Z');
  const attempt = (startedAt: string) => ({ number: 1, startedAt, outcome: 'delivered' as const, records: 1 });
  const isGone = (startedAt: string, status: 'delivered' | 'queued' = 'delivered'): boolean =>
    isGoneWithTopic({ status, attempts: [attempt(startedAt)] }, [0, deletedAtMs, deletedAtMs + 60_000]);
  expect(isGone('2026-01-15T09:29:59Z')).toBe(true);
  expect(isGone('2026-01-15T09:29:59Z', 'queued')).toBe(false);
  expect(isGone('2026-01-15T09:29:50Z')).toBe(false); // It would have been read.
  expect(isGone('2026-01-15T09:30:01Z')).toBe(false); // It went to the new topic.
});

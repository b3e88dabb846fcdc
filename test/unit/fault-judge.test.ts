import { describe, expect, test } from 'vitest';
import { faultsFrom, readArguments, WrongArgument } from '../faults/arguments.ts';
import { promised } from '../faults/fault.ts';
import { answersWith, parks, stallsEachTime, stallsOnce, writesTwice } from '../faults/judge/effects.ts';
import { isGoneWithTopic } from '../faults/judge/goneWithTopic.ts';
import { lateWrites } from '../faults/judge/lateWrites.ts';
import { duplicatesOf, unknownAttempts } from '../faults/judge/logs.ts';
import { latenessOf, problemsOf } from '../faults/judge/problems.ts';
import { goingOnAfter, longestMs, type Passage, stallsIn } from '../faults/judge/waits.ts';
import type { FaultResult } from '../faults/runFault.ts';
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

const longestStallMs = (passages: readonly Passage[]): number => longestMs(stallsIn(passages));

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

  test('of a fault those count that last into its time', () => {
    const stalls = stallsIn([passage('a', 0, 3_000), passage('a', 3_500, 3_600), passage('b', 7_000, 9_000)]);
    expect(longestMs(stalls, { fromMs: 1_000, untilMs: 4_000 })).toBe(3_000);
    expect(longestMs(stalls, { fromMs: 3_100, untilMs: 7_500 })).toBe(2_000);
    expect(longestMs(stalls, { fromMs: 4_000, untilMs: 6_000 })).toBe(0);
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

describe('what is wrong with a result', () => {
  const round = { injectedAtMs: 0, healedAtMs: 0, thereAtMs: 0, goesOnMs: 500, caughtUpMs: 500, stallMs: 3_000 };
  const good: Omit<FaultResult, 'problems'> = {
    ...{ fault: 'x', title: 'x', workers: 1, parked: 0, answers: { '202': 9 }, accepted: 9, arrived: 9, outOfOrder: 0 },
    ...{ unanswered: 0, lost: 0, goneWithTopic: 0, lateWrites: 0, duplicated: 1, explained: 1, longestStallMs: 3_000 },
    ...{ rounds: [round, round], examples: [] },
  };

  test('nothing, where nothing was lost and harm was done', () => {
    expect(problemsOf(good, { effect: stallsEachTime(2_000) })).toEqual([]);
    expect(problemsOf(good, { effect: writesTwice })).toEqual([]);
  });

  test('a record too many that no attempt explains, and each other count', () => {
    expect(problemsOf({ ...good, lost: 2, explained: 0 }, {})).toEqual([
      '2 lost',
      '1 there twice without an attempt of unknown outcome',
    ]);
  });

  test('a fault that did no harm, in one round only', () => {
    const unharmed = { ...good, rounds: [round, { ...round, stallMs: 300 }] };
    expect(problemsOf(unharmed, { effect: stallsEachTime(2_000) })).toEqual([
      'nothing is proven, for no lane stood still for 2.0 s in round 2 (0.3 s)',
    ]);
    expect(problemsOf(unharmed, { effect: stallsOnce(2_000) })).toEqual([]);
    expect(problemsOf(good, { effect: stallsOnce(3_500) })).toEqual([
      'nothing is proven, for no lane ever stood still for 3.5 s',
    ]);
    expect(problemsOf(good, { effect: answersWith('no answer') })).toHaveLength(1);
    expect(problemsOf(good, { effect: parks(48) })).toHaveLength(1);
    expect(problemsOf({ ...good, duplicated: 0, explained: 0 }, { effect: writesTwice })).toHaveLength(1);
  });

  test('lanes that go on later than the bound of the fault', () => {
    const slow = { ...good, rounds: [round, { ...round, goesOnMs: 3_200 }] };
    expect(latenessOf(good, { goesOn: promised })).toEqual([]);
    expect(latenessOf(slow, { goesOn: promised })).toEqual(['round 2: lanes went on after 3.2 s, which is over 3 s']);
  });
});

test('every fault but none says what shows that it did harm, and within what time lanes go on', () => {
  for (const { name, effect, goesOn } of faultsFrom(undefined)) {
    expect(effect === undefined, name).toBe(name === 'none');
    expect(goesOn.withinMs).toBeGreaterThanOrEqual(promised.withinMs);
  }
});

test('arguments name faults, and a wrong name is answered with the right ones', () => {
  expect(readArguments(['--short', '--only', 'poison,none'])).toMatchObject({
    form: 'short',
    faults: [{ name: 'none' }, { name: 'poison' }],
  });
  expect(readArguments([])).toMatchObject({ form: 'full', auth: 'none', client: 'kafkajs', server: {} });
  expect(readArguments(['--auth', 'mtls'])).toMatchObject({ auth: 'mtls' });
  expect(() => readArguments(['--auth', 'kerberos'])).toThrow(/"kerberos".*none, scram, mtls/);
  expect(readArguments(['--client', 'platformatic'])).toMatchObject({ client: 'platformatic' });
  expect(() => readArguments(['--client', 'librdkafka'])).toThrow(/"librdkafka".*kafkajs, platformatic/);
  expect(readArguments(['--server', 'a.b=true', '--server', 'c="2s"'])).toMatchObject({
    server: { 'a.b': 'true', c: '"2s"' },
  });
  for (const wrong of ['a.b', 'a.b=', '=true', 'a.b=2s']) {
    expect(() => readArguments(['--server', wrong]), wrong).toThrow(/no setting.*name=value/);
  }
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

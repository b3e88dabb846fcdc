import { describe, expect, test } from 'vitest';
import type { Attempt, Failed, Outcome, PartitionFailure, Progress } from '../../domain/attempt.ts';
import { blockOf } from '../../domain/block.ts';
import { deliveryLogOf, type LaneRecord, type RunningProduce } from '../../domain/deliveryLog.ts';
import { failureRowOf } from '../../domain/failures.ts';
import { keyOf } from '../harness/partitionKey.ts';

/** Three events of one batch: the log is about the one in the middle. */
const [before, own, after] = ['a', 'b', 'c'].map((letter) => letter.repeat(22)) as [string, string, string];
const block = blockOf(
  [before, own, after].map((id) => ({ id, key: 'k', value: Buffer.from('1') })),
  0,
  0,
);
const scheduled = (batch: string): LaneRecord => ({
  ...{ kind: 'scheduled', batch, activity: `${batch}/activity` },
  ...{ atMs: 500, block },
});
const failed = (name: string): Failed => {
  const { kind, remedy } = failureRowOf(name);
  return { kind, name, message: name, remedy };
};
const attempt = (number: number, outcome: Attempt['outcome'], more: Partial<Attempt> = {}): Attempt => ({
  ...{ number, startedAtMs: 1_000 * number, durationMs: 5, outcome, brokers: ['b:1'] },
  ...more,
});
const landedAt = (number: number, positions: number[]): Outcome['landed'][number] => ({
  ...{ partition: 3, broker: 'b:1', attempt: number, positions },
  offsets: positions.map((position) => 100 + position),
});
const refusedAt = (number: number, position: number): Outcome['refused'][number] => ({
  ...{ position, attempt: number, error: failed('MESSAGE_TOO_LARGE') },
});
const completed = (batch: string, outcome: Partial<Outcome>): LaneRecord => ({
  ...{ kind: 'completed', batch, atMs: 9_000 },
  outcome: { onDeadLetter: 'continue', attempts: [], landed: [], refused: [], ...outcome },
});
const selected = (ids: string[] | 'all') => ({
  ...{ digests: ids === 'all' ? ids : new Set(ids), reason: 'mended', by: 'ada' },
});

const delivered = (batch: string): LaneRecord[] => [
  scheduled(batch),
  completed(batch, { attempts: [attempt(1, 'delivered')], landed: [landedAt(1, [0, 1, 2])] }),
];
const parked = (batch: string): LaneRecord[] => [
  scheduled(batch),
  completed(batch, {
    attempts: [
      attempt(1, 'failed', { error: failed('MESSAGE_TOO_LARGE') }),
      attempt(2, 'delivered', { positions: [0] }),
      attempt(3, 'failed', { positions: [1], error: failed('MESSAGE_TOO_LARGE') }),
      attempt(4, 'delivered', { positions: [2] }),
    ],
    landed: [landedAt(2, [0]), landedAt(4, [2])],
    refused: [refusedAt(3, 1)],
  }),
];

describe('the log of a delivery', () => {
  test('is empty while the event waits, whatever becomes of others', () => {
    expect(deliveryLogOf('x'.repeat(22), [...delivered('1'), ...parked('2')])).toEqual({
      status: 'queued',
      attempts: [],
      interventions: [],
    });
  });

  test('says where the record lies once it was delivered', () => {
    expect(deliveryLogOf(own, delivered('1'))).toMatchObject({
      status: 'delivered',
      partition: 3,
      offset: 101,
      error: undefined,
      attempts: [{ number: 1, outcome: 'delivered', broker: 'b:1', partition: 3, offset: 101 }],
    });
  });

  test('holds the attempts that the record took part in, and no other', () => {
    const log = deliveryLogOf(own, parked('1'));
    expect(log).toMatchObject({ status: 'parked', error: { name: 'MESSAGE_TOO_LARGE' } });
    expect(log.attempts.map(({ number, outcome }) => [number, outcome])).toEqual([
      [1, 'failed'],
      [3, 'failed'],
    ]);
    expect(log.attempts.map(({ records }) => records)).toEqual([3, 1]);
    const numbers = (digest: string): number[] =>
      deliveryLogOf(digest, parked('1')).attempts.map(({ number }) => number);
    expect(numbers(before)).toEqual([1, 2]);
    expect(numbers(after)).toEqual([1, 4]);
  });

  test('tells of an attempt whose outcome is unknown, with its error', () => {
    const log = deliveryLogOf(own, [
      scheduled('1'),
      completed('1', {
        attempts: [attempt(1, 'unknown', { error: failed('WORKER_LOST') }), attempt(2, 'delivered')],
        landed: [landedAt(2, [0, 1, 2])],
      }),
    ]);
    expect(log.attempts).toMatchObject([
      { number: 1, outcome: 'unknown', records: 3, error: { name: 'WORKER_LOST' } },
      { number: 2, outcome: 'delivered', records: 3 },
    ]);
  });

  test('says "unknown" of a record whose partition gave no answer, though another one took its records', () => {
    const log = deliveryLogOf(own, [
      scheduled('1'),
      completed('1', {
        attempts: [attempt(1, 'partly', { error: failed('NO_ANSWER_IN_TIME') }), attempt(2, 'delivered')],
        landed: [landedAt(1, [0, 2]), landedAt(2, [1])],
      }),
    ]);
    expect(log.attempts.map(({ outcome }) => outcome)).toEqual(['unknown', 'delivered']);
  });

  test('says of each attempt what befell the partition of the record, and not another one', () => {
    const ids = ['a', 'b', 'c'].map((letter) => letter.repeat(22));
    const keys = [0, 1, 2].map((partition) => keyOf(partition, 3));
    const deliveries = ids.map((id, n) => ({ id, key: keys[n] ?? '', value: Buffer.from('1') }));
    const ofPartition = (partition: number, outcome: 'failed' | 'unknown', name: string): PartitionFailure => ({
      ...{ partitions: [partition], brokers: [`b:${partition}`], outcome, error: failed(name) },
    });
    const failures = [ofPartition(0, 'failed', 'NOT_LEADER_OR_FOLLOWER'), ofPartition(1, 'unknown', 'ECONNRESET')];
    const error = failed('ECONNRESET');
    const records: LaneRecord[] = [
      { kind: 'scheduled', batch: '1', activity: '1/activity', atMs: 0, block: blockOf(deliveries, 0, 0) },
      completed('1', {
        attempts: [
          attempt(1, 'partly', { partitions: 3, brokers: ['b:0', 'b:1', 'b:2'], error, failures }),
          attempt(2, 'failed', { partitions: 3, error: failed('ECONNREFUSED') }),
        ],
        landed: [{ partition: 2, broker: 'b:2', attempt: 1, positions: [2], offsets: [7] }],
      }),
    ];
    const shown = (n: number) =>
      deliveryLogOf(ids[n] ?? '', records).attempts.map(({ outcome, broker, partition, error }) => [
        ...[outcome, broker, partition, error?.name],
      ]);
    expect(shown(0)).toEqual([
      ['failed', 'b:0', 0, 'NOT_LEADER_OR_FOLLOWER'],
      ['failed', 'b:1', 0, 'ECONNREFUSED'],
    ]);
    expect(shown(1)).toEqual([
      ['unknown', 'b:1', 1, 'ECONNRESET'],
      ['failed', 'b:1', 1, 'ECONNREFUSED'],
    ]);
    expect(shown(2)).toEqual([['delivered', 'b:2', 2, undefined]]);
  });

  test('says of each attempt how many records it sent: not those that an earlier one has settled', () => {
    const log = deliveryLogOf(own, [
      scheduled('1'),
      completed('1', {
        attempts: [attempt(1, 'partly', { error: failed('NOT_ENOUGH_REPLICAS') }), attempt(2, 'delivered')],
        landed: [landedAt(1, [0, 2]), landedAt(2, [1])],
      }),
    ]);
    expect(log.attempts.map(({ outcome, records }) => [outcome, records])).toEqual([
      ['failed', 3],
      ['delivered', 1],
    ]);
  });

  test('goes on over replay: attempts of both batches, who asked and why', () => {
    const replay: LaneRecord = { kind: 'replay', atMs: 10_000, selected: selected([own]) };
    expect(deliveryLogOf(own, [...parked('1'), replay])).toMatchObject({
      status: 'queued',
      interventions: [{ kind: 'replay', atMs: 10_000, reason: 'mended', by: 'ada' }],
    });
    const log = deliveryLogOf(own, [...parked('1'), replay, ...delivered('2')]);
    expect(log).toMatchObject({ status: 'delivered', error: undefined, offset: 101 });
    expect(log.attempts.map(({ outcome }) => outcome)).toEqual(['failed', 'failed', 'delivered']);
  });

  test('ends with discard, and is untouched by signals for others or at another time', () => {
    const discard: LaneRecord = { kind: 'discard', atMs: 10_000, selected: selected('all') };
    const ofOthers: LaneRecord = { kind: 'discard', atMs: 10_000, selected: selected([before]) };
    expect(deliveryLogOf(own, [...parked('1'), discard]).status).toBe('discarded');
    expect(deliveryLogOf(own, [...parked('1'), ofOthers])).toMatchObject({ status: 'parked', interventions: [] });
    expect(deliveryLogOf(own, [...delivered('1'), discard])).toMatchObject({ status: 'delivered', interventions: [] });
  });

  test('is suspended with its destination, and queued again when the destination is mended', () => {
    const suspended = completed('1', {
      attempts: [attempt(1, 'failed', { brokers: [], error: failed('DESTINATION_DISABLED') })],
      suspended: failed('DESTINATION_DISABLED'),
    });
    expect(deliveryLogOf(own, [scheduled('1'), suspended])).toMatchObject({
      status: 'suspended',
      error: { name: 'DESTINATION_DISABLED' },
      attempts: [{ number: 1, outcome: 'failed', broker: undefined }],
    });
    const again = deliveryLogOf(own, [scheduled('1'), suspended, ...delivered('2')]);
    expect(again).toMatchObject({ status: 'delivered', error: undefined });
    expect(again.attempts).toHaveLength(2);
  });

  test('is queued again where its batch was given up before it was its turn', () => {
    const log = deliveryLogOf(own, [
      scheduled('1'),
      completed('1', { attempts: [attempt(1, 'delivered', { positions: [0] })], landed: [landedAt(1, [0])] }),
    ]);
    expect(log).toMatchObject({ status: 'queued', attempts: [], error: undefined });
  });

  test('sums up attempts that are only counted, over all batches, with the first and the last of their times', () => {
    const counted = (attemptsLeftOut: number, firstAtMs: number, lastAtMs: number): Partial<Outcome> => ({
      ...{ attemptsLeftOut, leftOut: { firstAtMs, lastAtMs, unknown: 1 } },
    });
    const first = completed('1', { ...counted(30, 1_000, 2_000), waiting: failed('ECONNREFUSED') });
    const second = completed('2', { ...counted(12, 3_000, 4_000), landed: [landedAt(1, [1])] });
    const log = deliveryLogOf(own, [scheduled('1'), first, scheduled('2'), second]);
    expect(log.attemptsLeftOut).toEqual({ count: 42, unknown: 2, firstAtMs: 1_000, lastAtMs: 4_000 });
    const ofOlderCode = completed('1', { attemptsLeftOut: 3 });
    expect(deliveryLogOf(own, [scheduled('1'), ofOlderCode]).attemptsLeftOut).toEqual({ count: 3, unknown: 3 });
  });

  test('takes the end of another batch for none of its own', () => {
    expect(deliveryLogOf(own, [scheduled('2'), completed('1', { landed: [landedAt(1, [1])] })]).status).toBe('sending');
  });
});

describe('the log while the produce activity runs', () => {
  const progress = (attempts: Attempt[], more: Partial<Progress> = {}): Progress => ({
    ...{ attempts, landed: [], refused: [], temporalAttempt: 1 },
    ...more,
  });
  const running = (more: Partial<RunningProduce>): RunningProduce => ({
    ...{ activity: '1/activity', progress: undefined, attempt: 1, scheduledAtMs: 500 },
    ...more,
  });
  const under = (more: Partial<RunningProduce>) => deliveryLogOf(own, [scheduled('1')], running(more));
  const underWay = (number: number): Attempt => attempt(number, 'unknown', { durationMs: undefined, brokers: [] });

  test('says "sending" at first, without attempts before the first heartbeat', () => {
    expect(under({})).toMatchObject({ status: 'sending', attempts: [] });
    expect(under({ progress: progress([underWay(1)]) })).toMatchObject({
      status: 'sending',
      attempts: [{ number: 1, outcome: 'running' }],
    });
  });

  test('says "retrying" from the second attempt on, with the last error and when the next one comes', () => {
    const refused = attempt(1, 'failed', { error: failed('ECONNREFUSED') });
    expect(under({ attempt: 2, nextAttemptAtMs: 5_000, progress: progress([refused]) })).toMatchObject({
      status: 'retrying',
      nextAttemptAtMs: 5_000,
      error: { name: 'ECONNREFUSED' },
      attempts: [{ number: 1, outcome: 'failed', error: { name: 'ECONNREFUSED' } }],
    });
    const second = progress([refused, underWay(2)], { temporalAttempt: 2 });
    expect(under({ attempt: 2, progress: second }).attempts).toMatchObject([
      { outcome: 'failed' },
      { outcome: 'running' },
    ]);
  });

  test('calls no attempt running whose worker was lost: while Temporal waits for the next try, nor while that runs', () => {
    const left = { progress: progress([underWay(1)], { atMs: 2_200 }), attempt: 2, scheduledAtMs: 5_000 };
    const bounds = { durationAtLeastMs: 1_200, durationAtMostMs: 4_000 };
    const lost = { number: 1, startedAtMs: 1_000, ...bounds, outcome: 'unknown', error: { name: 'WORKER_LOST' } };
    for (const nextAttemptAtMs of [5_000, undefined]) {
      expect(under({ ...left, nextAttemptAtMs }).attempts).toMatchObject([lost]);
    }
  });

  test('tells of a try that was lost before it said anything: it began once the batch was given out, and was over before the next', () => {
    expect(under({ attempt: 2, scheduledAtMs: 6_000 })).toMatchObject({
      status: 'retrying',
      error: { name: 'WORKER_LOST' },
      attempts: [{ number: 1, startedAtMs: 500, startIsEarliest: true, durationAtMostMs: 5_500, outcome: 'unknown' }],
    });
  });

  test('says "delivered" of a record that has landed, though others of its batch have not', () => {
    const attempts = [attempt(1, 'failed', { error: failed('ECONNRESET') }), attempt(2, 'partly')];
    const landed = progress(attempts, { landed: [landedAt(2, [1])], temporalAttempt: 2 });
    const log = under({ attempt: 3, nextAttemptAtMs: 5_000, progress: landed });
    expect(log).toMatchObject({ status: 'delivered', partition: 3, offset: 101, error: undefined });
    expect(log.nextAttemptAtMs).toBeUndefined();
    expect(under({ attempt: 3, nextAttemptAtMs: 5_000, progress: progress(attempts) }).nextAttemptAtMs).toBe(5_000);
  });

  test('does not concern an event that this activity does not carry', () => {
    const other = running({ activity: '2/activity', attempt: 5, progress: progress([underWay(1)]) });
    expect(deliveryLogOf(own, [scheduled('1')], other)).toMatchObject({ status: 'sending', attempts: [] });
    expect(deliveryLogOf(own, delivered('1'), running({ attempt: 5 })).status).toBe('delivered');
  });
});

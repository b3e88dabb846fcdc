import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { AttemptLog } from '../../activities/attemptLog.ts';
import { BatchDelivery } from '../../activities/batchDelivery.ts';
import type { Submission, SubmissionAnswer } from '../../activities/kafka/lingeringProducer.ts';
import type { Progress } from '../../domain/attempt.ts';
import { blockOf } from '../../domain/block.ts';
import type { OpenDestination } from '../../domain/destination.ts';

const partitions = 3;
/** Small, so that a batch goes out in several requests. */
const batchSizeBytes = 1_000;
type Sent = { key: string; n: number };
const nobodyRetires = { hold: () => undefined, letGo: () => undefined };

const destination: OpenDestination = {
  id: 'dst',
  customerExternalId: 'c',
  type: 'KAFKA',
  name: 'Test',
  brokers: ['b:1'],
  topic: 't',
  partitionKey: 'payload',
  eventTypes: ['*'],
  enabled: true,
  auth: { mode: 'NONE', tls: false },
  producer: { lingerMs: 0, batchSizeBytes, acks: 'all' },
  ordering: { lanes: 1 },
  onDeadLetter: 'continue',
  version: 1,
  createdAt: '2026-01-01T00:00:00Z',
  updatedAt: '2026-01-01T00:00:00Z',
  secrets: {},
  allowPrivate: true,
};

/**
 * Answers as a cluster does: the records of a partition are written together or refused together. Poison is refused for good;
 * `moves` says, for one partition after the other, whether its leader has just moved.
 */
function cluster(poison: ReadonlySet<number>, moves: Iterator<boolean>) {
  const written: Sent[] = [];
  const ends = new Map<number, number>();
  const answerOf = (records: Submission['records'], partition: number): SubmissionAnswer => {
    const together = records.filter((record) => record.partition === partition).map(({ record }) => record);
    const bytes = records
      .filter((record) => record.partition === partition)
      .reduce((sum, record) => sum + record.bytes, 0);
    expect(bytes).toBeLessThanOrEqual(batchSizeBytes);
    const sent = together.map(({ key, value }) => ({ key: String(key), n: Number(JSON.parse(String(value)).payload) }));
    const refused = (name: string, code: number): SubmissionAnswer => ({
      broker: 'b:1',
      failure: { name, code, message: name },
      isUnknown: false,
      recordsTogether: sent.length,
    });
    if (moves.next().value === true) return refused('NOT_LEADER_OR_FOLLOWER', 6);
    if (sent.some(({ n }) => poison.has(n))) return refused('MESSAGE_TOO_LARGE', 10);
    const baseOffset = ends.get(partition) ?? 0;
    ends.set(partition, baseOffset + sent.length);
    written.push(...sent);
    return { broker: 'b:1', baseOffset, recordsTogether: sent.length };
  };
  const producer = {
    ...nobodyRetires,
    partitionCount: async () => partitions,
    submit: async ({ records }: Submission) => {
      const asked = [...new Set(records.map(({ partition }) => partition))];
      return new Map(asked.map((partition) => [partition, answerOf(records, partition)]));
    },
  };
  return { written, producer };
}

/** Tries as Temporal does, from the progress that the try before has left, until there is an outcome. */
async function deliver(
  events: readonly Sent[],
  poison: ReadonlySet<number>,
  moves: Iterator<boolean>,
  onDeadLetter: OpenDestination['onDeadLetter'],
) {
  const { written, producer } = cluster(poison, moves);
  const value = ({ n }: Sent) => `{"eventType":"e","occurredAt":"t","customerExternalId":"c","payload":${n}}`;
  const deliveries = events.map((event) => ({
    id: String(event.n).padStart(22, '0'),
    key: event.key,
    value: new TextEncoder().encode(value(event)),
  }));
  const signal = new AbortController().signal;
  let before: Progress | undefined;
  for (let attempt = 1; ; attempt++) {
    const log = new AttemptLog(before, { attempt, scheduledAtMs: 0, currentScheduledAtMs: 0 });
    // Only Kafka stands in: the answers of a cluster, and a lease that always holds.
    const result = await new BatchDelivery({
      destinationId: 'dst',
      block: blockOf(deliveries, 0, 0),
      destinations: { open: async () => ({ ...destination, onDeadLetter }) },
      producers: { producerOf: () => producer },
      log,
      lease: { isHeld: () => true, signal },
    }).run();
    if ('outcome' in result) return { written, outcome: result.outcome };
    before = JSON.parse(JSON.stringify(log.progress())) as Progress;
  }
}

const batches = fc.record({
  events: fc
    .array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1, maxLength: 30 })
    .map((keys) => keys.map((key, n) => ({ key, n }))),
  poison: fc.uniqueArray(fc.nat(29)).map((ns) => new Set(ns)),
  moves: fc.array(fc.boolean(), { maxLength: 20 }),
});
const ofKey = (events: readonly Sent[], key: string) => events.filter((event) => event.key === key).map(({ n }) => n);

test('each record is written once, in the order of its key, or refused, if it is the culprit, whatever moves meanwhile', async () => {
  await fc.assert(
    fc.asyncProperty(batches, async ({ events, poison, moves }) => {
      const { written, outcome } = await deliver(events, poison, moves.values(), 'continue');
      expect(outcome.refused.map(({ position }) => position).sort((a, b) => a - b)).toEqual(
        events.map(({ n }) => n).filter((n) => poison.has(n)),
      );
      for (const key of ['a', 'b', 'c', 'd', 'e']) {
        expect(ofKey(written, key)).toEqual(ofKey(events, key).filter((n) => !poison.has(n)));
      }
    }),
  );
});

test('with "block", nothing of a key is written after a record of it that was refused, in no later try either', async () => {
  await fc.assert(
    fc.asyncProperty(batches, async ({ events, poison, moves }) => {
      const { written } = await deliver(events, poison, moves.values(), 'block');
      for (const key of ['a', 'b', 'c', 'd', 'e']) {
        const sent = ofKey(events, key);
        const firstPoison = sent.findIndex((n) => poison.has(n));
        expect(ofKey(written, key)).toEqual(firstPoison < 0 ? sent : sent.slice(0, firstPoison));
      }
    }),
  );
});

test('the record of every delivery names the attempt that wrote it, however many attempts there were', async () => {
  const events = Array.from({ length: 500 }, (_, n) => ({ key: `k${n % 7}`, n }));
  const poison = new Set([3, 77, 141, 200, 262, 333, 404, 499]);
  const { outcome } = await deliver(events, poison, [].values(), 'continue');
  const kept = new Set(outcome.attempts.map(({ number }) => number));
  expect(outcome.landed.every(({ attempt }) => kept.has(attempt))).toBe(true);
  expect(outcome.refused.every(({ attempt }) => kept.has(attempt))).toBe(true);
  expect(outcome.landed.flatMap(({ positions }) => positions)).toHaveLength(492);
});

test('an outage of a thousand tries leaves a record of bounded size that says how much it leaves out', async () => {
  const moves = Array.from({ length: 1_000 }, () => true);
  const { outcome } = await deliver([{ key: 'a', n: 1 }], new Set(), moves.values(), 'continue');
  expect(outcome.attempts.at(-1)).toMatchObject({ number: 1_001, outcome: 'delivered' });
  expect(outcome.attempts.length + (outcome.attemptsLeftOut ?? 0)).toBe(1_001);
  expect(outcome.attempts.length).toBeLessThan(120);
});

test('a batch that Temporal has given up ends as such, and a broker that is down then is no error of the process', async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  onTestFinished(() => void process.off('unhandledRejection', note));
  const submit = async (): Promise<never> => {
    throw new Error('Nothing may be sent.');
  };
  const partitionCount = async (): Promise<never> => {
    throw new Error('The broker is down.');
  };
  const result = await new BatchDelivery({
    destinationId: 'dst',
    block: blockOf([{ id: '0'.repeat(22), key: 'a', value: new TextEncoder().encode('{}') }], 0, 0),
    destinations: { open: async () => destination },
    producers: { producerOf: () => ({ ...nobodyRetires, partitionCount, submit }) },
    log: new AttemptLog(undefined, { attempt: 1, scheduledAtMs: 0, currentScheduledAtMs: 0 }),
    lease: { isHeld: () => false, signal: AbortSignal.abort() },
  }).run();
  await new Promise((resolve) => setImmediate(resolve)); // Node tells of it after the turn.
  expect(result).toMatchObject({ tryAgain: { name: 'NOT_SENT_IN_TIME' } });
  expect(unhandled).toEqual([]);
});

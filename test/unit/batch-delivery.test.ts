import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { AttemptLog } from '../../activities/attemptLog.ts';
import { BatchDelivery } from '../../activities/batchDelivery.ts';
import type { Place, Submission, SubmissionAnswer } from '../../activities/kafka/lingeringProducer.ts';
import type { Progress } from '../../domain/attempt.ts';
import { blockOf } from '../../domain/block.ts';
import { compressionCodec } from '../../domain/compressionCodec.ts';
import { deliveryLogOf, type LaneRecord } from '../../domain/deliveryLog.ts';
import type { OpenDestination } from '../../domain/destination.ts';

const partitions = 3;
/** Small, so that a batch goes out in several requests. */
const batchSizeBytes = 1_000;
type Sent = { key: string; n: number };
const nobodyRetires = { hold: () => undefined, letGo: () => undefined, isSlow: false, isToStepAside: false };
const inUsualPlace = { place: 'usual', tellsSlow: true, mayStepAside: true } as const;

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
function cluster(poison: ReadonlySet<number>, moves: Iterator<boolean>, bytesMax: number) {
  const written: Sent[] = [];
  /** What each request held. */
  const requests: number[][] = [];
  const ends = new Map<number, number>();
  const answerOf = (records: Submission['records'], partition: number): SubmissionAnswer => {
    const together = records.filter((record) => record.partition === partition).map(({ record }) => record);
    const bytes = records
      .filter((record) => record.partition === partition)
      .reduce((sum, record) => sum + record.bytes, 0);
    expect(bytes).toBeLessThanOrEqual(bytesMax);
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
      requests.push(records.map(({ record }) => Number(JSON.parse(String(record.value)).payload)));
      const asked = [...new Set(records.map(({ partition }) => partition))];
      return new Map(asked.map((partition) => [partition, answerOf(records, partition)]));
    },
  };
  return { written, requests, producer };
}

const digestOf = (n: number): string => String(n).padStart(22, '0');
const blockWith = (events: readonly Sent[]) =>
  blockOf(
    events.map(({ n, key }) => {
      const value = `{"eventType":"e","occurredAt":"t","customerExternalId":"c","payload":${n}}`;
      return { id: digestOf(n), key, value: new TextEncoder().encode(value) };
    }),
    0,
    0,
  );

/** Tries as Temporal does, from the progress that the try before has left, until there is an outcome. */
async function deliver(
  events: readonly Sent[],
  poison: ReadonlySet<number>,
  moves: Iterator<boolean>,
  onDeadLetter: OpenDestination['onDeadLetter'],
  bytesMax = batchSizeBytes,
) {
  const { written, requests, producer } = cluster(poison, moves, bytesMax);
  const producerSettings = { ...destination.producer, batchSizeBytes: bytesMax };
  const block = blockWith(events);
  const signal = new AbortController().signal;
  let before: Progress | undefined;
  for (let attempt = 1; ; attempt++) {
    const log = new AttemptLog(before, { attempt, scheduledAtMs: 0, currentScheduledAtMs: 0 });
    // Only Kafka stands in: the answers of a cluster, and a lease that always holds.
    const result = await new BatchDelivery({
      destinationId: 'dst',
      block,
      destinations: { open: async () => ({ ...destination, producer: producerSettings, onDeadLetter }) },
      producers: { producerOf: () => producer },
      log,
      lease: { isHeld: () => true, signal },
      ...inUsualPlace,
    }).run();
    if ('outcome' in result) return { written, requests, outcome: result.outcome };
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

test('each of 1,500 refused records has all its own attempts on record, though an outage comes between, and Temporal takes it', {
  timeout: 60_000,
}, async () => {
  const events = Array.from({ length: 1_500 }, (_, n) => ({ key: 'a', n }));
  const poison = new Set(events.map(({ n }) => n));
  // Every 50th answer: the try ends, and the next one begins with all that is not settled.
  const moves = Array.from({ length: 1_000 }, (_, n) => n % 50 === 49).values();
  const { outcome, requests } = await deliver(events, poison, moves, 'continue', 1_000_000);
  expect(outcome.refused).toHaveLength(1_500);
  expect(outcome.attempts.length).toBeGreaterThan(2_999);
  expect(outcome).not.toHaveProperty('attemptsLeftOut');

  const records: LaneRecord[] = [
    { kind: 'scheduled', batch: 'b', activity: '1', atMs: 0, block: blockWith(events) },
    { kind: 'completed', batch: 'b', atMs: 1, outcome },
  ];
  for (const n of [0, 1, 750, 1_498, 1_499]) {
    const { attempts } = deliveryLogOf(digestOf(n), records);
    const own = requests.filter((ns) => ns.includes(n)).map((ns) => ns.length);
    expect(attempts.map(({ records }) => records)).toEqual(own);
  }
  const [payload] = await compressionCodec.encode([{ data: Buffer.from(JSON.stringify(outcome)) }]);
  expect(payload?.data?.length).toBeLessThan(512 * 1024);
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
    ...inUsualPlace,
  }).run();
  await new Promise((resolve) => setImmediate(resolve)); // Node tells of it after the turn.
  expect(result).toMatchObject({ tryAgain: { name: 'NOT_SENT_IN_TIME' } });
  expect(unhandled).toEqual([]);
});

describe('a batch to a slow destination', () => {
  /** One try with a producer that is slow, or whose places are taken, and how often it was held and let go there. */
  async function tried(
    where: { place: Place; tellsSlow?: boolean; mayStepAside: boolean },
    producerIs: { isSlow: boolean; isToStepAside: boolean },
  ) {
    const places: string[] = [];
    const { producer, requests } = cluster(new Set(), [][Symbol.iterator](), batchSizeBytes);
    const log = new AttemptLog(undefined, { attempt: 1, scheduledAtMs: 0, currentScheduledAtMs: 0 });
    const noted = {
      hold: (place: Place) => void places.push(`held ${place}`),
      letGo: (place: Place) => void places.push(`let go ${place}`),
    };
    const result = await new BatchDelivery({
      destinationId: 'dst',
      block: blockWith([{ key: 'a', n: 0 }]),
      destinations: { open: async () => destination },
      producers: { producerOf: () => ({ ...producer, ...noted, ...producerIs }) },
      log,
      lease: { isHeld: () => true, signal: new AbortController().signal },
      tellsSlow: true,
      ...where,
    }).run();
    return { result, places, requests };
  }
  const isSlow = { isSlow: true, isToStepAside: true };
  const isSoon = { isSlow: false, isToStepAside: false };

  test('begins nothing in a usual place, and asks its lane for one of the others', async () => {
    for (const is of [isSlow, { isSlow: false, isToStepAside: true }]) {
      const { result, places, requests } = await tried({ place: 'usual', mayStepAside: true }, is);
      expect(result).toEqual({
        steppedAside: { attempts: [], landed: [], refused: [], onDeadLetter: 'continue', version: 1, slow: true },
      });
      expect([requests, places]).toEqual([[], ['held usual', 'let go usual']]);
    }
  });

  test('is delivered where it may not step aside, and says what it found where that is news', async () => {
    const inUsual = { place: 'usual', mayStepAside: false } as const;
    const aside = { place: 'slow', mayStepAside: false } as const;
    for (const [where, is, slow] of [
      [inUsual, isSlow, true],
      [inUsual, isSoon, undefined],
      [aside, isSlow, undefined],
      [aside, isSoon, false],
      [{ ...inUsual, tellsSlow: false }, isSlow, undefined], // Older code of a lane, which knows nothing of it.
    ] as const) {
      const { result, places, requests } = await tried(where, is);
      expect(requests).toEqual([[0]]);
      expect('outcome' in result && [result.outcome.landed.length, result.outcome.slow]).toEqual([1, slow]);
      expect(places).toEqual([`held ${where.place}`, `let go ${where.place}`]);
    }
  });
});

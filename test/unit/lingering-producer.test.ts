import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { LingeringProducer, type Submission } from '../../activities/kafka/lingeringProducer.ts';
import type { AddressedRecord } from '../../activities/kafka/records.ts';
import type { PartitionAnswer } from '../../activities/kafka/topicConnection.ts';

type Sets = Parameters<ConstructorParameters<typeof LingeringProducer>[1]['send']>[0];

/** Stands where a customer's topic does: keeps what it is sent, and lets the test say when and how each request ends. */
function topic(end: (partition: number) => Promise<PartitionAnswer | undefined> = async () => undefined) {
  const logs = new Map<number, string[]>();
  const requests: string[][] = [];
  const closed = { all: 0, connections: 0 };
  const append = (partition: number, texts: string[]): PartitionAnswer => {
    const log = logs.get(partition) ?? [];
    logs.set(partition, [...log, ...texts]);
    return { broker: 'b:1', baseOffset: log.length };
  };
  const send = async (sets: Sets): Promise<Map<number, PartitionAnswer>> => {
    requests.push([...sets.values()].flat().map(({ value }) => String(value)));
    const answers = [...sets].map(async ([partition, records]): Promise<[number, PartitionAnswer]> => {
      const failure = await end(partition);
      return [
        partition,
        failure ??
          append(
            partition,
            records.map(({ value }) => String(value)),
          ),
      ];
    });
    return new Map(await Promise.all(answers));
  };
  const connection = {
    partitionCount: async () => 3,
    send,
    close: () => void closed.all++,
    closeConnections: () => void closed.connections++,
  };
  return { logs, requests, closed, connection };
}

const record = (text: string, partition = 0, bytes = 10): AddressedRecord => ({
  partition,
  record: { key: Buffer.from('k'), value: Buffer.from(text), headers: {} },
  bytes,
});
const submission = (records: readonly AddressedRecord[], more: Partial<Submission> = {}): Submission => ({
  ...{ records, dueAtMs: 0, isAlone: false, isWanted: () => true, signal: new AbortController().signal },
  ...more,
});
/** Holds every request until it is opened. */
function gate() {
  const waiting: (() => void)[] = [];
  const wait = (): Promise<undefined> => new Promise((resolve) => waiting.push(() => resolve(undefined)));
  return { wait, open: () => waiting.shift()?.() };
}

test('whatever comes when, no record is lost, doubled or reordered, and each lane is told where its own lie', async () => {
  const lanes = fc.array(
    fc.array(fc.record({ partitions: fc.array(fc.nat(2), { minLength: 1, maxLength: 5 }), isAlone: fc.boolean() }), {
      maxLength: 6,
    }),
    { minLength: 1, maxLength: 5 },
  );
  await fc.assert(
    fc.asyncProperty(lanes, fc.integer({ min: 10, max: 200 }), fc.scheduler(), async (given, batchBytes, scheduler) => {
      const { logs, connection } = topic(() => scheduler.schedule(Promise.resolve(undefined)));
      const producer = new LingeringProducer(1, connection, batchBytes);
      // A lane sends its next batch when it has the answer for the one before.
      const run = async (lane: number): Promise<void> => {
        for (const [n, { partitions, isAlone }] of (given[lane] ?? []).entries()) {
          const records = partitions.map((partition, i) => record(`${lane}/${n}/${i}`, partition));
          const answers = await producer.submit(submission(records, { isAlone }));
          for (const partition of new Set(partitions)) {
            const own = records.filter((one) => one.partition === partition).map((one) => String(one.record.value));
            const answer = answers.get(partition);
            if (!answer || !('baseOffset' in answer)) throw new Error('It was refused.');
            const { baseOffset } = answer;
            expect(logs.get(partition)?.slice(baseOffset, baseOffset + own.length)).toEqual(own);
          }
        }
      };
      await scheduler.waitFor(Promise.all(given.map((_, lane) => run(lane))));
      const written = [...logs.values()].flat();
      const sent = given.flatMap((batches, lane) =>
        batches.flatMap(({ partitions }, n) => partitions.map((_, i) => `${lane}/${n}/${i}`)),
      );
      expect(written.toSorted()).toEqual(sent.toSorted());
      for (const log of logs.values()) {
        for (const lane of given.keys()) {
          const own = log.filter((text) => text.startsWith(`${lane}/`));
          expect(own).toEqual(own.toSorted());
        }
      }
    }),
    { numRuns: 50 },
  );
});

describe('the linger', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const inMs = (ms: number): { dueAtMs: number } => ({ dueAtMs: Date.now() + ms });

  test('gathers what comes until the first of it is due, in one request', async () => {
    const { requests, connection } = topic();
    const producer = new LingeringProducer(1, connection, 1_000);
    void producer.submit(submission([record('a')], inMs(100)));
    await vi.advanceTimersByTimeAsync(60);
    void producer.submit(submission([record('b')], inMs(100)));
    await vi.advanceTimersByTimeAsync(39);
    expect(requests).toEqual([]);
    await vi.advanceTimersByTimeAsync(2);
    expect(requests).toEqual([['a', 'b']]);
  });

  test('ends when a request is full, and a request of several is never larger', async () => {
    const { requests, connection } = topic();
    const producer = new LingeringProducer(1, connection, 30);
    void producer.submit(submission([record('a'), record('b')], inMs(5_000)));
    void producer.submit(submission([record('c'), record('d')], inMs(5_000)));
    await vi.advanceTimersByTimeAsync(1);
    expect(requests).toEqual([['a', 'b']]);
    void producer.submit(submission([record('e')], inMs(5_000)));
    await vi.advanceTimersByTimeAsync(1);
    expect(requests).toEqual([
      ['a', 'b'],
      ['c', 'd', 'e'],
    ]);
  });

  test('lets a submission that is larger than a request go as it is', async () => {
    const { requests, connection } = topic();
    const producer = new LingeringProducer(1, connection, 5);
    void producer.submit(submission([record('a'), record('b')], inMs(5_000)));
    await vi.advanceTimersByTimeAsync(1);
    expect(requests).toEqual([['a', 'b']]);
  });

  test('does not hold what is to go alone, nor does that take others along', async () => {
    const { requests, connection } = topic();
    const producer = new LingeringProducer(1, connection, 1_000);
    void producer.submit(submission([record('a')], inMs(100)));
    void producer.submit(submission([record('alone')], { isAlone: true }));
    expect(requests).toEqual([['alone']]);
    await vi.advanceTimersByTimeAsync(101);
    expect(requests).toEqual([['alone'], ['a']]);
  });

  test('goes on gathering while two requests are under way', async () => {
    const { wait, open } = gate();
    const { requests, connection } = topic(wait);
    const producer = new LingeringProducer(1, connection, 1_000);
    for (const text of ['a', 'b', 'c', 'd']) {
      void producer.submit(submission([record(text)]));
      await vi.advanceTimersByTimeAsync(1);
    }
    expect(requests).toEqual([['a'], ['b']]);
    open();
    await vi.advanceTimersByTimeAsync(1);
    expect(requests).toEqual([['a'], ['b'], ['c', 'd']]);
  });

  test('gives up what is aborted while it waits: the rest goes without it', async () => {
    const { requests, connection } = topic();
    const producer = new LingeringProducer(1, connection, 1_000);
    const controller = new AbortController();
    const given = producer.submit(submission([record('a')], { ...inMs(100), signal: controller.signal }));
    void producer.submit(submission([record('b')], inMs(100)));
    controller.abort();
    expect((await given).get(0)).toMatchObject({ failure: { name: 'NOT_SENT_IN_TIME' }, isUnknown: false });
    await vi.advanceTimersByTimeAsync(101);
    expect(requests).toEqual([['b']]);
  });

  test('asks at the last moment whether records are still wanted: those that are not stay, the others go', async () => {
    const { requests, connection } = topic();
    const producer = new LingeringProducer(1, connection, 1_000);
    let isWanted = true;
    const stays = producer.submit(submission([record('a')], { ...inMs(100), isWanted: () => isWanted }));
    const goes = producer.submit(submission([record('b')], inMs(100)));
    isWanted = false;
    await vi.advanceTimersByTimeAsync(101);
    expect((await stays).get(0)).toMatchObject({ failure: { name: 'NOT_SENT_IN_TIME' }, isUnknown: false });
    expect((await goes).get(0)).toMatchObject({ baseOffset: 0 });
    expect(requests).toEqual([['b']]);
  });
});

test('a partition that refuses is told to each lane with records there, with how many were refused together', async () => {
  const failure = { name: 'MESSAGE_TOO_LARGE', code: 10, message: 'no' };
  const refused: PartitionAnswer = { broker: 'b:1', failure, isUnknown: false };
  const { connection } = topic(async (partition) => (partition === 1 ? refused : undefined));
  const producer = new LingeringProducer(1, connection, 1_000);
  const [first, second] = await Promise.all([
    producer.submit(submission([record('a', 0), record('b', 1)])),
    producer.submit(submission([record('c', 1), record('d', 1), record('e', 0)])),
  ]);
  expect(first.get(1)).toEqual({ ...refused, recordsTogether: 3 });
  expect(second.get(1)).toEqual({ ...refused, recordsTogether: 3 });
  expect([first.get(0), second.get(0)]).toEqual([
    { broker: 'b:1', baseOffset: 0, recordsTogether: 2 },
    { broker: 'b:1', baseOffset: 1, recordsTogether: 2 },
  ]);
});

test('a partition that a broker says nothing of has an unknown outcome', async () => {
  const { connection } = topic();
  const silent = { ...connection, send: async () => new Map() };
  const answers = await new LingeringProducer(1, silent, 1_000).submit(submission([record('a')]));
  expect(answers.get(0)).toMatchObject({ failure: { name: 'NO_ANSWER_FOR_PARTITION' }, isUnknown: true });
});

test('what is aborted on its way has its connections closed', async () => {
  const { wait, open } = gate();
  const { closed, requests, connection } = topic(wait);
  const producer = new LingeringProducer(1, connection, 1_000);
  const controller = new AbortController();
  const given = producer.submit(submission([record('a')], { isAlone: true, signal: controller.signal }));
  expect(requests).toEqual([['a']]);
  controller.abort();
  expect(closed.connections).toBe(1);
  open();
  await given;
});

test('what was aborted before is not sent at all', async () => {
  const { requests, connection } = topic();
  const producer = new LingeringProducer(1, connection, 1_000);
  const answers = await producer.submit(submission([record('a')], { signal: AbortSignal.abort() }));
  expect(answers.get(0)).toMatchObject({ failure: { name: 'NOT_SENT_IN_TIME' } });
  expect(requests).toEqual([]);
});

test('a producer that is retired closes its connections once nothing waits or is under way', async () => {
  const { wait, open } = gate();
  const { closed, connection } = topic(wait);
  const producer = new LingeringProducer(1, connection, 1_000);
  const given = producer.submit(submission([record('a')], { isAlone: true }));
  producer.retire();
  expect([producer.isIdle, closed.all]).toEqual([false, 0]);
  open();
  await given;
  expect([producer.isIdle, closed.all]).toEqual([true, 1]);
});

test('a batch that holds a producer goes on with it after it was retired, and it closes once that has let go', async () => {
  const { requests, closed, connection } = topic();
  const producer = new LingeringProducer(1, connection, 1_000);
  producer.hold('usual');
  producer.retire();
  await producer.submit(submission([record('a')]));
  await producer.submit(submission([record('b')]));
  expect([requests, closed.all, producer.isOver]).toEqual([[['a'], ['b']], 0, false]);
  producer.letGo('usual');
  expect([closed.all, producer.isOver]).toEqual([1, true]);
});

test('only once half of the usual places are taken does a batch step aside before its broker is known to be slow, and only where that owes an answer', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const { wait, open } = gate();
  const places = { taken: 0 };
  const owing = new LingeringProducer(1, topic(wait).connection, 1_000, places);
  const other = new LingeringProducer(1, topic().connection, 1_000, places);
  const sent = owing.submit(submission([record('a')], { isAlone: true }));
  vi.advanceTimersByTime(500);
  for (let n = 0; n < 200; n++) other.hold('slow');
  for (let n = 0; n < 60; n++) other.hold('usual');
  for (let n = 0; n < 40; n++) owing.hold('usual');
  expect([owing.isToStepAside, other.isToStepAside]).toEqual([false, false]);
  owing.hold('usual');
  expect([owing.isSlow, owing.isToStepAside, other.isToStepAside]).toEqual([false, true, false]);
  other.letGo('usual');
  expect(owing.isToStepAside).toBe(false);
  open();
  await sent;
  for (let n = 0; n < 200; n++) owing.hold('usual');
  expect(owing.isToStepAside).toBe(false);
});

test('what never went out, or whose connection broke, is no quick answer of a slow broker; a refusal is', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const failure = { name: 'ECONNRESET', message: 'gone' };
  const ends: (PartitionAnswer | undefined)[] = [];
  const { wait, open } = gate();
  const producer = new LingeringProducer(1, topic(() => wait().then(() => ends.shift())).connection, 1_000);
  const asked = async (tookMs: number, answer?: PartitionAnswer): Promise<boolean> => {
    ends.push(answer);
    const sent = producer.submit(submission([record('a')], { isAlone: true }));
    vi.advanceTimersByTime(tookMs);
    open();
    await sent;
    return producer.isSlow;
  };
  expect([await asked(2_000), await asked(2_000)]).toEqual([false, true]);
  for (const isUnsent of [true, false]) {
    expect(await asked(1, { broker: 'b:1', failure, isUnknown: !isUnsent, isUnsent })).toBe(true);
  }
  const refused = { broker: 'b:1', failure: { name: 'MESSAGE_TOO_LARGE', code: 10, message: 'no' }, isUnknown: false };
  expect(await asked(1, refused)).toBe(false);
});

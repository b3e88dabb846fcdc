import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { endOf } from '../../activities/attemptEnd.ts';
import { AttemptLog, narrowingBytesMax } from '../../activities/attemptLog.ts';
import type { Failed, PartitionFailure, Progress } from '../../domain/attempt.ts';
import { compressionCodec } from '../../domain/compressionCodec.ts';
import { failureRowOf } from '../../domain/failures.ts';

const startMs = Date.parse('2026-01-15T09:30:00Z');
const minuteMs = 60_000;
beforeEach(() => {
  vi.useFakeTimers({ now: startMs });
});
afterEach(() => {
  vi.useRealTimers();
});

const failedWith = (name: string): Failed => {
  const { kind, remedy } = failureRowOf(name);
  return { kind, name, message: name, remedy };
};
/** The log of Temporal's nth try, which goes on from what an earlier one has left: as JSON, as Temporal keeps it. */
function tryNumber(attempt: number, before?: Progress): AttemptLog {
  const kept = before && (JSON.parse(JSON.stringify(before)) as Progress); // The same type, a copy.
  return new AttemptLog(kept, { attempt, scheduledAtMs: startMs, currentScheduledAtMs: Date.now() });
}
function fail(log: AttemptLog, name: string, lastsMs = 10): void {
  const attempt = log.begin();
  vi.advanceTimersByTime(lastsMs);
  log.end(attempt, { outcome: 'failed', brokers: ['b:1'], error: failedWith(name) });
}

describe('the attempts of a batch', () => {
  test('are numbered over all tries of Temporal, each with its time, duration, outcome and error', () => {
    const first = tryNumber(1);
    fail(first, 'ECONNREFUSED', 30);
    vi.advanceTimersByTime(1_000);
    const second = tryNumber(2, first.progress());
    const attempt = second.begin();
    vi.advanceTimersByTime(20);
    second.end(attempt, { outcome: 'delivered', brokers: ['b:1'], error: undefined });

    expect(second.outcome().attempts).toEqual([
      {
        number: 1,
        startedAtMs: startMs,
        durationMs: 30,
        outcome: 'failed',
        brokers: ['b:1'],
        error: failedWith('ECONNREFUSED'),
      },
      { number: 2, startedAtMs: startMs + 1_030, durationMs: 20, outcome: 'delivered', brokers: ['b:1'] },
    ]);
  });

  test('tell of one that was under way when its worker died: the outcome is unknown, and for how long it was at least and at most', () => {
    const first = tryNumber(1);
    first.begin();
    vi.advanceTimersByTime(1_100);
    const lastHeartbeat = first.progress();
    vi.advanceTimersByTime(4_000);
    const [attempt, ...more] = tryNumber(2, lastHeartbeat).progress().attempts;
    expect(more).toEqual([]);
    expect(attempt).toMatchObject({
      number: 1,
      startedAtMs: startMs,
      durationAtLeastMs: 1_100,
      durationAtMostMs: 5_100,
      outcome: 'unknown',
      error: { name: 'WORKER_LOST' },
    });
    expect(attempt).not.toHaveProperty('durationMs');
    expect(attempt).not.toHaveProperty('startIsEarliest');
  });

  test('tell of tries whose workers died before they could say anything: between what was heard before and the next try', () => {
    vi.advanceTimersByTime(15_000);
    const fourth = tryNumber(4);
    const silent = { startedAtMs: startMs, startIsEarliest: true, durationAtMostMs: 15_000, outcome: 'unknown' };
    expect(fourth.progress().attempts).toMatchObject([1, 2, 3].map((number) => ({ number, ...silent })));
    fail(fourth, 'ECONNREFUSED', 30);

    const left = fourth.progress();
    vi.advanceTimersByTime(8_000);
    const sixth = tryNumber(6, left).progress().attempts;
    expect(sixth.slice(0, 4)).toEqual(left.attempts);
    // Not before the fourth was over, whenever the sixth comes.
    const fifth = { number: 5, ...silent, startedAtMs: startMs + 15_030, durationAtMostMs: 8_000 };
    expect(sixth.slice(4)).toMatchObject([fifth]);
  });

  test('tell of one that may have begun after the last heartbeat: it said that its try ran, and of no attempt yet', () => {
    const first = tryNumber(1);
    const beforeItBegan = structuredClone(first.progress()); // A task that was long on its way asks Temporal first.
    first.begin();
    const second = tryNumber(2, beforeItBegan);
    expect(second.followsLoss).toBe(true);
    expect(second.progress().attempts).toMatchObject([{ number: 1, error: { name: 'WORKER_LOST' } }]);
    // Nor is it told of twice.
    const third = tryNumber(3, second.progress());
    expect(third.progress().attempts.map(({ number }) => number)).toEqual([1, 2]);
  });

  test('tell of a next part that may have been sent, where the worker was lost in one part of the batch', () => {
    const first = tryNumber(1);
    first.begin({ positions: [0, 1] });
    const attempts = tryNumber(2, first.progress()).progress().attempts;
    expect(attempts).toMatchObject([
      { number: 1, positions: [0, 1] },
      { number: 2, startIsEarliest: true },
    ]);
    expect(attempts[1]).not.toHaveProperty('positions');
  });

  test('tell of no loss where a try failed and said so', () => {
    const first = tryNumber(1);
    fail(first, 'ECONNREFUSED');
    const second = tryNumber(2, first.progress());
    expect(second.followsLoss).toBe(false);
    expect(second.progress().attempts).toHaveLength(1);
  });

  test('leave out none of a try that failed twice in itself, and count no try twice', () => {
    const first = tryNumber(1);
    fail(first, 'MESSAGE_TOO_LARGE');
    fail(first, 'MESSAGE_TOO_LARGE');
    const second = tryNumber(2, first.progress());
    fail(second, 'ECONNRESET');
    const third = tryNumber(3, second.progress());
    expect(third.progress().attempts.map(({ number, error }) => [number, error?.name])).toEqual([
      [1, 'MESSAGE_TOO_LARGE'],
      [2, 'MESSAGE_TOO_LARGE'],
      [3, 'ECONNRESET'],
    ]);
  });

  test('do not tell of one that was taken back', () => {
    const log = tryNumber(1);
    log.forget(log.begin());
    expect(log.progress().attempts).toEqual([]);
    expect(log.begin().number).toBe(1);
  });
});

describe('what a batch has settled', () => {
  test('stays settled in later tries, landed or refused', () => {
    const first = tryNumber(1);
    first.land({ partition: 0, broker: 'b:1', attempt: 1, positions: [0, 2], offsets: [7, 8] });
    first.refuse({ position: 1, attempt: 1, error: failedWith('MESSAGE_TOO_LARGE') });
    first.onDeadLetter = 'block'; // As the destination said then; the second try does not get to read it.
    const second = tryNumber(2, first.progress());
    expect([0, 1, 2, 3].map((position) => second.isSettled(position))).toEqual([true, true, true, false]);
    expect(second.refusedPositions).toEqual([1]);
    expect(second.outcome()).toMatchObject({
      onDeadLetter: 'block',
      landed: [{ positions: [0, 2], offsets: [7, 8] }],
      refused: [{ position: 1 }],
    });
  });
});

describe('a long outage', () => {
  test('keeps its first and its last attempts, and says how many are left out', () => {
    let log = tryNumber(1);
    for (let attempt = 1; attempt <= 500; attempt++) {
      log = tryNumber(attempt, attempt === 1 ? undefined : log.progress());
      fail(log, 'ECONNREFUSED');
    }
    const { attempts, attemptsLeftOut = 0, leftOut } = log.progress();
    const numbers = attempts.map(({ number }) => number);
    expect(numbers.slice(0, 10)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(numbers.slice(-90)).toEqual(Array.from({ length: 90 }, (_, n) => 411 + n));
    expect(attempts.length + attemptsLeftOut).toBe(500);
    // Each takes 10 ms: the eleventh is the first that is only counted, the 410th the last.
    expect(leftOut).toEqual({ firstAtMs: startMs + 100, lastAtMs: startMs + 4_090, unknown: 0 });
    expect(log.outcome()).toMatchObject({ attemptsLeftOut, leftOut });
    expect(Buffer.byteLength(JSON.stringify(log.progress()))).toBeLessThan(64 * 1024);
  });

  test('is as short where each of its workers was lost before it could say anything', () => {
    let log = tryNumber(1);
    for (let attempt = 10; attempt <= 500; attempt += 10) {
      log = tryNumber(attempt, log.progress()); // Nine were lost since, and nothing was heard of them.
      fail(log, 'ECONNREFUSED');
    }
    const { attempts, attemptsLeftOut = 0, leftOut } = log.progress();
    expect([attempts.length, attempts.length + attemptsLeftOut]).toEqual([100, 500]);
    expect(leftOut?.unknown).toBe(360);
  });

  test('leaves out none that wrote or parked a record', () => {
    const log = tryNumber(1);
    for (let n = 1; n <= 300; n++) {
      fail(log, 'NOT_LEADER_OR_FOLLOWER');
      if (n === 50) log.land({ partition: 0, broker: 'b:1', attempt: 50, positions: [0], offsets: [0] });
    }
    expect(log.progress().attempts.map(({ number }) => number)).toContain(50);
  });
});

/** What Temporal would hand to the next try. Rejects where that could not be read. */
async function throughTemporal(log: AttemptLog): Promise<{ progress: Progress; bytes: number; keptBytes: number }> {
  const whole = Buffer.from(JSON.stringify(log.progress()));
  const kept = await compressionCodec.encode([{ data: whole }]);
  const [read] = await compressionCodec.decode(kept);
  const progress = JSON.parse(Buffer.from(read?.data ?? []).toString()) as Progress; // The same type, a copy.
  return { progress, bytes: whole.length, keptBytes: kept[0]?.data?.length ?? 0 };
}
/** An attempt whose partitions failed each in its own way, and that wrote nothing. */
function failIn(log: AttemptLog, names: readonly string[], positions?: number[], lastsMs = 10): void {
  const attempt = log.begin(positions && { positions });
  vi.advanceTimersByTime(lastsMs);
  const failures = names.map(
    (name, partition): PartitionFailure => ({
      partitions: [partition],
      brokers: [`broker-${partition % 6}.example:9092`],
      outcome: 'failed',
      error: failedWith(name),
    }),
  );
  log.end(attempt, { brokers: ['b:1'], ...endOf(failures, false) });
}
const allPositions = Array.from({ length: 2_400 }, (_, n) => n);

describe('a refusal that is narrowed down', () => {
  test('can be read by the next try, however often an outage makes it begin anew', async () => {
    let log = tryNumber(1);
    for (let pass = 1; pass <= 400; pass++) {
      for (const length of [2_400, 1_200, 600, 300]) failIn(log, ['MESSAGE_TOO_LARGE'], allPositions.slice(-length));
      failIn(log, ['NOT_ENOUGH_REPLICAS'], allPositions.slice(0, 150));
      if (pass % 100 === 0) log = tryNumber(1 + pass / 100, (await throughTemporal(log)).progress);
    }
    const { progress, bytes, keptBytes } = await throughTemporal(log);
    expect(bytes).toBeLessThan(3_000_000); // 100 others among them.
    expect(keptBytes).toBeLessThan(1_000_000);
    expect(progress.attempts.length + (progress.attemptsLeftOut ?? 0)).toBe(2_000);
    expect(progress.attempts.slice(0, 4).map(({ positions }) => positions?.length)).toEqual([2_400, 1_200, 600, 300]);
  });

  test('is none where another partition stops the try: all is sent anew, and such attempts are counted', async () => {
    let log = tryNumber(1);
    const names = [...Array.from({ length: 63 }, () => 'MESSAGE_TOO_LARGE'), 'NOT_ENOUGH_REPLICAS'];
    for (let attempt = 1; attempt <= 300; attempt++) {
      failIn(log, names);
      log = tryNumber(attempt + 1, log.progress());
    }
    const { attempts, attemptsLeftOut } = log.progress();
    expect([attempts.length, attemptsLeftOut]).toEqual([100, 200]);
    expect((await throughTemporal(log)).bytes).toBeLessThan(1_000_000);
  });

  test('has room for one pass over a batch of nothing but refused records', async () => {
    const log = tryNumber(1);
    const narrow = (positions: number[]): void => {
      failIn(log, ['INVALID_RECORD'], positions);
      if (positions.length === 1) return;
      const half = Math.ceil(positions.length / 2);
      narrow(positions.slice(0, half));
      narrow(positions.slice(half));
    };
    narrow(allPositions);
    expect(log.progress().attempts).toHaveLength(2 * 2_400 - 1);
    expect(log.progress()).not.toHaveProperty('attemptsLeftOut');
  });

  test('keeps each of its attempts, in later tries as well, up to a bound that only tries that begin anew come to', () => {
    let log = tryNumber(1);
    for (let n = 0; n < 400; n++) fail(log, 'MESSAGE_TOO_LARGE');
    log = tryNumber(2, log.progress());
    for (let n = 0; n < 400; n++) fail(log, 'MESSAGE_TOO_LARGE');
    expect(log.progress().attempts.map(({ number }) => number)).toEqual(Array.from({ length: 800 }, (_, n) => n + 1));

    for (let n = 800; n < 1_300; n++) failIn(log, ['MESSAGE_TOO_LARGE'], allPositions);
    const kept = tryNumber(3, log.progress()).progress();
    expect(kept.attempts.length + (kept.attemptsLeftOut ?? 0)).toBe(1_300);
    const bytes = kept.attempts.slice(0, -100).reduce((sum, attempt) => sum + JSON.stringify(attempt).length, 0);
    expect(bytes).toBeGreaterThan(narrowingBytesMax - 15_000);
    expect(bytes).toBeLessThanOrEqual(narrowingBytesMax);
  });
});

describe('for how long tries have failed in passing', () => {
  test('is told where only one of the partitions failed so, and another refused its records for good', () => {
    let log = tryNumber(1);
    for (let attempt = 1; attempt <= 7; attempt++) {
      failIn(log, ['MESSAGE_TOO_LARGE', 'NOT_ENOUGH_REPLICAS']);
      vi.advanceTimersByTime(10_000 - 10);
      log = tryNumber(attempt + 1, log.progress());
    }
    expect(log.failingMs()).toBe(70_000);
  });

  test('begins anew with an attempt that wrote a record, or that only refused some', () => {
    const log = tryNumber(1);
    fail(log, 'NOT_ENOUGH_REPLICAS', minuteMs);
    failIn(log, ['MESSAGE_TOO_LARGE'], undefined, minuteMs);
    fail(log, 'NOT_ENOUGH_REPLICAS', minuteMs);
    expect(log.failingMs()).toBe(minuteMs);
    const attempt = log.begin();
    vi.advanceTimersByTime(minuteMs);
    const failure: PartitionFailure = {
      partitions: [0],
      brokers: ['b:1'],
      outcome: 'failed',
      error: failedWith('NOT_ENOUGH_REPLICAS'),
    };
    log.end(attempt, { brokers: ['b:1'], ...endOf([failure], true) });
    expect(log.failingMs()).toBe(0);
  });
});

describe('what an error means', () => {
  /** The kind after so many failed tries in a row with this name, one every so often. */
  function kindAfter(name: string, tries: number, everyMs: number): string {
    const log = tryNumber(1);
    for (let n = 0; n < tries; n++) {
      fail(log, name);
      vi.advanceTimersByTime(everyMs - 10);
    }
    log.begin();
    return log.kindNow(name);
  }

  test('changes when the same error has lasted for its tries and its time, and not before', () => {
    const name = 'SASL_AUTHENTICATION_FAILED'; // Three tries over a minute.
    expect(kindAfter(name, 0, 0)).toBe('transient');
    expect(kindAfter(name, 1, 10 * minuteMs)).toBe('transient'); // Two tries, this one included.
    expect(kindAfter(name, 50, 1_000)).toBe('transient'); // Fifty seconds.
    expect(kindAfter(name, 2, minuteMs / 2)).toBe('destinationAtFault');
  });

  test('begins anew after another error', () => {
    const log = tryNumber(1);
    for (let n = 0; n < 5; n++) fail(log, 'SASL_AUTHENTICATION_FAILED', minuteMs);
    fail(log, 'ECONNREFUSED');
    log.begin();
    expect(log.kindNow('SASL_AUTHENTICATION_FAILED')).toBe('transient');
  });

  test('goes on over the tries of Temporal', () => {
    const first = tryNumber(1);
    for (let n = 0; n < 2; n++) fail(first, 'SASL_AUTHENTICATION_FAILED', minuteMs);
    const second = tryNumber(2, first.progress());
    second.begin();
    expect(second.kindNow('SASL_AUTHENTICATION_FAILED')).toBe('destinationAtFault');
  });
});

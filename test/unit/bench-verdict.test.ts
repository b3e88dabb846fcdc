import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judged } from '../../bench/load/answers.ts';
import { eventBytes, eventMaker, idempotencyKeyOf, numberOf } from '../../bench/load/events.ts';
import { GrowingSendLog, outcomes } from '../../bench/load/sendLog.ts';
import { percentile } from '../../bench/read/percentile.ts';
import { verdictOf } from '../../bench/read/verdict.ts';

type Sent = { key?: number; post?: number; sentAtMs: number; answeredAtMs?: number; outcome?: 0 | 1 | 2 };

function logOf(events: readonly Sent[]) {
  const log = new GrowingSendLog();
  events.forEach(({ key = 0, post, sentAtMs, answeredAtMs = sentAtMs + 1, outcome = outcomes.accepted }, i) => {
    const n = log.sent(key, post ?? i, sentAtMs);
    log.answered(n, outcome, answeredAtMs);
  });
  return log.taken();
}
const verdict = (events: readonly Sent[], arrived: readonly number[]) =>
  verdictOf(logOf(events), Int32Array.from(arrived));

describe('the verdict on what was read back', () => {
  const oneAfterTheOther = [{ sentAtMs: 0 }, { sentAtMs: 10 }, { sentAtMs: 20 }];

  test('all of it, once and in order, is in order', () => {
    expect(verdict(oneAfterTheOther, [0, 1, 2])).toMatchObject({ arrived: 3, lost: 0, duplicated: 0, outOfOrder: 0 });
  });

  test('a missing event is lost, one that came twice is doubled', () => {
    expect(verdict(oneAfterTheOther, [0, 2, 2])).toMatchObject({ arrived: 2, lost: 1, duplicated: 1 });
  });

  test('an event is out of order behind one that was sent only after it had been accepted', () => {
    expect(verdict(oneAfterTheOther, [1, 0, 2])).toMatchObject({ outOfOrder: 1 });
  });

  test('two events under way at once may come in any order', () => {
    const events = [
      { sentAtMs: 0, answeredAtMs: 30 },
      { sentAtMs: 10, answeredAtMs: 20 },
    ];
    expect(verdict(events, [1, 0]).outOfOrder).toBe(0);
  });

  test('events of one POST come in its order, for each key', () => {
    const post = [
      { key: 1, post: 7, sentAtMs: 0 },
      { key: 2, post: 7, sentAtMs: 0 },
      { key: 1, post: 7, sentAtMs: 0 },
    ];
    expect(verdict(post, [1, 0, 2]).outOfOrder).toBe(0);
    expect(verdict(post, [2, 1, 0]).outOfOrder).toBe(1);
  });

  test('other keys do not count for the order of a key', () => {
    const events = [
      { key: 1, sentAtMs: 0 },
      { key: 2, sentAtMs: 10 },
    ];
    expect(verdict(events, [1, 0]).outOfOrder).toBe(0);
  });

  test('what was refused or never answered is not lost, and what was refused and came is told', () => {
    const events = [
      { sentAtMs: 0, outcome: outcomes.refused },
      { sentAtMs: 1, outcome: outcomes.unclear },
      { sentAtMs: 2, outcome: outcomes.refused },
    ];
    expect(verdict(events, [2])).toMatchObject({ accepted: 0, lost: 0, refused: 2, unclear: 1, refusedYetArrived: 1 });
  });

  test('an order that follows the answers has no fault, whatever overlapped', () => {
    const sent = fc.record({ key: fc.nat(3), sentAtMs: fc.nat(1_000), took: fc.nat(200) });
    fc.assert(
      fc.property(fc.array(sent, { maxLength: 200 }), (events) => {
        const answered = events.map(({ key, sentAtMs, took }) => ({ key, sentAtMs, answeredAtMs: sentAtMs + took }));
        const order = [...answered.keys()].sort(
          (a, b) => (answered[a]?.answeredAtMs ?? 0) - (answered[b]?.answeredAtMs ?? 0),
        );
        expect(verdict(answered, order)).toMatchObject({ lost: 0, duplicated: 0, outOfOrder: 0 });
      }),
    );
  });
});

describe('an answer', () => {
  test('says of each event of a batch what became of it', () => {
    const results = [
      { status: 202 },
      { status: 503, code: 'lane_full' },
      { status: 503, code: 'temporal_unavailable' },
    ];
    const answer = { status: 207, text: JSON.stringify({ accepted: 1, refused: 2, results }), retryAfterMs: 0 };
    const { accepted, refused, unclear } = outcomes;
    expect(judged(answer, 3)).toEqual({ outcomes: [accepted, refused, unclear], name: '207 with 503 lane_full' });
  });

  test('that never came leaves it open', () => {
    const answer = { status: 0, text: 'Headers Timeout Error', retryAfterMs: 0 };
    expect(judged(answer, 1).outcomes).toEqual([outcomes.unclear]);
  });

  test('that refuses is counted under its code', () => {
    const answer = { status: 503, text: '{"code":"overloaded"}', retryAfterMs: 1_000 };
    expect(judged(answer, 2)).toEqual({ outcomes: [outcomes.refused, outcomes.refused], name: '503 overloaded' });
  });
});

describe('the events of a load', () => {
  const maker = eventMaker('0a1b2c3d', 'acct_bench_0123456789ab', 'spread');
  const sizes = Array.from({ length: 2_000 }, (_, n) => Buffer.byteLength(maker.textOf(n, maker.keyOf(n))));

  test('are JSON of about the size that the figures are given for', () => {
    expect(Math.min(...sizes)).toBeGreaterThan(eventBytes * 0.95);
    expect(Math.max(...sizes)).toBeLessThan(eventBytes * 1.05);
    expect(JSON.parse(maker.textOf(7, 'order-7'))).toMatchObject({ payload: { orderId: 'order-7' } });
  });

  test('are known again by their idempotency key, and others are not', () => {
    expect(numberOf('ab', idempotencyKeyOf('ab', 41))).toBe(41);
    expect(numberOf('ab', idempotencyKeyOf('cd', 41))).toBeUndefined();
    expect(numberOf('ab', '')).toBeUndefined();
  });
});

describe('a percentile', () => {
  test('is the value at its rank', () => {
    const values = Float64Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([50, 99, 100].map((percent) => percentile(values, percent))).toEqual([50, 99, 100]);
    expect(percentile(new Float64Array(), 50)).toBeNaN();
  });
});

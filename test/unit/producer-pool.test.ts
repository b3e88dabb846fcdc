import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { keptMax, keptMsMin, ProducerPool } from '../../activities/kafka/producerPool.ts';
import { openDestination } from '../harness/produceActivity.ts';

let pool: ProducerPool;
beforeEach(() => {
  pool = new ProducerPool();
});
afterEach(() => pool.close());

const destination = (version: number, topic = 'orders') =>
  openDestination({ brokers: ['127.0.0.1:1'], topic, version });

describe('of one destination', () => {
  test('there is one producer, as long as nobody changes it', () => {
    const first = pool.producerOf(destination(1));
    expect(pool.producerOf(destination(1))).toBe(first);
    expect(pool.producerOf(destination(1, 'payments'))).not.toBe(first);
  });

  test('a newer version gets a new producer, and the old one is over', () => {
    const old = pool.producerOf(destination(1));
    const young = pool.producerOf(destination(2));
    expect([young.version, young === old, old.isOver]).toEqual([2, false, true]);
  });

  test('a lane that read an older version before it was changed sends with the newer one', () => {
    const young = pool.producerOf(destination(2));
    expect(pool.producerOf(destination(1))).toBe(young);
    expect(young.isOver).toBe(false);
  });
});

describe('earlier versions are let go of', () => {
  test('at once where nothing was sent with them, and an older one does not come back', () => {
    expect(pool.hasLetGoBefore(destination(2))).toBe(true);
    expect(pool.producerOf(destination(1)).version).toBe(2);
  });

  test('once the last batch is over that is sent with one of them', () => {
    const [first, second] = [pool.producerOf(destination(1)), pool.producerOf(destination(2))];
    expect(second.version).toBe(2);
    second.hold('usual');
    expect(first.isOver).toBe(true);
    expect(pool.hasLetGoBefore(destination(3))).toBe(false);
    expect(second.isOver).toBe(false);
    second.letGo('usual');
    expect(second.isOver).toBe(true);
    expect(pool.hasLetGoBefore(destination(3))).toBe(true);
  });

  test("another destination's batches have nothing to do with it", () => {
    pool.producerOf(destination(1, 'payments')).hold('usual');
    expect(pool.hasLetGoBefore(destination(2))).toBe(true);
    expect(pool.hasLetGoBefore(destination(2, 'payments'))).toBe(false);
  });
});

describe('of many destinations', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['Date'] }));
  afterEach(() => vi.useRealTimers());
  const passes = () => vi.setSystemTime(Date.now() + keptMsMin);
  const nth = (n: number) => pool.producerOf(destination(1, `orders-${n}`));

  test('only so many are kept, and those go that were not used for longest', () => {
    const first = nth(0);
    const second = nth(1);
    for (let n = 2; n < keptMax; n++) nth(n);
    passes();
    expect(nth(0)).toBe(first); // Used again.
    nth(keptMax);
    expect(pool.size).toBe(keptMax);
    expect([first.isOver, second.isOver]).toEqual([false, true]);
    expect(nth(1)).not.toBe(second);
  });

  test('none goes that was used just now: someone may have read it before it was changed', () => {
    const all = Array.from({ length: keptMax + 5 }, (_, n) => nth(n));
    expect(all.some((producer) => producer.isOver)).toBe(false);
    passes();
    nth(keptMax + 5);
    expect(pool.size).toBe(keptMax);
  });

  test('none goes that has a batch in hand', () => {
    const held = Array.from({ length: keptMax }, (_, n) => nth(n));
    for (const producer of held) producer.hold('usual');
    passes();
    const more = nth(keptMax);
    expect(pool.size).toBe(keptMax + 1);
    expect([...held, more].some((producer) => producer.isOver)).toBe(false);
    for (const producer of held) producer.letGo('usual');
    nth(keptMax + 1);
    expect(pool.size).toBe(keptMax);
  });
});

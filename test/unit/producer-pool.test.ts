import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ProducerPool } from '../../activities/kafka/producerPool.ts';
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
    second.hold();
    expect(first.isOver).toBe(true);
    expect(pool.hasLetGoBefore(destination(3))).toBe(false);
    expect(second.isOver).toBe(false);
    second.letGo();
    expect(second.isOver).toBe(true);
    expect(pool.hasLetGoBefore(destination(3))).toBe(true);
  });

  test("another destination's batches have nothing to do with it", () => {
    pool.producerOf(destination(1, 'payments')).hold();
    expect(pool.hasLetGoBefore(destination(2))).toBe(true);
    expect(pool.hasLetGoBefore(destination(2, 'payments'))).toBe(false);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recordsOf } from '../../activities/kafka/records.ts';
import { blockOf } from '../../domain/block.ts';
import { eventIdOf } from '../../domain/eventId.ts';
import { murmur2 } from '../../domain/murmur2.ts';

const digest = (n: number): string => String(n).padStart(22, '0');
const blockWith = (values: readonly string[], keys: readonly string[] = values.map(() => 'k')) =>
  blockOf(
    values.map((value, n) => ({ id: digest(n), key: keys[n] ?? '', value: Buffer.from(value) })),
    0,
    0,
  );

describe('the records of a block', () => {
  test('have the event types, times, customers and idempotency keys of their events as headers, escapes resolved', () => {
    const value = String.raw`{"eventType":"order.\u00e9","occurredAt":"2026-01-15T09:30:00Z","source":"shop","customerExternalId":"acct_\"1\"","idempotencyKey":"a\/b","payload":{"eventType":"inner","idempotencyKey":"inner"}}`;
    const [record] = recordsOf(blockWith([value]), 1);
    expect(record?.record.headers).toEqual({
      event_type: 'order.é',
      occurred_at: '2026-01-15T09:30:00Z',
      customer_external_id: 'acct_"1"',
      idempotency_key: 'a/b',
    });
    expect(String(record?.record.value)).toBe(value);
  });

  test("have the event's id as idempotency key where the sender gave none", () => {
    const value = '{"eventType":"e","occurredAt":"t","customerExternalId":"c","payload":{"idempotencyKey":"inner"}}';
    const [record] = recordsOf(blockWith([value]), 1);
    expect(record?.record.headers.idempotency_key).toBe(eventIdOf(digest(0)));
  });

  test('are one for each event, in order, with its bytes and its key, on the partition of that key', () => {
    const texts = fc.array(fc.tuple(fc.string({ unit: 'binary', minLength: 1 }), fc.string({ unit: 'binary' })), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 100 }), (given, partitions) => {
        const values = given.map(
          ([, text]) =>
            `{"eventType":"e","occurredAt":"t","customerExternalId":"c","payload":{"a":${JSON.stringify(text)}}}`,
        );
        const keys = given.map(([key]) => key);
        const records = recordsOf(blockWith(values, keys), partitions);
        expect(records.map(({ record }) => String(record.value))).toEqual(values);
        expect(records.map(({ record }) => String(record.key))).toEqual(keys);
        expect(records.map(({ partition }) => partition)).toEqual(
          keys.map((key) => murmur2(Buffer.from(key)) % partitions),
        );
      }),
    );
  });

  test('are not taken for smaller than key and value are', () => {
    const [record] = recordsOf(blockWith([`{"eventType":"e","payload":"${'x'.repeat(1_000)}"}`], ['k'.repeat(500)]), 1);
    expect(record?.bytes).toBeGreaterThan(1_500);
  });
});

/** What Kafka's Java client answers for these (org.apache.kafka.common.utils.UtilsTest, which the client's own tests hold). */
const javaHashes: [string, number][] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
];
test.each(javaHashes)("the hash of %s is that of Kafka's Java client, without its sign", (text, hash) => {
  expect(murmur2(Buffer.from(text))).toBe(hash & 0x7fffffff);
});

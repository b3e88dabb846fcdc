import type proto from '@temporalio/proto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Block, blockOf, type Delivery, deliveriesOf, filterBlock, isWholeBlock } from '../../domain/block.ts';
import { compressionCodec, tolerantCompressionCodec } from '../../domain/compressionCodec.ts';
import { eventDigest } from '../../domain/eventDigest.ts';
import { anyInput, payloadConverter, unreadable } from '../../domain/payloadConverter.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const plain = (deliveries: readonly Delivery[]) =>
  deliveries.map((d) => ({ ...d, value: new TextDecoder().decode(d.value) }));

const delivery = fc
  .record({ key: fc.string({ unit: 'grapheme' }), value: fc.json(), n: fc.nat() })
  .map(({ key, value, n }): Delivery => ({ id: eventDigest('c', `${n}`), key, value: utf8(value) }));
const deliveries = fc.array(delivery, { minLength: 1, maxLength: 30 });

async function throughTemporal(block: Block): Promise<Block> {
  const [encoded] = await compressionCodec.encode([payloadConverter.toPayload(block)]);
  if (!encoded) throw new Error('nothing encoded');
  const [decoded] = await compressionCodec.decode([encoded]);
  if (!decoded) throw new Error('nothing decoded');
  return payloadConverter.fromPayload(decoded);
}

test('a block gives back the deliveries that were put in, byte for byte, through converter and codec too', async () => {
  await fc.assert(
    fc.asyncProperty(deliveries, async (given) => {
      const block = await throughTemporal(blockOf(given, 5, 100));
      expect(isWholeBlock(block)).toBe(true);
      expect(plain(deliveriesOf(block))).toEqual(plain(given));
      expect([block.acceptedAtMs, block.quietMs]).toEqual([5, 100]);
    }),
  );
});

test('the payload of a block is JSON that a person can read in the Temporal UI', () => {
  const block = blockOf([{ id: eventDigest('c', 'k'), key: 'k"1', value: utf8('{"a":1.10}') }], 1, 2);
  const text = new TextDecoder().decode(payloadConverter.toPayload(block)?.data ?? undefined);
  expect(JSON.parse(text)).toEqual({
    acceptedAtMs: 1,
    quietMs: 2,
    index: [[block.entries[0]?.id, 'k"1', 10]],
    events: [{ a: 1.1 }],
  });
});

test('a large block is compressed and a small one left readable', async () => {
  const of = (length: number) =>
    payloadConverter.toPayload(
      blockOf([{ id: eventDigest('c', 'k'), key: 'k', value: utf8(`"${'x'.repeat(length)}"`) }], 1, 2),
    );
  const [small] = await compressionCodec.encode([of(100)]);
  const [large] = await compressionCodec.encode([of(100_000)]);
  expect(Buffer.from(small?.metadata?.encoding ?? []).toString()).toBe('json/plain');
  expect(large?.data?.length).toBeLessThan(10_000);
});

test('payloads of any length come back as they were, and hold no memory but what they take', async () => {
  for (const length of [8 * 1024, 100_001, 1_700_000, 3_000_000]) {
    const data = Buffer.alloc(length, JSON.stringify({ eventType: 'order.created', n: length }));
    const [packed] = await compressionCodec.encode([{ metadata: {}, data }]);
    const [unpacked] = await compressionCodec.decode([packed ?? {}]);
    expect(data.equals(unpacked?.data ?? new Uint8Array())).toBe(true);
    for (const bytes of [packed?.data, unpacked?.data]) {
      expect(bytes?.buffer.byteLength).toBeLessThan((bytes?.length ?? 0) + 1024);
    }
  }
});

test('a payload that is damaged throws where it is ours, and is told where anyone may have sent it', async () => {
  const block = payloadConverter.toPayload(blockOf([{ id: 'x'.repeat(22), key: 'k', value: utf8('1') }], 1, 0));
  const [compressed] = await compressionCodec.encode([{ ...block, data: new Uint8Array(100_000) }]);
  const lenient = anyInput.inputTypes[7]; // Any will do.
  const damaged: proto.temporal.api.common.v1.IPayload[] = [
    { ...block, data: utf8('{"acceptedAtMs":') },
    { ...block, metadata: { ...block?.metadata, encoding: utf8('json/other') }, data: utf8('{}') },
    { ...compressed, data: compressed?.data?.subarray(0, 20) ?? null },
  ];
  await expect(compressionCodec.decode(damaged)).rejects.toThrow();
  for (const payload of await tolerantCompressionCodec.decode(damaged)) {
    expect(() => payloadConverter.fromPayload(payload)).toThrow();
    expect(payloadConverter.fromPayload(payload, undefined, lenient?.payloadConverterHint)).toBe(unreadable);
  }
});

test('filtering keeps the order and bytes of what is kept, and the same block where all is kept', () => {
  fc.assert(
    fc.property(deliveries, fc.infiniteStream(fc.boolean()), (given, coins) => {
      const kept = given.map(() => coins.next().value === true);
      const block = blockOf(given, 1, 0);
      const filtered = filterBlock(block, (_, i) => kept[i] === true);
      expect(plain(deliveriesOf(filtered))).toEqual(plain(given.filter((_, i) => kept[i])));
      if (kept.every(Boolean)) expect(filtered).toBe(block);
    }),
  );
});

test.each([
  ['no entries', { entries: [], bodies: utf8('[]') }],
  ['a length that does not fit', { entries: [{ id: 'x'.repeat(22), key: 'k', length: 3 }], bodies: utf8('[1]') }],
  ['an id of another length', { entries: [{ id: 'x', key: 'k', length: 1 }], bodies: utf8('[1]') }],
  ['bodies that are no array', { entries: [{ id: 'x'.repeat(22), key: 'k', length: 1 }], bodies: utf8('(1)') }],
])('a block with %s is not whole', (_, block) => {
  expect(isWholeBlock({ acceptedAtMs: 1, quietMs: 0, ...block })).toBe(false);
});

import { brotliCompressSync, constants, deflateSync } from 'node:zlib';
import type { Payload } from '@temporalio/common';
import proto from '@temporalio/proto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compressionCodec, tolerantCompressionCodec } from '../../domain/compressionCodec.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const whole = (payload: Payload): Uint8Array => proto.temporal.api.common.v1.Payload.encode(payload).finish();
const payloadOf = (data: Uint8Array): Payload => ({ metadata: { encoding: utf8('json/plain') }, data });
const fast = { params: { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_LGWIN]: 18 } };
const packed = {
  'binary/zlib': (payload: Payload) => deflateSync(whole(payload), { level: 1 }),
  'binary/brotli': (payload: Payload) => brotliCompressSync(whole(payload), fast),
};
const named = (encoding: string, data: Uint8Array): Payload => ({ metadata: { encoding: utf8(encoding) }, data });
const textOf = ({ data }: Payload): string => new TextDecoder().decode(data ?? new Uint8Array());

test('what it writes is what it reads, small payloads as they are', async () => {
  const texts = fc.array(fc.string({ unit: 'binary', maxLength: 20_000 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(texts, async (some) => {
      const payloads = some.map((text) => payloadOf(utf8(text)));
      const read = await compressionCodec.decode(await compressionCodec.encode(payloads));
      expect(read.map(textOf)).toEqual(payloads.map(textOf));
    }),
    { numRuns: 30 },
  );
  const small = payloadOf(utf8('x'.repeat(8_000)));
  expect(await compressionCodec.encode([small])).toEqual([small]);
  const [large] = await compressionCodec.encode([payloadOf(utf8('x'.repeat(8_200)))]);
  expect(new TextDecoder().decode(large?.metadata?.encoding ?? new Uint8Array())).toBe('binary/brotli');
});

describe.each(Object.entries(packed))('%s', (encoding, pack) => {
  test('is read', async () => {
    const [read] = await compressionCodec.decode([named(encoding, pack(payloadOf(utf8('{"a":1}'))))]);
    expect(textOf(read ?? {})).toBe('{"a":1}');
  });

  test.each([
    ['none of it', utf8('no such thing at all')],
    ['cut off', pack(payloadOf(utf8('x'.repeat(500)))).subarray(0, 9)],
    ['of more than 16 MiB', pack(payloadOf(new Uint8Array(17 * 1024 * 1024)))],
  ])('%s, is an error, but for a worker, which leaves it as it is', async (_, data) => {
    const damaged = named(encoding, data);
    await expect(compressionCodec.decode([damaged])).rejects.toThrow();
    expect(await tolerantCompressionCodec.decode([damaged])).toEqual([damaged]);
  });
});

import { createRequire } from 'node:module';
import fc from 'fast-check';
import Decoder from 'kafkajs/src/protocol/decoder.js';
import { describe, expect, test } from 'vitest';
import '../../dev/servers/readCodecs.ts';
import { codecs } from '../../activities/kafka/codecs.ts';
import { compressedBatch } from '../../activities/kafka/compressedBatch.ts';
import { crc32c } from '../../activities/kafka/crc32c.ts';
import { failureIn, NotSent } from '../../activities/kafka/failureNames.ts';
import { type ProduceOptions, produceRequest } from '../../activities/kafka/produceRequest.ts';
import { type BatchRecord, recordBatchOf } from '../../activities/kafka/recordBatch.ts';
import { type Compression, compressions } from '../../domain/destination.ts';

type ReadRecord = { key: Buffer | null; value: Buffer; headers: Record<string, Buffer> };
/** kafkajs's own reader of a record batch, after its magic byte was looked at. */
const decode: (decoder: Decoder) => Promise<{ records: ReadRecord[] }> = createRequire(import.meta.url)(
  'kafkajs/src/protocol/recordBatch/v0/decoder.js',
);

const names = compressions.filter((name) => name !== 'none');
const createdAtMs = 1_767_225_600_123;
const compressed = (records: readonly BatchRecord[], name: Exclude<Compression, 'none'>): Promise<Buffer> =>
  compressedBatch(recordBatchOf(records, createdAtMs), codecs[name]);
const codecIn = (batch: Buffer): number => batch.readInt16BE(21);

const recordOf = (value: Buffer): BatchRecord => ({ key: Buffer.from('k'), value, headers: { event_type: 'e' } });
/** Records that compress well, and are as many as make several of snappy's blocks. */
const alike = (count: number): BatchRecord[] =>
  Array.from({ length: count }, (_, n) =>
    recordOf(Buffer.from(JSON.stringify({ n, text: 'order.created '.repeat(20) }))),
  );

async function readBack(batch: Buffer): Promise<ReadRecord[]> {
  return (await decode(new Decoder(batch))).records;
}

describe.each(names)('records compressed with %s', (name) => {
  test('are read back byte for byte, whatever they are', async () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 500 }).map((some) => Buffer.from(some));
    const value = fc.oneof(
      bytes,
      bytes.map((some) => Buffer.from(some.toString('hex').repeat(20))),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 300 }), async (values) => {
        const batch = await compressed(values.map(recordOf), name);
        const read = await readBack(batch);
        expect(read.map((one) => one.value.toString('hex'))).toEqual(values.map((one) => one.toString('hex')));
        expect(batch.readInt32BE(8)).toBe(batch.length - 12);
        expect(batch.readUInt32BE(17)).toBe(crc32c(batch.subarray(21)));
      }),
      { numRuns: 40 },
    );
  });

  test('of many blocks are smaller, say how they are compressed, and have the same bytes when they are sent again', async () => {
    const records = alike(2_000);
    const batch = await compressed(records, name);
    expect(codecIn(batch)).toBe(codecs[name].id);
    expect(batch.length).toBeLessThan(recordBatchOf(records, createdAtMs).length / 5);
    expect(batch.equals(await compressed(records, name))).toBe(true);
    const read = await readBack(batch);
    expect(read.map((one) => String(one.value))).toEqual(records.map((one) => String(Buffer.from(one.value))));
  });

  test('that it makes no smaller go as they are', async () => {
    const record = recordOf(Buffer.from('x'));
    expect(codecIn(await compressed([record], name))).toBe(0);
    expect((await compressed([record], name)).equals(recordBatchOf([record], createdAtMs))).toBe(true);
  });
});

test('a broker that is too old for a compression gets nothing, and that is said as Kafka says it', () => {
  const options: ProduceOptions = { acks: -1, timeout: 1, topicData: [] };
  const asked = (compression: Compression, version: number) => () =>
    produceRequest.protocol({ version })({ ...options, compression });
  for (const [compression, oldest] of [
    ['zstd', 7],
    ['gzip', 3],
    ['snappy', 3],
    ['lz4', 3],
    ['none', 0],
  ] as const) {
    expect(asked(compression, oldest)).not.toThrow();
    if (oldest === 0) continue;
    expect(asked(compression, oldest - 1)).toThrow(NotSent);
    try {
      asked(compression, oldest - 1)();
    } catch (error) {
      expect(failureIn(error)).toMatchObject({ name: 'UNSUPPORTED_COMPRESSION_TYPE', code: 76 });
    }
  }
});

import type { Codec } from './codecs.ts';
import { batchFields, sealBatch } from './recordBatch.ts';

const { attributesAt, headBytes } = batchFields;

/**
 * The record batch, its records compressed. One that does not become smaller stays as it is: so a topic that takes the records takes
 * them with compression, too, and what a topic refuses for its size is never refused for the compression's sake.
 */
export async function compressedBatch(batch: Buffer, { id, compress }: Codec): Promise<Buffer> {
  const records = await compress(batch.subarray(headBytes));
  if (headBytes + records.length >= batch.length) return batch;
  const smaller = Buffer.concat([batch.subarray(0, headBytes), records]);
  smaller.writeInt16BE(id, attributesAt);
  return sealBatch(smaller);
}

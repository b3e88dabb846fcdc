import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { Compression } from '../../domain/destination.ts';

export type Codec = {
  /** What a record batch's attributes say of it. */
  id: number;
  /** The first version of a produce request that may have it: brokers refuse zstd in older ones (KIP-110). */
  producedSince: number;
  /** Off the main thread. Deterministic: what is sent again has the same bytes. */
  compress: (bytes: Buffer) => Promise<Buffer>;
};

/** The first version with message format 2 (Kafka 0.11). */
export const firstVersion = 3;

const gzipped = promisify(gzip);

/** What Java's writer of snappy puts before its blocks: its mark, its version, and the oldest one that can read it. */
const javaHead = Buffer.from([0x82, ...Buffer.from('SNAPPY'), 0, 0, 0, 0, 1, 0, 0, 0, 1]);
const javaBlockBytes = 32 * 1024;

/** As Kafka's Java client writes it (snappy-java's SnappyOutputStream), which every consumer reads: blocks, each with its length before it. */
async function snappied(bytes: Buffer): Promise<Buffer> {
  const { compress } = await import('snappy');
  const count = Math.ceil(bytes.length / javaBlockBytes);
  const blocks = await Promise.all(
    Array.from({ length: count }, (_, n) => compress(bytes.subarray(n * javaBlockBytes, (n + 1) * javaBlockBytes))),
  );
  const withLengths = blocks.flatMap((block) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(block.length);
    return [length, block];
  });
  return Buffer.concat([javaHead, ...withLengths]);
}

/** As Kafka's own default. */
const zstdLevel = 3;

/**
 * The packages are loaded when they are first asked for: on a machine that one has no binary for, the destinations that want it fail, and
 * no others. What each costs: docs/decisions/record-compression.md.
 */
export const codecs: Readonly<Record<Exclude<Compression, 'none'>, Codec>> = {
  gzip: {
    ...{ id: 1, producedSince: firstVersion },
    compress: (bytes) => gzipped(bytes, { level: constants.Z_BEST_SPEED }),
  },
  snappy: { id: 2, producedSince: firstVersion, compress: snappied },
  lz4: {
    ...{ id: 3, producedSince: firstVersion },
    // A frame of independent blocks: of others Java's reader takes none.
    compress: async (bytes) => (await import('lz4-napi')).compressFrame(bytes),
  },
  zstd: {
    ...{ id: 4, producedSince: 7 },
    compress: async (bytes) => (await import('@mongodb-js/zstd')).compress(bytes, zstdLevel),
  },
};

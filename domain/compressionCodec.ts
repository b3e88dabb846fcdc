import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress, constants, inflate } from 'node:zlib';
import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';

/** Smaller payloads are left readable: compressing them saves less than it costs. */
const compressedFromBytes = 8 * 1024;
const encodingName = 'binary/brotli';
/** Written until 2026-11-29, and in the histories of lanes from before (docs/decisions/compression.md). */
const earlierEncodingName = 'binary/zlib';
/** A payload can't hold more in Temporal; more than this out of a compressed one is an attack or a mistake. */
const inflatedBytesMax = 16 * 1024 * 1024;

const compress = promisify(brotliCompress);
/** Half of what zlib costs at its fastest, and smaller; a larger window makes little smaller. */
const params = { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_LGWIN]: 18 };
/** How payloads of these encodings are unpacked. */
const unpackers = new Map([
  [encodingName, promisify(brotliDecompress)],
  [earlierEncodingName, promisify(inflate)],
]);
const payloadProto = proto.temporal.api.common.v1.Payload;

/**
 * `node:zlib` gives its output in chunks, each by way of the event loop: for a batch of 850 KB in Node's chunks of 16 KiB that is 52 turns,
 * and 6.5 ms of CPU in place of 1.4 (with zlib). A block is some five times as long as what becomes of it.
 */
const chunkBytesMin = 16 * 1024;
const chunkBytesMax = 2 * 1024 * 1024;
const chunkSizeFor = (bytes: number): number => Math.min(Math.max(Math.ceil(bytes), chunkBytesMin), chunkBytesMax);

async function compressed(payload: Payload): Promise<Payload> {
  if (!payload.data || payload.data.length < compressedFromBytes) return payload;
  const whole = payloadProto.encode(payload).finish();
  const data = await compress(whole, { params, chunkSize: chunkSizeFor(whole.length / 2) });
  return { metadata: { encoding: Buffer.from(encodingName) }, data: trimmed(data) };
}

/** Memory of its own, no view of a longer chunk: what goes to a workflow's thread is copied with all that lies behind the view. */
const trimmed = (data: Buffer): Uint8Array =>
  data.buffer.byteLength === data.length ? data : Uint8Array.prototype.slice.call(data);

/** The data of a compressed payload is no such data. */
class Damaged extends Error {}

/** What zlib says of such data; of anything else, such as too little memory, another try may do. */
const damageCodes = new Set(['Z_DATA_ERROR', 'Z_BUF_ERROR', 'Z_NEED_DICT', 'ERR_BUFFER_TOO_LARGE']);
/** Brotli's own, of which there is one for each rule of its format that is broken. */
const brotliDamage = 'ERR__ERROR_FORMAT_';
const isDamage = (code: unknown): boolean =>
  typeof code === 'string' && (damageCodes.has(code) || code.startsWith(brotliDamage));

async function inflated(payload: Payload): Promise<Payload> {
  const encoding = payload.metadata?.encoding;
  const unpack = encoding && unpackers.get(Buffer.from(encoding).toString());
  if (!unpack || !payload.data) return payload;
  const options = { maxOutputLength: inflatedBytesMax, chunkSize: chunkSizeFor(payload.data.length * 8) };
  const bytes = await unpack(payload.data, options).catch((error) =>
    Promise.reject(isDamage(error.code) ? new Damaged(error.message, { cause: error }) : error),
  );
  try {
    const { metadata, data } = payloadProto.decode(trimmed(bytes));
    return { metadata, data };
  } catch (cause) {
    throw new Damaged('What was compressed is no payload.', { cause });
  }
}

/**
 * Compresses large payloads: `binary/brotli` around the payload's protobuf bytes. The form is that of the zlib codec in Temporal's
 * samples, but for the algorithm; for the Temporal UI and CLI the API's codec endpoint unpacks it.
 */
export const compressionCodec: PayloadCodec = {
  encode: (payloads) => Promise.all(payloads.map(compressed)),
  decode: (payloads) => Promise.all(payloads.map(inflated)),
};

/**
 * The same for a worker, which unpacks all payloads of a workflow task together: one that is damaged stays as it is, so that a
 * signal sent by hand does not stop its lane. Whoever reads it finds an encoding that no converter knows.
 */
export const tolerantCompressionCodec: PayloadCodec = {
  encode: compressionCodec.encode,
  decode: (payloads) =>
    Promise.all(
      payloads.map((payload) =>
        inflated(payload).catch((error) => (error instanceof Damaged ? payload : Promise.reject(error))),
      ),
    ),
};

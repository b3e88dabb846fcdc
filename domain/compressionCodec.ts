import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';

/** Smaller payloads are left readable: compressing them saves less than it costs. */
const compressedFromBytes = 8 * 1024;
const encodingName = 'binary/zlib';
/** A payload can't hold more in Temporal; more than this out of a compressed one is an attack or a mistake. */
const inflatedBytesMax = 16 * 1024 * 1024;

const deflateAsync = promisify(deflate);
const inflateAsync = promisify(inflate);
const payloadProto = proto.temporal.api.common.v1.Payload;

async function compressed(payload: Payload): Promise<Payload> {
  if (!payload.data || payload.data.length < compressedFromBytes) return payload;
  const data = await deflateAsync(payloadProto.encode(payload).finish(), { level: 1 });
  return { metadata: { encoding: Buffer.from(encodingName) }, data };
}

async function inflated(payload: Payload): Promise<Payload> {
  const encoding = payload.metadata?.encoding;
  if (!encoding || !payload.data || Buffer.from(encoding).toString() !== encodingName) return payload;
  const bytes = await inflateAsync(payload.data, { maxOutputLength: inflatedBytesMax });
  const { metadata, data } = payloadProto.decode(bytes);
  return { metadata, data };
}

/**
 * Compresses large payloads: `binary/zlib` around the payload's protobuf bytes, the form of the zlib codec in Temporal's
 * samples, so that a codec server for it reads ours.
 */
export const compressionCodec: PayloadCodec = {
  encode: (payloads) => Promise.all(payloads.map(compressed)),
  decode: (payloads) => Promise.all(payloads.map(inflated)),
};

import type { RecordToSend } from 'kafkajs/src/protocol/requests/index.js';
import { crc32c } from './crc32c.ts';

/** Of a record batch: base offset (8 bytes) and length (4), then what the length counts. */
const lengthAt = 8;
const countedFrom = 12;
const magicAt = 16;
const crcAt = 17;
/** From the attributes on, all is under the checksum. */
const attributesAt = 21;
const headBytes = 61;
const messageFormat = 2;
const none = -1;

/** As variable-length integers are written: small negative numbers are short, too. */
const zigZag = (value: number): number => ((value << 1) ^ (value >> 31)) >>> 0;

function sizeOfVarInt(value: number): number {
  let bytes = 1;
  for (let rest = zigZag(value); rest > 0x7f; rest >>>= 7) bytes++;
  return bytes;
}

function writeVarInt(into: Buffer, at: number, value: number): number {
  let rest = zigZag(value);
  let next = at;
  for (; rest > 0x7f; rest >>>= 7) into[next++] = (rest & 0x7f) | 0x80;
  into[next++] = rest;
  return next;
}

function writeBytes(into: Buffer, at: number, bytes: Uint8Array | null): number {
  if (!bytes) return writeVarInt(into, at, none);
  const from = writeVarInt(into, at, bytes.length);
  into.set(bytes, from);
  return from + bytes.length;
}

function writeText(into: Buffer, at: number, text: string, length: number): number {
  const from = writeVarInt(into, at, length);
  return from + into.write(text, from, length, 'utf8');
}

const sizeWithLength = (length: number): number => sizeOfVarInt(length) + length;

/** The format has records without a key, though none of ours is. */
export type BatchRecord = Omit<RecordToSend, 'key'> & { key: Uint8Array | null };

type Header = { name: string; nameBytes: number; text: string; textBytes: number };
type Measured = { record: BatchRecord; headers: Header[]; bodyBytes: number };

function measured(record: BatchRecord, offset: number): Measured {
  const headers = Object.entries(record.headers).map(([name, text]) => ({
    name,
    nameBytes: Buffer.byteLength(name),
    text,
    textBytes: Buffer.byteLength(text),
  }));
  // Attributes and the time since the batch's first record, which is none, take a byte each.
  let bodyBytes = 2 + sizeOfVarInt(offset) + sizeOfVarInt(headers.length) + sizeWithLength(record.value.length);
  bodyBytes += record.key ? sizeWithLength(record.key.length) : sizeOfVarInt(none);
  for (const { nameBytes, textBytes } of headers) bodyBytes += sizeWithLength(nameBytes) + sizeWithLength(textBytes);
  return { record, headers, bodyBytes };
}

function writeRecord(into: Buffer, start: number, { record, headers, bodyBytes }: Measured, offset: number): number {
  let at = writeVarInt(into, start, bodyBytes);
  into[at++] = 0; // Attributes: a record has none.
  into[at++] = 0; // The time since the first record's.
  at = writeVarInt(into, at, offset);
  at = writeBytes(into, at, record.key);
  at = writeBytes(into, at, record.value);
  at = writeVarInt(into, at, headers.length);
  for (const { name, nameBytes, text, textBytes } of headers) {
    at = writeText(into, at, name, nameBytes);
    at = writeText(into, at, text, textBytes);
  }
  return at;
}

/**
 * Records as Kafka has them since 0.11, uncompressed and without a producer id: message format 2
 * (KIP-98; https://kafka.apache.org/documentation/#recordbatch). All have one time of creation, in ms since the epoch.
 */
export function recordBatchOf(records: readonly BatchRecord[], createdAtMs: number): Buffer {
  const all = records.map(measured);
  const total = all.reduce((sum, { bodyBytes }) => sum + sizeWithLength(bodyBytes), headBytes);
  const batch = Buffer.allocUnsafe(total);
  batch.fill(0, 0, headBytes); // The base offset, the leader's epoch, the attributes and the first sequence are 0.
  batch[magicAt] = messageFormat;
  let at = attributesAt + 2;
  at = batch.writeInt32BE(records.length - 1, at);
  at = batch.writeBigInt64BE(BigInt(createdAtMs), at);
  at = batch.writeBigInt64BE(BigInt(createdAtMs), at);
  at = batch.writeBigInt64BE(BigInt(none), at); // No producer id; its epoch and the sequence stay 0.
  at = batch.writeInt32BE(records.length, at + 6);
  all.forEach((one, offset) => {
    at = writeRecord(batch, at, one, offset);
  });
  return sealBatch(batch);
}

/** Where a batch says how its records are compressed (16 bits), and where they begin: right after their number. */
export const batchFields = { attributesAt, headBytes } as const;

/** Writes a batch's length and checksum, all else being there. */
export function sealBatch(batch: Buffer): Buffer {
  batch.writeInt32BE(batch.length - countedFrom, lengthAt);
  batch.writeUInt32BE(crc32c(batch.subarray(attributesAt)), crcAt);
  return batch;
}

const seed = 0x9747b28c;
const m = 0x5bd1e995;
const r = 24;

/**
 * MurmurHash2 of the bytes, as an unsigned 31-bit number: what Kafka's Java client's default partitioner takes
 * modulo the number of partitions (org.apache.kafka.common.utils.Utils.murmur2 and toPositive).
 */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  let h = seed ^ length;
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    let k = view.getInt32(i, true);
    k = Math.imul(k, m);
    k ^= k >>> r;
    k = Math.imul(k, m);
    h = Math.imul(h, m);
    h ^= k;
  }
  const rest = length - whole;
  if (rest >= 3) h ^= view.getUint8(whole + 2) << 16;
  if (rest >= 2) h ^= view.getUint8(whole + 1) << 8;
  if (rest >= 1) {
    h ^= view.getUint8(whole);
    h = Math.imul(h, m);
  }
  h ^= h >>> 13;
  h = Math.imul(h, m);
  h ^= h >>> 15;
  return h & 0x7fffffff;
}

import { murmur2 } from '../../domain/murmur2.ts';

/** A key whose records go to this partition of so many. */
export function keyOf(partition: number, partitions: number): string {
  let n = 0;
  while (murmur2(Buffer.from(`key-${n}`)) % partitions !== partition) n++;
  return `key-${n}`;
}

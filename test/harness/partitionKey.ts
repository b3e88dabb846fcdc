import { kafkaPartitionOf } from '../../domain/kafkaPartition.ts';

/** A key whose records go to this partition of so many. */
export function keyOf(partition: number, partitions: number): string {
  let n = 0;
  while (kafkaPartitionOf(Buffer.from(`key-${n}`), partitions) !== partition) n++;
  return `key-${n}`;
}

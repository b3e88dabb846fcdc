import { murmur2 } from './murmur2.ts';

/** The partition of a record's key, as Kafka's Java client chooses it: murmur2 of the key, modulo the number of partitions. */
export const kafkaPartitionOf = (key: Uint8Array, partitions: number): number => murmur2(key) % partitions;

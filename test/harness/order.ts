import type { KafkaRecord } from './kafka.ts';

/** Idempotency keys of the records with this partition key, in the order of the topic; a repeat counts where it came first. */
export function firstSeen(records: readonly KafkaRecord[], key: string): string[] {
  const own = records.filter((record) => String(record.key) === key);
  return [...new Set(own.map(({ headers }) => headers.idempotency_key ?? ''))];
}

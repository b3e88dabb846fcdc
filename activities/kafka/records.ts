import { type Block, deliveriesOf } from '../../domain/block.ts';
import { eventIdOf } from '../../domain/eventId.ts';
import { membersOf } from '../../domain/jsonText.ts';
import { kafkaPartitionOf } from '../../domain/kafkaPartition.ts';
import type { RecordToSend } from './topicConnection.ts';

/** A record on its way: where it goes, what it is, and about how many bytes it takes in a request. */
export type AddressedRecord = { partition: number; record: RecordToSend; bytes: number };

/** Lengths, deltas and attributes of one record in a record batch, in bytes, at most (KIP-98, message format 2). */
const recordOverheadBytes = 32;
const headerOverheadBytes = 6;

/**
 * The records of a block: key, headers and value as docs/record-value.md says, the partition as Kafka's Java client
 * chooses it (murmur2 of the key, modulo the number of partitions).
 */
export function recordsOf(block: Block, partitions: number): AddressedRecord[] {
  return deliveriesOf(block).map(({ id, key, value }) => {
    const keyBytes = Buffer.from(key);
    const valueBytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    const headers = headersOf(valueBytes, id);
    const headerBytes = Object.entries(headers).reduce(
      (sum, [name, text]) => sum + name.length + Buffer.byteLength(text) + headerOverheadBytes,
      0,
    );
    return {
      partition: kafkaPartitionOf(keyBytes, partitions),
      record: { key: keyBytes, value: valueBytes, headers },
      bytes: recordOverheadBytes + keyBytes.length + valueBytes.length + headerBytes,
    };
  });
}

function headersOf(value: Buffer, id: string): Record<string, string> {
  const fields = new Map(membersOf(value.toString()));
  const textOf = (field: string): string | undefined => {
    const text = fields.get(field);
    return text === undefined ? undefined : String(JSON.parse(text));
  };
  return {
    event_type: textOf('eventType') ?? '',
    occurred_at: textOf('occurredAt') ?? '',
    customer_external_id: textOf('customerExternalId') ?? '',
    idempotency_key: textOf('idempotencyKey') ?? eventIdOf(id),
  };
}

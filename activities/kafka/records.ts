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
    let headerBytes = 0;
    for (const name in headers)
      headerBytes += name.length + Buffer.byteLength(headers[name] ?? '') + headerOverheadBytes;
    return {
      partition: kafkaPartitionOf(keyBytes, partitions),
      record: { key: keyBytes, value: valueBytes, headers },
      bytes: recordOverheadBytes + keyBytes.length + valueBytes.length + headerBytes,
    };
  });
}

/** What a string in JSON text says; most have nothing in them to unescape. */
const said = (text: string): string =>
  text.charCodeAt(0) === quote && !text.includes('\\') ? text.slice(1, -1) : String(JSON.parse(text));
const quote = 0x22;

function headersOf(value: Buffer, id: string): Record<string, string> {
  let eventType = '';
  let occurredAt = '';
  let customerExternalId = '';
  let idempotencyKey: string | undefined;
  // Of names written twice the last counts, as in JSON.parse.
  for (const [field, text] of membersOf(value.toString())) {
    if (field === 'eventType') eventType = said(text);
    else if (field === 'occurredAt') occurredAt = said(text);
    else if (field === 'customerExternalId') customerExternalId = said(text);
    else if (field === 'idempotencyKey') idempotencyKey = said(text);
  }
  return {
    event_type: eventType,
    occurred_at: occurredAt,
    customer_external_id: customerExternalId,
    idempotency_key: idempotencyKey ?? eventIdOf(id),
  };
}

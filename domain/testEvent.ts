/** An event that a person sends to try a destination. Pure. */
import type { Destination } from './destination.ts';
import { type Event, eventFields } from './event.ts';

export const testEventType = 'causeway.test';
const testKey = 'causeway-test';
const objects: readonly string[] = ['payload', 'metadata'];

/** A test event of that customer, with something at the path where the destination has its partition key. */
export function testEventOf(
  { customerExternalId, partitionKey }: Pick<Destination, 'customerExternalId' | 'partitionKey'>,
  idempotencyKey: string,
  at: Date,
): Event {
  const [first = '', ...rest] = partitionKey.split('.');
  const keyed = rest.reduceRight((text, name) => `{${JSON.stringify(name)}:${text}}`, JSON.stringify(testKey));
  const message = { message: 'A test event, sent by hand from Causeway.' };
  const fields = new Map<string, string>([
    ['eventType', JSON.stringify(testEventType)],
    ['occurredAt', JSON.stringify(at.toISOString())],
    ['source', '"causeway"'],
    ['customerExternalId', JSON.stringify(customerExternalId)],
    ['idempotencyKey', JSON.stringify(idempotencyKey)],
    ['payload', JSON.stringify(message)],
  ]);
  if (objects.includes(first) || first === 'correlationId') fields.set(first, keyed);
  const inOrder = eventFields.flatMap((name): [string, string][] => {
    const text = fields.get(name);
    return text === undefined ? [] : [[name, text]];
  });
  return { eventType: testEventType, customerExternalId, idempotencyKey, fields: new Map(inOrder) };
}

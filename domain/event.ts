import { membersOf, textAt, withoutSpace } from './jsonText.ts';

/** The fields of an event, in the order in which they stand in the record's value. */
export const eventFields = [
  'eventType',
  'occurredAt',
  'source',
  'customerExternalId',
  'idempotencyKey',
  'correlationId',
  'payload',
  'metadata',
] as const;

/**
 * So deep may objects and arrays lie in each other in an event, its own braces counted. Of the parsers that may read the record, Jackson 3 takes 500
 * levels, Python about 1,000, Go 10,000, also the Temporal CLI: a deeper record would stop a consumer.
 */
export const eventLevelsMax = 500;

/** The least that the API may be told to take of an event, in bytes of its value. */
export const eventBytesMaxLeast = 1_024;

/** An event whose fields have been checked. `fields` holds the text of each field's value as the sender wrote it. */
export type Event = {
  eventType: string;
  customerExternalId: string;
  idempotencyKey: string | undefined;
  fields: ReadonlyMap<string, string>;
};

/** The texts of the top-level fields of the event in `text`, and the names that are there more than once, each once. */
export function readFields(text: string): { fields: Map<string, string>; twice: string[] } {
  const fields = new Map<string, string>();
  const twice = new Set<string>();
  for (const [name, valueText] of membersOf(text)) {
    if (fields.has(name)) twice.add(name);
    fields.set(name, valueText);
  }
  return { fields, twice: [...twice] };
}

/**
 * The record's value: the canonical JSON of the whole event, UTF-8. The fields stand in the order of {@link eventFields};
 * an absent field is left out, but `occurredAt`, for which the time of acceptance stands in; white space between tokens
 * is dropped; every string and number, and the order of names inside `payload` and `metadata`, stays as the sender wrote it.
 */
export function recordValueOf(event: Event, acceptedAt: Date): Uint8Array {
  const parts: string[] = [];
  for (const field of eventFields) {
    const text = event.fields.get(field) ?? (field === 'occurredAt' ? `"${acceptedAt.toISOString()}"` : undefined);
    if (text !== undefined) parts.push(`"${field}":${withoutSpace(text)}`);
  }
  // Not a TextEncoder's: that makes memory of its own for each event, which the garbage collector must look after.
  return Buffer.from(`{${parts.join(',')}}`);
}

export type PartitionKey = { key: string } | { problem: string };

/**
 * The partition key at a destination's path in the event: a string as it is, a number or boolean as the sender wrote it.
 * Anything else is no key, and the answer says why.
 */
export function partitionKeyOf(event: Event, path: string): PartitionKey {
  const [first, ...rest] = path.split('.');
  const top = event.fields.get(first ?? '');
  const text = top === undefined ? undefined : textAt(top, rest);
  if (text === undefined) return { problem: 'is missing' };
  const parsed: unknown = /^["tfn]/.test(text) ? JSON.parse(text) : undefined;
  if (typeof parsed === 'string') return stringKey(parsed);
  if (parsed === null) return { problem: 'is null' };
  if (text.startsWith('{') || text.startsWith('[')) return { problem: 'is an object or array' };
  return text.length <= partitionKeyCharsMax ? { key: text } : tooLong;
}

const partitionKeyCharsMax = 1_024;
const tooLong = { problem: `is longer than ${partitionKeyCharsMax} characters` };

function stringKey(key: string): PartitionKey {
  if (key === '') return { problem: 'is empty' };
  if (key.length > partitionKeyCharsMax) return tooLong;
  return key.isWellFormed() ? { key } : { problem: 'is not valid Unicode (it holds half of a surrogate pair)' };
}

/** Whether an event type matches one of a destination's patterns, where `*` stands for any run of characters. */
export const matchesEventType = (patterns: readonly string[], eventType: string): boolean =>
  patterns.some((pattern) => matches(pattern, eventType));

/** Glob matching without backtracking over a regular expression: patterns come from customers. */
function matches(pattern: string, text: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === text;
  if (!text.startsWith(head)) return false;
  const tail = rest.pop() ?? '';
  let at = head.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - tail.length >= at && text.endsWith(tail);
}

import { type Event, readFields } from '../domain/event.ts';
import { elementsOf } from '../domain/jsonText.ts';
import { eventSchema } from './schemas/event.ts';

/** What is wrong with one field, in the words of an answer. */
export type FieldError = { field: string; problem: string; expected: string };

export type ReadEvent = { event: Event } | { errors: FieldError[] };

const expectedOf: Record<string, string> = {
  eventType: 'a string of 1 to 255 characters, for example "order.shipped"',
  occurredAt: 'an RFC 3339 time with a zone, for example "2026-01-15T09:30:00Z"',
  source: 'a string of 1 to 255 characters',
  customerExternalId: 'a string of 1 to 255 characters, for example "acct_8K2zRq"',
  idempotencyKey: 'a string of 1 to 255 characters',
  correlationId: 'a string of 1 to 255 characters',
  payload: 'a JSON object',
  metadata: 'a JSON object',
};
const fieldNames = Object.keys(expectedOf).join(', ');

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Checks an event that was parsed from `text`, and keeps the text of its fields. */
export function readEvent(parsed: unknown, text: string): ReadEvent {
  if (!isObject(parsed))
    return { errors: [{ field: '(event)', problem: 'is not a JSON object', expected: 'an event' }] };
  const checked = eventSchema.safeParse(parsed);
  if (!checked.success) return { errors: checked.error.issues.flatMap((issue) => fieldErrors(issue, parsed)) };
  const { fields, twice } = readFields(text);
  if (twice.length > 0) {
    return {
      errors: twice.map((field) => ({ field, problem: 'stands in the event twice', expected: 'each field once' })),
    };
  }
  const { eventType, customerExternalId, idempotencyKey } = checked.data;
  return { event: { eventType, customerExternalId, idempotencyKey, fields } };
}

type Issue = { code: string; path: PropertyKey[]; message: string; keys?: string[] };

function fieldErrors(issue: Issue, parsed: Record<string, unknown>): FieldError[] {
  if (issue.code === 'unrecognized_keys' && issue.keys) {
    return issue.keys.map((field) => ({
      field,
      problem: 'is not a field of an event',
      expected: `one of ${fieldNames}`,
    }));
  }
  const field = issue.path.map(String).join('.');
  const problem = Object.hasOwn(parsed, field) ? issue.message : 'is missing';
  return [{ field, problem, expected: expectedOf[field] ?? 'see /docs' }];
}

/** A body that is no JSON: `problem` says where. */
export class MalformedJson extends Error {}

/** Parses JSON text. Throws {@link MalformedJson}. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MalformedJson(error instanceof Error ? error.message : 'is not JSON');
  }
}

/** The text in a body's bytes. Throws {@link MalformedJson} where they are not UTF-8. */
export function textOf(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    throw new MalformedJson('is not valid UTF-8');
  }
}

/** The events of a JSON array, each checked alone. Throws {@link MalformedJson} where the text is no JSON array. */
export function readArray(text: string): ReadEvent[] {
  const parsed = parseJson(text);
  if (!Array.isArray(parsed)) throw new MalformedJson('is not a JSON array of events');
  const elements: unknown[] = parsed;
  return elementsOf(text).map((elementText, i) => readEvent(elements[i], elementText));
}

/** The events of newline-delimited JSON, each line checked alone; empty lines are passed over. */
export function readLines(text: string): ReadEvent[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return lines.map((line) => {
    try {
      return readEvent(parseJson(line), line);
    } catch (error) {
      const problem = error instanceof MalformedJson ? `is not JSON: ${error.message}` : 'could not be read';
      return { errors: [{ field: '(line)', problem, expected: 'one event as a JSON object on a line' }] };
    }
  });
}

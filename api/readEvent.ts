import { CausewayError } from '../domain/error.ts';
import { type Event, eventLevelsMax, readFields } from '../domain/event.ts';
import { elementsOf, isDeeperThan } from '../domain/jsonText.ts';
import { type FieldProblem, fieldProblemsOf } from './fieldProblems.ts';
import { eventSchema } from './schemas/event.ts';

export const batchEventsMax = 1_000;

export type ReadEvent = { event: Event } | { errors: FieldProblem[] };

/** Checks an event that was parsed from `text`, and keeps the text of its fields. */
export function readEvent(parsed: unknown, text: string): ReadEvent {
  const checked = eventSchema.safeParse(parsed);
  if (!checked.success) return { errors: fieldProblemsOf(checked.error.issues, parsed, '(event)') };
  const { fields, twice } = readFields(text);
  if (twice.length > 0) {
    return {
      errors: twice.map((field) => ({ field, problem: 'stands in the event twice', expected: 'each field once' })),
    };
  }
  const deep = [...fields.keys()].filter((field) => isDeeperThan(eventLevelsMax - 1, fields.get(field) ?? ''));
  if (deep.length > 0) {
    const expected = `an event of at most ${eventLevelsMax} levels of objects and arrays`;
    return { errors: deep.map((field) => ({ field, problem: 'is nested too deeply', expected })) };
  }
  const { eventType, customerExternalId, idempotencyKey } = checked.data;
  return { event: { eventType, customerExternalId, idempotencyKey, fields } };
}

/** A body, or a line of one, that is no JSON. */
export class MalformedJson extends CausewayError {
  constructor(readonly problem: string) {
    super('malformed_json', `The body ${problem}.`);
  }
}

/** Parses JSON text. Throws {@link MalformedJson}. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MalformedJson(`is not JSON: ${error instanceof Error ? error.message : String(error)}`);
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

// How many there are is known before any is looked at: the check of millions would stop this process for seconds.
const batchTooLarge = (): CausewayError =>
  new CausewayError('batch_too_large', `A batch may hold at most ${batchEventsMax} events; this one holds more.`);

/**
 * The events of a JSON array, each checked alone. Throws {@link MalformedJson} where the text is no JSON array, and
 * `batch_too_large`.
 */
export function readArray(text: string): ReadEvent[] {
  const parsed = parseJson(text);
  if (!Array.isArray(parsed)) throw new MalformedJson('is not a JSON array of events');
  const elements: unknown[] = parsed;
  if (elements.length > batchEventsMax) throw batchTooLarge();
  return elementsOf(text).map((elementText, i) => readEvent(elements[i], elementText));
}

/** The events of newline-delimited JSON, each line checked alone; empty lines are passed over. Throws `batch_too_large`. */
export function readLines(text: string): ReadEvent[] {
  return filledLinesOf(text).map((line) => {
    try {
      return readEvent(parseJson(line), line);
    } catch (error) {
      const problem = error instanceof MalformedJson ? error.problem : 'could not be read';
      return { errors: [{ field: '(line)', problem, expected: 'one event as a JSON object on a line' }] };
    }
  });
}

function filledLinesOf(text: string): string[] {
  const lines: string[] = [];
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(at, end);
    if (line.trim() !== '') lines.push(line);
    if (lines.length > batchEventsMax) throw batchTooLarge();
    at = end + 1;
  }
  return lines;
}

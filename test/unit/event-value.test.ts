import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readArray, readEvent, readLines } from '../../api/readEvent.ts';
import { matchesEventType, partitionKeyOf, recordValueOf } from '../../domain/event.ts';
import { elementsOf, isDeeperThan, membersOf, textAt, withoutSpace } from '../../domain/jsonText.ts';

const acceptedAt = new Date('2026-01-15T09:30:00.000Z');
const utf8 = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function eventIn(text: string) {
  const read = readEvent(JSON.parse(text), text);
  if ('errors' in read) throw new Error(JSON.stringify(read.errors));
  return read.event;
}
const valueIn = (text: string): string => utf8(recordValueOf(eventIn(text), acceptedAt));

const eventHead = '"eventType":"e", "occurredAt":"2026-01-01T00:00:00Z"';
const valuesOf = (read: ReturnType<typeof readArray>) =>
  read.map((one) => ('event' in one ? utf8(recordValueOf(one.event, acceptedAt)) : one.errors));

/** One JSON text twice: with white space between its tokens, and without. The generator knows which is which, no parser is asked. */
type Text = { loose: string; tight: string };
const spaces = fc.string({ unit: fc.constantFrom(' ', '\n', '\t', '\r'), maxLength: 3 });
const spacesOfOneLine = fc.string({ unit: fc.constantFrom(' ', '\t'), maxLength: 3 });

const numbers = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(fc.constant('0'), fc.bigInt({ min: 1n, max: 10n ** 30n }).map(String)),
    fc.constantFrom('', '.0', '.10', '.1', '.000', '.30000000000000004'),
    fc.constantFrom('', 'e400', 'E+2', 'e-0', 'e05', 'E1'),
  )
  .map((parts) => parts.join(''));
const characters = fc.oneof(
  fc.constantFrom('a', ' ', 'é', '😀', '\u2028', '{', ']', ',', ':', '/'),
  fc.constantFrom(
    '\\"',
    '\\\\',
    '\\/',
    '\\b',
    '\\n',
    '\\t',
    '\\u0000',
    '\\u00e9',
    '\\u00E9',
    '\\ud83d\\ude00',
    '\\u0061',
  ),
);
const strings = fc.array(characters, { maxLength: 6 }).map((parts) => `"${parts.join('')}"`);
// Few names, so that one often stands in an object twice; and two spellings of one name.
const names = fc.oneof(fc.constantFrom('"a"', '"\\u0061"', '"b"', '"__proto__"', '"1"'), strings);

const around = (space: string, { loose, tight }: Text, after: string): Text => ({
  loose: space + loose + after,
  tight,
});
const joined = (open: string, parts: readonly Text[], close: string, space: string): Text => ({
  loose: parts.length > 0 ? `${open}${parts.map(({ loose }) => loose).join(',')}${close}` : open + space + close,
  tight: `${open}${parts.map(({ tight }) => tight).join(',')}${close}`,
});

/** A JSON object as text, with this white space wherever JSON allows it. */
function jsonObject(space: fc.Arbitrary<string>): fc.Arbitrary<Text> {
  const leaves = fc.oneof(numbers, strings, fc.constantFrom('true', 'false', 'null'));
  const leaf = leaves.map((text): Text => ({ loose: text, tight: text }));
  const { object } = fc.letrec<{ value: Text; object: Text; array: Text }>((tie) => {
    const value = fc.tuple(space, tie('value'), space).map(([before, text, after]) => around(before, text, after));
    const member = fc.tuple(space, names, space, value).map(
      ([before, name, after, text]): Text => ({
        loose: `${before}${name}${after}:${text.loose}`,
        tight: `${name}:${text.tight}`,
      }),
    );
    return {
      value: fc.oneof({ maxDepth: 3, withCrossShrink: true }, leaf, tie('object'), tie('array')),
      object: fc.tuple(fc.array(member, { maxLength: 4 }), space).map(([parts, gap]) => joined('{', parts, '}', gap)),
      array: fc.tuple(fc.array(value, { maxLength: 4 }), space).map(([parts, gap]) => joined('[', parts, ']', gap)),
    };
  });
  return object;
}

describe('the value of a record', () => {
  test('keeps every number as the sender wrote it', () => {
    const payload = '{"big":12345678901234567890,"price":1.10,"huge":1e400,"minus":-0,"exp":1E+2}';
    expect(valueIn(`{"eventType":"e","customerExternalId":"c","payload":${payload}}`)).toContain(
      `"payload":${payload}`,
    );
  });

  test('keeps every string as the sender wrote it, escapes included', () => {
    const payload = String.raw`{"a":"\u00e9é","b":"\"\\\/","c":"\ud83d\ude00😀","d":"\u0000","e":"  two  spaces  "}`;
    expect(valueIn(`{"eventType":"e","customerExternalId":"c","payload":${payload}}`)).toContain(
      `"payload":${payload}`,
    );
  });

  test('puts the fields in one order, drops white space between tokens and leaves the order inside the payload', () => {
    const text =
      '{ "payload" : { "z" : 1 , "a" : [ 1, 2 ] } ,\n "customerExternalId":"c", "occurredAt":"2026-01-01T00:00:00Z", "eventType":"e"}';
    expect(valueIn(text)).toBe(
      '{"eventType":"e","occurredAt":"2026-01-01T00:00:00Z","customerExternalId":"c","payload":{"z":1,"a":[1,2]}}',
    );
  });

  test('gets the time of acceptance where the sender gave no time', () => {
    expect(valueIn('{"eventType":"e","customerExternalId":"c","payload":{}}')).toContain(
      '"occurredAt":"2026-01-15T09:30:00.000Z"',
    );
  });

  test('is the text that the sender wrote, without the white space between its tokens: alone, in an array, as NDJSON', () => {
    fc.assert(
      fc.property(fc.array(jsonObject(spaces), { minLength: 1, maxLength: 5 }), (payloads) => {
        const head = '{"eventType":"e","occurredAt":"2026-01-01T00:00:00Z","customerExternalId":"c","payload":';
        const expected = payloads.map(({ tight }) => `${head}${tight}}`);
        const posted = payloads.map(({ loose }) => `{"payload":${loose},"customerExternalId":"c", ${eventHead}}`);
        expect(posted.map(valueIn)).toEqual(expected);
        expect(expected.map(valueIn)).toEqual(expected);
        expect(valuesOf(readArray(`[ ${posted.join(' ,\n')} ]`))).toEqual(expected);
      }),
    );
    fc.assert(
      fc.property(fc.array(jsonObject(spacesOfOneLine), { minLength: 1, maxLength: 5 }), (payloads) => {
        const posted = payloads.map(({ loose }) => `{"payload":${loose},"customerExternalId":"c", ${eventHead}}`);
        expect(valuesOf(readLines(posted.join('\n')))).toEqual(posted.map(valueIn));
      }),
    );
  });
});

describe('reading JSON text', () => {
  test('finds the members and elements that JSON.parse finds, wherever white space stands', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(3), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(withoutSpace(text)).toBe(JSON.stringify(value));
        if (Array.isArray(value)) expect(elementsOf(text).map((part) => JSON.parse(part))).toEqual(JSON.parse(text));
        else if (value !== null && typeof value === 'object') {
          expect(membersOf(text).map(([name, part]) => [name, JSON.parse(part)])).toEqual(
            Object.entries(JSON.parse(text)),
          );
        }
      }),
    );
  });

  test('takes the last of two members of one name, as JSON.parse does', () => {
    expect(textAt('{"a":{"b":1},"a":{"b":2}}', ['a', 'b'])).toBe('2');
  });

  test('reads a document nested 100,000 deep without running out of stack', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(elementsOf(deep)).toHaveLength(1);
    expect(withoutSpace(` ${deep}`)).toBe(deep);
  });
});

describe('the partition key', () => {
  const event = eventIn(
    '{"eventType":"e","customerExternalId":"c","payload":{"id":12345678901234567890,"s":"\\u00e9","t":true,"n":null,"o":{},"empty":"","deep":{"er":"x"}}}',
  );
  test.each([
    ['customerExternalId', 'c'],
    ['payload.id', '12345678901234567890'],
    ['payload.s', 'é'],
    ['payload.t', 'true'],
    ['payload.deep.er', 'x'],
  ])('at %s is %s', (path, key) => {
    expect(partitionKeyOf(event, path)).toEqual({ key });
  });
  test.each([
    ['payload.missing', 'is missing'],
    ['metadata.region', 'is missing'],
    ['payload.n', 'is null'],
    ['payload.o', 'is an object or array'],
    ['payload.empty', 'is empty'],
    ['payload.toString', 'is missing'],
    ['payload.s.length', 'is missing'],
  ])('at %s %s', (path, problem) => {
    expect(partitionKeyOf(event, path)).toEqual({ problem });
  });
});

describe('event type patterns', () => {
  test.each([
    ['*', 'order.shipped', true],
    ['order.*', 'order.shipped', true],
    ['order.*', 'orders.shipped', false],
    ['*.shipped', 'order.shipped', true],
    ['order.shipped', 'order.shipped', true],
    ['order.shipped', 'order.shipped.late', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a*a', 'a', false],
  ])('%s on %s: %s', (pattern, type, expected) => {
    expect(matchesEventType([pattern], type)).toBe(expected);
  });

  test('agree with a regular expression on every pattern and type', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
    fc.assert(
      fc.property(letters, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 }), (pattern, type) => {
        expect(matchesEventType([pattern], type)).toBe(new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(type));
      }),
    );
  });
});

describe('a wrong event is refused by field, with what is wrong and what would be right', () => {
  const wrong = (text: string) => {
    const read = readEvent(JSON.parse(text), text);
    return 'errors' in read ? read.errors.map((row) => `${row.field} ${row.problem}: ${row.expected}`) : [];
  };
  const eventType = 'a string of 1 to 255 characters, for example "order.shipped"';
  const customer = 'a string of 1 to 255 characters, for example "acct_8K2zRq"';
  const fields =
    'one of eventType, occurredAt, source, customerExternalId, idempotencyKey, correlationId, payload, metadata';
  test.each([
    ['{"customerExternalId":"c","payload":{}}', `eventType is missing: ${eventType}`],
    ['{"eventType":7,"customerExternalId":"c","payload":{}}', `eventType is a number: ${eventType}`],
    ['{"eventType":"","customerExternalId":"c","payload":{}}', `eventType is too short: ${eventType}`],
    [
      '{"eventType":"a\\nb","customerExternalId":"c","payload":{}}',
      `eventType holds a control character: ${eventType}`,
    ],
    [
      '{"eventType":"e","customerExternalId":"\\ud800","payload":{}}',
      `customerExternalId holds half of a surrogate pair: ${customer}`,
    ],
    ['{"eventType":"e","customerExternalId":"c","payload":[]}', 'payload is no JSON object: a JSON object'],
    [
      '{"eventType":"e","customerExternalId":"c","payload":{},"occurredAt":"yesterday"}',
      'occurredAt has the wrong form: an RFC 3339 time with a zone, for example "2026-01-15T09:30:00Z"',
    ],
    [
      '{"eventType":"e","customerExternalId":"c","payload":{},"idempotencykey":"k"}',
      `idempotencykey is not a known field: ${fields}`,
    ],
    [
      '{"eventType":"e","customerExternalId":"c","payload":{},"eventType":"f"}',
      'eventType stands in the event twice: each field once',
    ],
    ['"text"', '(event) is a string: an event, as a JSON object'],
    ['[]', '(event) is an array: an event, as a JSON object'],
    ['null', '(event) is null: an event, as a JSON object'],
  ])('%s', (text, expected) => {
    expect(wrong(text)).toEqual([expected]);
  });

  test('and every wrong field of it is named', () => {
    const text = '{"eventType":7,"customerExternalId":"c","payload":{},"metadata":1,"extra":1}';
    expect(wrong(text).map((line) => line.split(' ')[0])).toEqual(['eventType', 'metadata', 'extra']);
  });
});

describe('levels', () => {
  const levels = (count: number): string => `${'{"a":['.repeat(count / 2)}${']}'.repeat(count / 2)}`;
  test.each([
    ['as many as are taken', levels(500), false],
    ['one more', `[${levels(500)}]`, true],
    ['many, one beside the other', `[${Array(2_000).fill('{}').join()}]`, false],
    ['brackets in strings', `{"${'['.repeat(2_000)}":"\\"${'{'.repeat(2_000)}"}`, false],
    ['100,000', '['.repeat(100_000) + ']'.repeat(100_000), true],
  ])('are counted: %s', (_, text, isDeeper) => {
    expect(isDeeperThan(500, text)).toBe(isDeeper);
  });
});

test('patterns and types that would keep a regular expression busy for ever are matched in no time', () => {
  const patterns = Array.from({ length: 100 }, (_, n) => `${'*a'.repeat(126)}${n}`);
  const startedAt = performance.now();
  for (let n = 0; n < 100; n++) expect(matchesEventType(patterns, 'a'.repeat(255))).toBe(false);
  expect(performance.now() - startedAt).toBeLessThan(5_000); // 10,000 patterns; one as a regular expression takes years.
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readArray, readEvent, readLines } from '../../api/readEvent.ts';
import { matchesEventType, partitionKeyOf, recordValueOf } from '../../domain/event.ts';
import { elementsOf, membersOf, textAt, withoutSpace } from '../../domain/jsonText.ts';

const acceptedAt = new Date('2026-01-15T09:30:00.000Z');
const utf8 = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function eventIn(text: string) {
  const read = readEvent(JSON.parse(text), text);
  if ('errors' in read) throw new Error(JSON.stringify(read.errors));
  return read.event;
}
const valueIn = (text: string): string => utf8(recordValueOf(eventIn(text), acceptedAt));

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

  test('means what the sender meant, whatever JSON the payload is', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), fc.nat(4), (payload, indent) => {
        const text = JSON.stringify({ payload, eventType: 'e', customerExternalId: 'c' }, null, indent);
        const value = valueIn(text);
        expect(JSON.parse(value).payload).toEqual(JSON.parse(text).payload);
        expect(valueIn(value)).toBe(value);
      }),
    );
  });

  test('is the same from a batch as from a single event', () => {
    fc.assert(
      fc.property(fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { minLength: 1, maxLength: 5 }), (payloads) => {
        const texts = payloads.map((payload) =>
          JSON.stringify({ eventType: 'e', occurredAt: '2026-01-01T00:00:00Z', customerExternalId: 'c', payload }),
        );
        const alone = texts.map(valueIn);
        for (const read of [readArray(`[ ${texts.join(' ,\n')} ]`), readLines(texts.join('\n'))]) {
          expect(read.map((one) => ('event' in one ? utf8(recordValueOf(one.event, acceptedAt)) : one.errors))).toEqual(
            alone,
          );
        }
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

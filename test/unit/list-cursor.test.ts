import type { z } from '@hono/zod-openapi';
import { describe, expect, test } from 'vitest';
import { cursorOf, placeOf, places } from '../../api/listCursor.ts';

const runId = '01234567-89ab-4cde-8f01-23456789abcd';
const eventId = 'A-_'.repeat(7).concat('x');
const nowMs = 1_800_000_000_000;

type Parts = readonly (string | number)[];
/** For each list places that it gives, and places that somebody made up. */
const cases: { [List in keyof typeof places]: { given: Parts[]; forged: Parts[] } } = {
  lanes: { given: [['dG9rZW4_-']], forged: [[], [5], ['a b'], ['\u0000'], ['a', 'b']] },
  deadLetters: {
    given: [
      ['', 20, '', 0],
      ['dG9r', 100, 'delivery:dst_x:order 7', 3],
      ['dG9r', 100, 'delivery:dst_x:order 7', 3, nowMs],
    ],
    forged: [
      [],
      ['', -1, '', 0],
      ['', 20, 'x', 1, -1],
      ['', 20, 'x', 1, 9e15],
      ['', 20, 'x', 1, 'now'],
      ['', 20, '\u0000', 0],
      ['', 20, 'x', 1.5],
      [1, 20, 'x', 1],
      ['', '20', 'x', 1],
    ],
  },
  deliveries: {
    given: [
      [nowMs, eventId, runId],
      [nowMs, '', ''],
    ],
    forged: [
      [],
      [9e15, '', ''],
      [-1, '', ''],
      ['now', '', ''],
      [nowMs, '\u0000', runId],
      [nowMs, eventId, 'x'],
      [1e14 * 9],
    ],
  },
  eventTypes: {
    given: [[0, 'order.created']],
    forged: [[], [1], [1, 'a\u0000b'], [-5, 'a'], ['1', 'a'], [2 ** 60, 'a']],
  },
  laneLog: {
    given: [
      [runId, 3, nowMs],
      [runId, 3, nowMs, 1],
    ],
    forged: [
      [],
      [runId, 3, 9e15],
      [runId, -1, nowMs],
      ['x', 3, nowMs],
      [runId, 3],
      [runId, '3', nowMs],
      [runId, 3, nowMs, 2],
    ],
  },
};

describe.each(Object.entries(cases))('a cursor of %s', (name, { given, forged }) => {
  const form: z.ZodType = places[name as keyof typeof places]; // The table has no others.

  test('leads to the place that it was made of', () => {
    for (const place of given) expect(placeOf('list', cursorOf('list', place), form)).toEqual(place);
  });

  test('that somebody made up is refused, whatever stands in it, and so is another list’s', () => {
    const other = given.map((place) => cursorOf('another', place));
    const noJson = [
      '',
      'x',
      Buffer.from('null').toString('base64url'),
      Buffer.from('{"0":"list"}').toString('base64url'),
    ];
    for (const cursor of [...forged.map((place) => cursorOf('list', place)), ...other, ...noJson]) {
      expect(() => placeOf('list', cursor, form)).toThrow(expect.objectContaining({ code: 'cursor_invalid' }));
    }
  });
});

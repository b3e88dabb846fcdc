import { describe, expect, test } from 'vitest';
import { readArray, readEvent, readLines } from '../../api/readEvent.ts';

const one = '{"eventType":"e","customerExternalId":"c","payload":{}}';
const times = (count: number, text: string): string[] => Array<string>(count).fill(text);

describe.each([
  ['a JSON array', readArray, (texts: string[]) => `[${texts.join(',')}]`],
  ['lines', readLines, (texts: string[]) => texts.join('\r\n\n')],
])('a batch as %s', (_, read, written) => {
  test('holds 1,000 events, each checked alone', () => {
    const events = read(written([...times(999, one), '1']));
    expect(events).toHaveLength(1_000);
    expect(events.filter((event) => 'errors' in event)).toHaveLength(1);
  });

  test('with more is refused before any is checked, though it holds millions', () => {
    expect(() => read(written(times(1_001, '1')))).toThrow('batch_too_large');
    expect(() => read(written(times(1_200_000, '1')))).toThrow('batch_too_large');
  });
});

test('of unknown fields, and of fields that stand there again and again, an answer names a few', () => {
  const unknown = JSON.stringify(Object.fromEntries(times(10_000, '').map((_, n) => [`f${n}`, 1])));
  const again = `${one.slice(0, -1)}${times(10_000, ',"source":"a"').join('')}}`;
  const problems = [unknown, again].map((text) => {
    const read = readEvent(JSON.parse(text), text);
    return 'errors' in read ? read.errors : [];
  });
  expect(problems[0]?.filter(({ problem }) => problem === 'is not a known field')).toHaveLength(50);
  expect(problems[1]).toEqual([{ field: 'source', problem: 'stands in the event twice', expected: 'each field once' }]);
});

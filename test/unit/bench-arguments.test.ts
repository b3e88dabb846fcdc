import { describe, expect, test } from 'vitest';
import { readArguments } from '../../bench/arguments.ts';

const read = (...given: string[]) => {
  const result = readArguments(given);
  if (result === 'help' || result === 'rows') throw new Error(`${result} was not asked for`);
  return result;
};

describe('the arguments of npm run bench', () => {
  test('without any, every part but the backlog runs at full length', () => {
    const { parts, quick, own, out } = read();
    expect([...parts]).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect({ quick, own, out }).toEqual({ quick: false, own: false, out: undefined });
  });

  test('--only takes some parts, in any case and with spaces', () => {
    expect([...read('--only', 'a, C').parts]).toEqual(['a', 'c']);
  });

  test.each([
    [['--only', 'a,x'], '--only names x, which is no part. Give some of a, b, c, d, e, f, backlog'],
    [['--only', ','], '--only names no part'],
    [['--quik'], "Unknown option '--quik'"],
    [['quick'], "Unexpected argument 'quick'"],
    [['--out', ''], '--out needs a path'],
    [['--profile', '-x'], '--profile'],
    [['--row', 'soak,x'], '--row names x, which is no row. Give some of batches-four-lanes, singles-512'],
    [['--row', ','], '--row names no row'],
    [['--minutes', '0'], '--minutes needs a number over 0'],
  ])('%j is refused, and the message says what would be right', (given, message) => {
    expect(() => readArguments(given)).toThrow(message);
  });

  test('--row takes rows by name in place of the parts, and all of them as all', () => {
    expect(read('--row', 'soak, backlog', '--minutes', '2')).toMatchObject({ rows: ['soak', 'backlog'], minutes: 2 });
    expect(read('--row', 'all').rows).toHaveLength(11);
    expect(read().rows).toEqual([]);
    expect(readArguments(['--rows'])).toBe('rows');
  });

  test('a wrong name is answered with all the right ones', () => {
    expect(() => readArguments(['--quik'])).toThrow('--quick');
  });
});

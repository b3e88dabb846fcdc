import { describe, expect, test } from 'vitest';
import { readArguments } from '../../bench/arguments.ts';

const read = (...given: string[]) => {
  const result = readArguments(given);
  if (result === 'help') throw new Error('help was not asked for');
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
  ])('%j is refused, and the message says what would be right', (given, message) => {
    expect(() => readArguments(given)).toThrow(message);
  });

  test('a wrong name is answered with all the right ones', () => {
    expect(() => readArguments(['--quik'])).toThrow('--quick');
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { failureIn, NamedError } from '../../activities/kafka/failureNames.ts';
import { plainText } from '../../domain/plainText.ts';

/** What Postgres takes in `jsonb`, and more. */
const storable = /^[^\p{Cc}\p{Cs}]*$/u;

test('whatever the text and wherever it is cut, a store takes what is left of it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(20), (text, charsMax) => {
      const plain = plainText(`${text}\u0000\ud800`, charsMax);
      expect(plain).toMatch(storable);
      expect(plain.length).toBeLessThanOrEqual(charsMax);
    }),
  );
});

test('a text that is as it should be stays as it is', () => {
  expect(plainText('Broker ü 😀 is down')).toBe('Broker ü 😀 is down');
});

test('what a broker says comes into a failure as plain text, cut through a character or with NUL in it', () => {
  const cut = `${'x'.repeat(299)}😀`;
  const named = new NamedError({ name: 'TOKEN_REFUSED', message: 'it said \u0000 and \udc00' });
  for (const error of [new Error(cut), new Error('NUL: \u0000'), `${cut}`, named]) {
    expect(failureIn(error).message).toMatch(storable);
  }
});

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { laneOf } from '../../domain/lane.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const named = (key: string): string => laneOf('key', key, sha256);

describe('with lanes by key a lane has the name of its key', () => {
  test.each(['order-7', 'Grüße, 東京 😀', 'a:b/c d'])('%j', (key) => {
    expect(named(key)).toBe(key);
  });

  test.each(['a\u0000b', 'a\nb', '\u001b[2J', '\u007f', '\u0085', 'a\ud800', 'x'.repeat(201), 'é'.repeat(101)])(
    'or of its digest, where the name could not be stored or shown: %j',
    (key) => {
      expect(named(key)).toBe(`sha256:${sha256(key)}`);
    },
  );

  test('which is well-formed, printable and short, whatever the key is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (key) => {
        expect(named(key)).toMatch(/^[^\p{Cc}\p{Cs}]*$/u);
        expect(Buffer.byteLength(named(key))).toBeLessThanOrEqual(200);
      }),
    );
  });
});

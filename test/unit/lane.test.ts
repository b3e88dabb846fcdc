import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
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

test('with numbered lanes a key has the lane that docs/record-value.md says: to change it is to move keys between lanes', async () => {
  const page = await readFile(new URL('../../docs/record-value.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `([^`]+)` \| (\d+) \| (\d+) \| (\d+) \|$/gm)];
  expect(rows).toHaveLength(4);
  for (const [, key = '', ...told] of rows) {
    expect([4, 16, 1_024].map((lanes) => laneOf(lanes, key, sha256))).toEqual(told);
  }
});

import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newAuthority } from '../../dev/servers/certificates.ts';
import { formsOf, leaksIn, privateKeyParts, traceOf } from '../harness/leaks.ts';

const value = 'pä55 w+rd/=&"\\?~';
const found = (text: string | Uint8Array): string[] => leaksIn([traceOf('here', text)], [{ name: 'it', value }]);
const base64 = (text: string): string => Buffer.from(text).toString('base64');

test.each([
  ['in clear', `a ${value} b`],
  ['URL-encoded', `?p=${encodeURIComponent(value)}`],
  ['URL-encoded in lower case', encodeURIComponent(value).replace(/%../g, (code) => code.toLowerCase())],
  ['in a form', new URLSearchParams({ p: value }).toString()],
  ['in JSON', JSON.stringify({ p: value })],
  ['in JSON in JSON', JSON.stringify(JSON.stringify({ p: value }))],
  ['in hex', Buffer.from(`a${value}`).toString('hex')],
  ['in HEX', Buffer.from(`a${value}`).toString('hex').toUpperCase()],
  ['as a user and password of HTTP', `Basic ${base64(`${encodeURIComponent('user')}:${encodeURIComponent(value)}`)}`],
])('a secret is found %s', (_, text) => expect(found(text)).toEqual(['it: here']));

test('… and in base64 wherever it stands in what was encoded, for URLs too, and in bytes of any kind', () => {
  const around = fc.uint8Array({ maxLength: 7 });
  fc.assert(
    fc.property(around, around, fc.constantFrom('base64' as const, 'base64url' as const), (before, after, encoding) => {
      const bytes = Buffer.concat([before, Buffer.from(value), after]);
      expect(found(bytes)).toEqual(['it: here']);
      expect(found(bytes.toString(encoding))).toEqual(['it: here']);
    }),
  );
});

test('what holds no secret is no finding, and a finding does not show what it found', () => {
  expect(found(randomBytes(100_000).toString('base64'))).toEqual([]);
  expect(found(value).join()).not.toContain(value);
  expect(formsOf(randomBytes(32)).every((form) => form.length >= 32)).toBe(true);
});

test('a private key is found by any line of it, and by its bytes in any form', () => {
  const { keyPem } = newAuthority();
  const parts = privateKeyParts('key', keyPem);
  const lines = keyPem.split('\n').filter((line) => line.length > 40 && !line.startsWith('-'));
  for (const line of lines) expect(leaksIn([traceOf('here', line)], parts)).toContain('key, a line: here');
  const bytes = Buffer.from(lines.join(''), 'base64');
  expect(bytes.length).toBeGreaterThan(60);
  expect(leaksIn([traceOf('here', keyPem.replaceAll('\n', '\\n'))], parts)).toContain('key, a line: here');
});

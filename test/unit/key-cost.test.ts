import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { isCheapToOpen } from '../../api/schemas/keyCost.ts';
import { privateKey } from '../../api/schemas/pem.ts';
import { newPrivateKeyPem } from '../harness/pem.ts';

const encrypted = (...options: string[]): string =>
  execFileSync('openssl', ['pkcs8', '-topk8', '-passout', 'pass:x', ...options], {
    input: newPrivateKeyPem(),
  }).toString();
const ofPem = (name: string, der: string): string =>
  `-----BEGIN ${name}-----\n${Buffer.from(der, 'hex').toString('base64')}\n-----END ${name}-----\n`;
const isTaken = (pem: string): boolean => privateKey().safeParse(pem).success;

describe('a private key is taken', () => {
  test.each([
    ['that is not encrypted', newPrivateKeyPem],
    ['as openssl encrypts it', () => encrypted()],
    ['with 100,000 iterations', () => encrypted('-iter', '100000')],
    ['encrypted with scrypt', () => encrypted('-scrypt')],
    ['encrypted as in PKCS #12', () => encrypted('-v1', 'PBE-SHA1-3DES')],
  ])('%s', (_, make) => expect(isTaken(make())).toBe(true));
});

describe('a private key that would keep every destination waiting is refused, and says why', () => {
  test.each([
    ['with more iterations', () => encrypted('-iter', '100001')],
    ['with a costlier scrypt', () => encrypted('-scrypt', '-scrypt_p', '4')],
    ['encrypted as in PKCS #12, with more iterations', () => encrypted('-v1', 'PBE-SHA1-3DES', '-iter', '100001')],
  ])('%s', (_, make) => {
    const { error } = privateKey().safeParse(make());
    expect(error?.issues).toMatchObject([{ message: expect.stringContaining('at most 100000 iterations') }]);
  });

  test.each([
    ['a number of five bytes', '30143010060100300b04020000020500ffffffff0400'],
    ['a sequence of no definite length', '3080300906010030040202080004000000'],
    ['… and one in it', '3011300d060100308002047fffffff00000400'],
    ['a length beyond its end', '3084ffffffff'],
    ['nothing', ''],
  ])('%s', (_, der) => expect(isCheapToOpen(ofPem('ENCRYPTED PRIVATE KEY', der))).toBe(false));

  test('one with lines around its bytes that are not read here', () => {
    expect(isCheapToOpen(encrypted().replace('KEY-----\n', 'KEY-----\nX-Y: z\n\n'))).toBe(false);
  });

  test('ten thousand sequences in one another', () => {
    const deep = Array.from({ length: 10_000 }).reduce<Buffer>(
      (inner) => {
        const length = Buffer.alloc(4);
        length.writeUInt32BE(inner.length);
        return Buffer.concat([Buffer.from([0x30, 0x84]), length, inner]);
      },
      Buffer.from([0x02, 0x01, 0x01]),
    );
    expect(isCheapToOpen(ofPem('ENCRYPTED PRIVATE KEY', deep.toString('hex')))).toBe(false);
  });
});

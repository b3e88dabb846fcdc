import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { certificates, clientCertificates, privateKey } from '../../api/schemas/pem.ts';
import { isCheapToDecrypt } from '../../domain/keyCost.ts';
import { newPrivateKeyPem } from '../harness/pem.ts';

const encrypted = (...options: string[]): string =>
  execFileSync('openssl', ['pkcs8', '-topk8', '-passout', 'pass:x', ...options], {
    input: newPrivateKeyPem(),
  }).toString();
const ecKey = (...options: string[]): string =>
  execFileSync('openssl', ['ec', ...options], { input: newPrivateKeyPem(), stdio: 'pipe' }).toString();
const isTaken = (pem: string): boolean => privateKey().safeParse(pem).success;

describe('a private key is taken', () => {
  test.each([
    ['that is not encrypted', newPrivateKeyPem],
    ['as openssl encrypts it', () => encrypted()],
    ['with 100,000 iterations', () => encrypted('-iter', '100000')],
    ['encrypted with scrypt', () => encrypted('-scrypt')],
    ['encrypted with 3DES and SHA-1', () => encrypted('-v2', 'des3', '-v2prf', 'hmacWithSHA1')],
    ['encrypted as openssl did it before PKCS #8', () => ecKey('-aes128', '-passout', 'pass:x')],
    ['after its parameters', () => execFileSync('openssl', ['ecparam', '-name', 'P-256', '-genkey']).toString()],
    [
      'with lines that explain, and the line ends of Windows',
      () => `Key: 1\n${encrypted()}\n`.replaceAll('\n', '\r\n'),
    ],
  ])('%s', (_, make) => expect(isTaken(make())).toBe(true));
});

describe('a private key that would keep every destination waiting is refused, and says why', () => {
  test.each([
    ['with more iterations', () => encrypted('-iter', '100001')],
    ['with a costlier scrypt', () => encrypted('-scrypt', '-scrypt_p', '4')],
    [
      'with a scrypt that costs more than its numbers say',
      () => encrypted('-scrypt', '-scrypt_N', '2', '-scrypt_r', '1', '-scrypt_p', '131072'),
    ],
    ['encrypted as in PKCS #12, which is not PBES2', () => encrypted('-v1', 'PBE-SHA1-3DES')],
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
  ])('%s', (_, der) => expect(isCheapToDecrypt(Buffer.from(der, 'hex'))).toBe(false));

  test('one whose cipher has a name of 50,000 letters', () => {
    const key = ecKey('-aes128', '-passout', 'pass:x').replace('AES-128-CBC', 'A'.repeat(50_000));
    expect(isTaken(key)).toBe(false);
  });

  test('one with lines around its bytes that are not read here', () => {
    expect(isTaken(encrypted().replace('KEY-----\n', 'KEY-----\nX-Y: z\n\n'))).toBe(false);
  });

  test.each([
    ['and letters beyond ASCII at its lines', (dear: string) => dear.replaceAll(/(?<!-)\n/g, '\u00e9\n')],
    ['and control characters at its lines', (dear: string) => dear.replaceAll(/(?<!-)\n/g, '\u0001\n')],
    ['and a header', (dear: string) => dear.replace('KEY-----\n', 'KEY-----\nX_Y: z\n\n')],
    ['and a cheap one before it on a line that begins with something else', (dear: string) => dear],
  ])('a costly one that OpenSSL reads and we might not, %s', (_, hide) => {
    const inOneLine = `x${encrypted()}`.replaceAll('\n', ' ');
    const pem = `${inOneLine}\n${hide(encrypted('-iter', '100001'))}`;
    expect(() => createPrivateKey({ key: pem, passphrase: 'x' })).not.toThrow(); // Or else it would be no danger.
    expect(isTaken(pem)).toBe(false);
  });

  test('a thousand sequences in one another', () => {
    const deep = Array.from({ length: 1_000 }).reduce<Buffer>(
      (inner) => {
        const length = Buffer.alloc(4);
        length.writeUInt32BE(inner.length);
        return Buffer.concat([Buffer.from([0x30, 0x84]), length, inner]);
      },
      Buffer.from([0x02, 0x01, 0x01]),
    );
    expect(isCheapToDecrypt(deep)).toBe(false);
  });
});

/** A certificate of somebody who says that this is their RSA key. Nobody has its private part. */
async function certificateOfRsa(bits: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'causeway-rsa-'));
  const [key, named] = [join(folder, 'key.pem'), join(folder, 'named.pem')];
  const modulus = randomBytes(bits / 8);
  modulus[0] = 0x80;
  const n = modulus.toString('base64url');
  const publicKey = createPublicKey({ key: { kty: 'RSA', n, e: 'AQAB' }, format: 'jwk' });
  await writeFile(key, newPrivateKeyPem());
  await writeFile(named, publicKey.export({ type: 'spki', format: 'pem' }));
  const certificate = ['x509', '-new', '-subj', '/CN=c', '-days', '1', '-key', key, '-force_pubkey', named];
  const pem = execFileSync('openssl', certificate).toString();
  await rm(folder, { recursive: true });
  return pem;
}

test('a client certificate whose RSA key is slow to sign with is refused, and says why; an authority only verifies', async () => {
  const [usual, slow] = [await certificateOfRsa(4_096), await certificateOfRsa(8_192)];
  expect([usual, slow].map((pem) => certificates().safeParse(pem).success)).toEqual([true, true]);
  expect(clientCertificates().safeParse(usual + slow).success).toBe(true); // The first is the client's own.
  expect(clientCertificates().safeParse(slow).error?.issues).toMatchObject([
    { message: expect.stringContaining('at most 4096 bits') },
  ]);
});

test('a client certificate that OpenSSL reads and we might not is refused', async () => {
  const [usual, slow] = [await certificateOfRsa(2_048), await certificateOfRsa(8_192)];
  const [before, named] = [`x${usual.trim()}\n`, slow.replaceAll(' CERTIFICATE', ' TRUSTED CERTIFICATE')];
  for (const pem of [before + slow, named + usual]) expect(clientCertificates().safeParse(pem).success).toBe(false);
  expect(clientCertificates().safeParse(`subject=CN = c\n\n${usual}`).success).toBe(true);
});

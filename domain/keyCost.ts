/** What opening an encrypted private key and signing with one costs, which whoever made it has decided. Nothing is computed here. */

import { partsOf } from './der.ts';
import { encryptionIn } from './keyEncryption.ts';

/** Of a hash; openssl takes 2,048 where it isn't told. */
export const iterationsMax = 100_000;
/** scrypt's N, r and p multiplied, which openssl takes half of; r and p of it, where it takes 8 and 1. All in p it would take four times as long. */
const scryptMax = 262_144;
const scryptPartMax = 16;
/** With so many OpenSSL signs in 3 ms, with 7,680 in 31 and with 15,360 in 166 (openssl speed); it takes up to 16,384. */
export const rsaBitsMax = 4_096;

export const encryptionTaken = `PBES2, with PBKDF2 of at most ${iterationsMax} iterations or scrypt as openssl has it`;

/**
 * Whether such a key (PKCS #8, RFC 5958, in DER) is decrypted within some 100 ms. API and worker do that on the one thread that serves
 * all destinations: one of two billion iterations would stop both for an hour.
 */
export function isCheapToDecrypt(der: Buffer): boolean {
  const { derivation } = encryptionIn(der) ?? {};
  if (derivation === undefined) return false;
  if (derivation.kind === 'pbkdf2') return derivation.iterations <= iterationsMax;
  const { cost, blockSize, parallelization } = derivation;
  return Math.max(blockSize, parallelization) <= scryptPartMax && cost * blockSize * parallelization <= scryptMax;
}

/** RSAPrivateKey (RFC 8017): version, n, e, d, p, q, d mod p-1, d mod q-1 and 1/q mod p. Those of more than two primes have a tenth. */
const rsaParts = 9;

/**
 * Whether an RSA key, in DER, signs within some 3 ms. OpenSSL computes with its factors as they stand, though they be a hundred times as
 * long as the modulus that they should make.
 */
export function isQuickRsaKey(der: Buffer): boolean {
  const [key] = partsOf(der);
  const parts = partsOf(key?.content ?? Buffer.alloc(0));
  if (parts.length !== rsaParts) return false;
  const [, n = 0, e = 0, d = 0, ...ofPrimes] = parts.map(({ content }) => bytesOf(content));
  return n <= rsaBitsMax / 8 && e <= n && d <= n && ofPrimes.every((bytes) => bytes <= Math.ceil(n / 2) + 1);
}

/** Without the zeros that it begins with. */
const bytesOf = (integer: Buffer): number =>
  integer.length -
  Math.max(
    0,
    integer.findIndex((byte) => byte !== 0),
  );

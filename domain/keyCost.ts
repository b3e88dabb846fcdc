/**
 * What opening an encrypted private key (PKCS #8, RFC 5958) and signing with one costs, which whoever made it has decided. Nothing is
 * computed here.
 */

import { derTags, partsOf } from './der.ts';
import { pemBlocksIn } from './pemBlocks.ts';

/** 1.3.6.1.4.1.11591.4.11 (RFC 7914). */
const scryptId = Buffer.from('2b06010401da47040b', 'hex');

/** Of a hash; openssl takes 2,048 where it isn't told. */
export const iterationsMax = 100_000;
/** scrypt's N, r and p multiplied; openssl takes half of it. */
const scryptMax = 262_144;
/** With so many OpenSSL signs in 3 ms, with 7,680 in 31 and with 15,360 in 166 (openssl speed); it takes up to 16,384. */
export const rsaBitsMax = 4_096;
/** Of sequences in sequences; there are four. */
const depthMax = 8;

/**
 * Whether such a key is opened within some 50 ms. API and worker open it with each connection, on the one thread that serves all
 * destinations: one of two billion iterations would stop both for an hour. True for a key that is not encrypted.
 */
export function isCheapToOpen(pem: string): boolean {
  const blocks = pemBlocksIn(pem); // Where OpenSSL might find another key, it must not count as cheap.
  return blocks?.every(({ label, base64 }) => label !== 'ENCRYPTED PRIVATE KEY' || isCheap(base64)) ?? false;
}

function isCheap(base64: string): boolean {
  try {
    const [whole] = partsOf(Buffer.from(base64, 'base64'));
    const [algorithm] = partsOf(whole?.content ?? Buffer.alloc(0));
    if (algorithm?.tag !== derTags.sequence) return false;
    const numbers = integersIn(algorithm.content, depthMax);
    return algorithm.content.includes(scryptId)
      ? numbers.reduce((product, one) => product * one, 1) <= scryptMax
      : numbers.every((one) => one <= iterationsMax);
  } catch {
    return false; // OpenSSL takes more than DER: what is not seen here must not count as cheap.
  }
}

function integersIn(der: Buffer, depthLeft: number): number[] {
  if (depthLeft === 0) return [Number.POSITIVE_INFINITY];
  return partsOf(der).flatMap(({ tag, content }) => {
    if (tag === derTags.sequence) return integersIn(content, depthLeft - 1);
    return tag === derTags.integer ? [integerIn(content)] : [];
  });
}

/** Those of more than 32 bits, or below zero, are beyond any bound. */
const integerIn = (content: Buffer): number =>
  content.length > 0 && content.length <= 4 && content.readInt8(0) >= 0
    ? content.readUIntBE(0, content.length)
    : Number.POSITIVE_INFINITY;

/** RSAPrivateKey (RFC 8017): version, n, e, d, p, q, d mod p-1, d mod q-1 and 1/q mod p. Those of more than two primes have a tenth. */
const rsaParts = 9;

/**
 * Whether an RSA key, `pkcs8` in DER and not encrypted, signs within some 3 ms. OpenSSL computes with its factors as they stand, though
 * they be a hundred times as long as the modulus that they should make.
 */
export function isQuickRsaKey(pkcs8: Buffer): boolean {
  const [whole] = partsOf(pkcs8);
  const [, , octets] = partsOf(whole?.content ?? Buffer.alloc(0));
  const [key] = partsOf(octets?.content ?? Buffer.alloc(0));
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

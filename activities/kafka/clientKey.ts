import { createDecipheriv, createHash, createPrivateKey, pbkdf2Sync, scryptSync } from 'node:crypto';
import type { ConnectionOptions } from 'node:tls';
import { encryptionTaken, isCheapToDecrypt } from '../../domain/keyCost.ts';
import { encryptionIn, type KeyCipher, type KeyDerivation } from '../../domain/keyEncryption.ts';
import { keysTaken, type PrivateKeyBlock, privateKeyIn, privateKeyProblem } from '../../domain/privateKeys.ts';
import { NamedError } from './failureNames.ts';

/** Once for each destination's settings, whatever the number of its brokers: the key is decrypted for it, or refused after that. */
const opened = new WeakMap<ConnectionOptions, ConnectionOptions | NamedError>();

/**
 * The settings with their client key decrypted and written anew. OpenSSL gets no key to read but one that was looked at here, for one
 * of another's making could keep the whole process waiting. Throws `CLIENT_CERTIFICATE_UNUSABLE` for any other key.
 */
export function withOpenedKey(ssl: ConnectionOptions): ConnectionOptions {
  const { key, passphrase, ...others } = ssl;
  if (typeof key !== 'string') return ssl;
  const known = opened.get(ssl) ?? openedOrRefused(key, passphrase, others);
  opened.set(ssl, known);
  if (known instanceof NamedError) throw known;
  return known;
}

function openedOrRefused(
  key: string,
  passphrase: string | undefined,
  others: ConnectionOptions,
): ConnectionOptions | NamedError {
  try {
    return { ...others, key: openedKey(key, passphrase) };
  } catch (error) {
    if (error instanceof NamedError) return error;
    throw error;
  }
}

function openedKey(pem: string, passphrase: string | undefined): string {
  const block = privateKeyIn(pem);
  if (typeof block === 'string') throw keyRefused(block);
  const der = decrypted(block, passphrase);
  const problem = privateKeyProblem(der, block.form);
  if (problem !== undefined) throw keyRefused(`${problem}. We take ${keysTaken}`);
  try {
    const key = createPrivateKey({ key: der, format: 'der', type: block.form });
    return key.export({ type: 'pkcs8', format: 'pem' }).toString();
  } catch {
    throw keyRefused('is damaged: OpenSSL does not read it');
  }
}

const keyRefused = (why: string): NamedError =>
  new NamedError({ name: 'CLIENT_CERTIFICATE_UNUSABLE', message: `Our client key ${why}.` });

/** The key in DER. What comes of a wrong pass phrase is most often no DER at all. */
function decrypted({ label, base64, dekInfo }: PrivateKeyBlock, passphrase: string | undefined): Buffer {
  const bytes = Buffer.from(base64, 'base64');
  const isPkcs8 = label === 'ENCRYPTED PRIVATE KEY';
  if (!isPkcs8 && dekInfo === undefined) return bytes;
  if (passphrase === undefined) throw keyRefused('is encrypted, and there is no clientKeyPassphrase');
  const open = isPkcs8 ? pkcs8Opener(bytes, passphrase) : legacyOpener(bytes, dekInfo ?? '', passphrase);
  try {
    return open();
  } catch {
    throw keyRefused('does not open with clientKeyPassphrase');
  }
}

type Opener = () => Buffer;

function pkcs8Opener(bytes: Buffer, passphrase: string): Opener {
  const encryption = encryptionIn(bytes);
  if (!encryption || !isCheapToDecrypt(bytes)) throw keyRefused(`is not encrypted with ${encryptionTaken}`);
  const { derivation, cipher, iv, encrypted } = encryption;
  return () => deciphered(encrypted, cipher, derivedKey(derivation, cipher, passphrase), iv);
}

/** What scrypt may take, in bytes: some 128 times what its numbers, multiplied, come to at the most. */
const scryptBytesMax = 64 * 1024 * 1024;

function derivedKey(derivation: KeyDerivation, { keyBytes }: KeyCipher, passphrase: string): Buffer {
  if (derivation.kind === 'pbkdf2') {
    return pbkdf2Sync(passphrase, derivation.salt, derivation.iterations, keyBytes, derivation.hash);
  }
  const { salt, cost, blockSize, parallelization } = derivation;
  return scryptSync(passphrase, salt, keyBytes, { cost, blockSize, parallelization, maxmem: scryptBytesMax });
}

/** By the names in RFC 1421's DEK-Info, as openssl writes them. */
const legacyCiphers: Readonly<Record<string, KeyCipher>> = {
  'AES-128-CBC': { name: 'aes-128-cbc', keyBytes: 16 },
  'AES-192-CBC': { name: 'aes-192-cbc', keyBytes: 24 },
  'AES-256-CBC': { name: 'aes-256-cbc', keyBytes: 32 },
  'DES-EDE3-CBC': { name: 'des-ede3-cbc', keyBytes: 24 },
};
const legacySaltBytes = 8;

/** As openssl encrypted before PKCS #8: the key is MD5 of pass phrase and salt, once for each 16 bytes of it. */
function legacyOpener(bytes: Buffer, dekInfo: string, passphrase: string): Opener {
  const [name = '', ivHex = ''] = dekInfo.split(',');
  const cipher = legacyCiphers[name];
  if (!cipher) throw keyRefused(`is not encrypted with ${Object.keys(legacyCiphers).join(', ')}`);
  const iv = Buffer.from(ivHex, 'hex');
  const salted = Buffer.concat([Buffer.from(passphrase), iv.subarray(0, legacySaltBytes)]);
  let [key, last] = [Buffer.alloc(0), Buffer.alloc(0)];
  while (key.length < cipher.keyBytes) {
    last = createHash('md5')
      .update(Buffer.concat([last, salted]))
      .digest();
    key = Buffer.concat([key, last]);
  }
  return () => deciphered(bytes, cipher, key.subarray(0, cipher.keyBytes), iv);
}

function deciphered(bytes: Buffer, { name }: KeyCipher, key: Buffer, iv: Buffer): Buffer {
  const decipher = createDecipheriv(name, key, iv);
  return Buffer.concat([decipher.update(bytes), decipher.final()]);
}

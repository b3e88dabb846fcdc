/** How a private key is encrypted in PKCS #8 (RFC 5958): PBES2 (RFC 8018), which is what openssl has written since 2016. */
import { type DerPart, derTags, partsOf } from './der.ts';

export type KeyDerivation =
  | { kind: 'pbkdf2'; salt: Buffer; iterations: number; hash: string }
  | { kind: 'scrypt'; salt: Buffer; cost: number; blockSize: number; parallelization: number };

export type KeyCipher = { name: string; keyBytes: number };
export type KeyEncryption = { derivation: KeyDerivation; cipher: KeyCipher; iv: Buffer; encrypted: Buffer };

const ids = { pbes2: '2a864886f70d01050d', pbkdf2: '2a864886f70d01050c', scrypt: '2b06010401da47040b' } as const;

/** By the names that Node.js has for them. Without one it is SHA-1 (RFC 8018, appendix A.2). */
const hashes: Readonly<Record<string, string>> = {
  '2a864886f70d0207': 'sha1',
  '2a864886f70d0208': 'sha224',
  '2a864886f70d0209': 'sha256',
  '2a864886f70d020a': 'sha384',
  '2a864886f70d020b': 'sha512',
};

const ciphers: Readonly<Record<string, KeyCipher>> = {
  '60864801650304012a': { name: 'aes-256-cbc', keyBytes: 32 },
  '608648016503040116': { name: 'aes-192-cbc', keyBytes: 24 },
  '608648016503040102': { name: 'aes-128-cbc', keyBytes: 16 },
  '2a864886f70d0307': { name: 'des-ede3-cbc', keyBytes: 24 },
};

/** Undefined for what is not encrypted so, or by other means. */
export function encryptionIn(der: Buffer): KeyEncryption | undefined {
  try {
    const [whole, ...more] = partsOf(der);
    const [scheme, encrypted] = sequence(whole);
    if (more.length > 0) return undefined;
    const { id, parameters } = algorithm(scheme);
    if (id !== ids.pbes2) return undefined;
    const [derivation, encryption] = sequence(parameters);
    const { id: cipherId, parameters: iv } = algorithm(encryption);
    const cipher = ciphers[cipherId];
    if (!cipher) return undefined;
    return { derivation: derivationIn(derivation, cipher), cipher, iv: octets(iv), encrypted: octets(encrypted) };
  } catch {
    return undefined;
  }
}

function derivationIn(part: DerPart | undefined, { keyBytes }: KeyCipher): KeyDerivation {
  const { id, parameters } = algorithm(part);
  const [salt, ...rest] = sequence(parameters);
  const numbers = rest.filter(({ tag }) => tag === derTags.integer).map(({ content }) => integerIn(content));
  const prf = rest.find(({ tag }) => tag === derTags.sequence);
  if (id === ids.scrypt) {
    const [cost = beyond, blockSize = beyond, parallelization = beyond, length = keyBytes] = numbers;
    if (length === keyBytes) return { kind: 'scrypt', salt: octets(salt), cost, blockSize, parallelization };
  }
  const [iterations = beyond, length = keyBytes] = numbers;
  const hash = prf ? hashes[algorithm(prf).id] : 'sha1';
  if (id !== ids.pbkdf2 || length !== keyBytes || hash === undefined) throw new Error('That is not known here.');
  return { kind: 'pbkdf2', salt: octets(salt), iterations, hash };
}

function algorithm(part: DerPart | undefined): { id: string; parameters: DerPart | undefined } {
  const [id, parameters] = sequence(part);
  return { id: contentOf(id, derTags.objectId).toString('hex'), parameters };
}

const sequence = (part: DerPart | undefined): DerPart[] => partsOf(contentOf(part, derTags.sequence));
const octets = (part: DerPart | undefined): Buffer => contentOf(part, derTags.octets);

function contentOf(part: DerPart | undefined, tag: number): Buffer {
  if (part?.tag !== tag) throw new Error('That is not DER as such a key is written in.');
  return part.content;
}

/** Those of more than 32 bits, or not above zero, are beyond any bound. */
const beyond = Number.POSITIVE_INFINITY;
const integerIn = (content: Buffer): number =>
  content.length > 0 && content.length <= 4 && content.readIntBE(0, content.length) > 0
    ? content.readUIntBE(0, content.length)
    : beyond;

import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import { CausewayError } from './error.ts';
import type { PayloadKeys, SecretKey } from './secretKeys.ts';

/** The name that Temporal's own samples give to encrypted payloads, and to what names the key. */
const encodingName = 'binary/encrypted';
const keyIdName = 'encryption-key-id';
/** Tells a key from another one under the same id, and so a wrong key from damaged data. It says nothing of the key. */
const keyCheckName = 'encryption-key-check';
const algorithm = 'aes-256-gcm';
const saltBytes = 16;
const nonceBytes = 12;
const tagBytes = 16;
const checkBytes = 9;
/**
 * Random nonces of 96 bits are safe for 2^32 payloads of one key (NIST SP 800-38D), which a busy installation has in days. So
 * no ring's key encrypts: one that is derived from it and a random salt does, for this many payloads, and the salt stands before
 * each of them.
 */
const payloadsPerSalt = 2 ** 20;
const derivedKeysMax = 1_000;

const payloadProto = proto.temporal.api.common.v1.Payload;
const associated = Buffer.from('causeway payload v1');
const hmac = (key: Buffer, ...parts: (string | Uint8Array)[]): Buffer => {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
};
const derived = (key: Buffer, salt: Uint8Array): Buffer => hmac(key, 'causeway payload encryption\0', salt);

/** Names a key beyond its id: what is in the metadata of each payload that it encrypts. */
export const keyCheckOf = ({ key }: SecretKey): string =>
  hmac(key, 'causeway payload key check').subarray(0, checkBytes).toString('base64url');

/** What is damaged, or was never encrypted by us: with the right key it does not open. */
export class DamagedPayload extends Error {}

const keyErrors = new Set(['payload_key_missing', 'payload_key_wrong']);
/** Whether it says that a key is not there: then nothing is known of what could not be read, and with the key it can be. */
export const isKeyError = (error: unknown): error is CausewayError =>
  error instanceof CausewayError && keyErrors.has(error.code);

type Known = { key: SecretKey; check: string };

export type EncryptionOptions = {
  /** Told of each payload that needs a key which is not in the ring. */
  onKeyMissing?: (error: CausewayError) => void;
  /** For a test of it. */
  payloadsPerKey?: number;
};

/**
 * Encrypts every payload whole, metadata and all, with AES-256-GCM; what is not encrypted is read as it is. `decode` rejects with
 * `payload_key_missing` or `payload_key_wrong` where the ring lacks the key: whoever reads has to try again with it, for what it says
 * is not known; and with {@link DamagedPayload}.
 */
export function encryptionCodec(
  { encrypting, all }: PayloadKeys,
  { onKeyMissing, payloadsPerKey }: EncryptionOptions = {},
): PayloadCodec {
  const ring = all.map((key): Known => ({ key, check: keyCheckOf(key) }));
  const encrypt = encrypting && encrypter(encrypting, payloadsPerKey);
  const keyFor = keyDeriver();
  const decrypted = (payload: Payload): Payload => {
    if (textIn(payload, 'encoding') !== encodingName) return payload;
    const [keyId, check] = [textIn(payload, keyIdName), textIn(payload, keyCheckName)];
    if (keyId === undefined || check === undefined) throw new DamagedPayload('It does not name its key.');
    const known = ring.find((one) => one.check === check);
    if (known) return opened(payload, (salt) => keyFor(known.key.key, check, salt));
    const error = notInRing(
      keyId,
      ring.some(({ key }) => key.id === keyId),
    );
    onKeyMissing?.(error);
    throw error;
  };
  return {
    encode: async (payloads) => (encrypt ? payloads.map(encrypt) : payloads),
    decode: async (payloads) => payloads.map(decrypted),
  };
}

/** The same for what must read on where one payload is damaged: that one stays as it is (see {@link tolerantCompressionCodec}). */
export function tolerantEncryptionCodec(keys: PayloadKeys, options?: EncryptionOptions): PayloadCodec {
  const { encode, decode } = encryptionCodec(keys, options);
  const decodeOne = async (payload: Payload): Promise<Payload> => {
    try {
      return (await decode([payload]))[0] ?? payload;
    } catch (error) {
      if (error instanceof DamagedPayload) return payload;
      throw error;
    }
  };
  return { encode, decode: (payloads) => Promise.all(payloads.map(decodeOne)) };
}

function encrypter(master: SecretKey, perKey = payloadsPerSalt): (payload: Payload) => Payload {
  const metadata = {
    encoding: Buffer.from(encodingName),
    [keyIdName]: Buffer.from(master.id),
    [keyCheckName]: Buffer.from(keyCheckOf(master)),
  };
  let salt: Buffer = Buffer.alloc(0);
  let key: Buffer = Buffer.alloc(0);
  let left = 0;
  return (payload) => {
    if (left === 0) {
      salt = randomBytes(saltBytes);
      key = derived(master.key, salt);
      left = perKey;
    }
    left--;
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
    cipher.setAAD(associated);
    const body = cipher.update(payloadProto.encode(payload).finish());
    return { metadata: { ...metadata }, data: joined([salt, nonce, body, cipher.final(), cipher.getAuthTag()]) };
  };
}

/** Memory of its own: what goes to a workflow's thread is copied with all that lies around a view of a pool. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Derives each key once; the last thousand are kept. */
function keyDeriver(): (key: Buffer, check: string, salt: Uint8Array) => Buffer {
  const known = new Map<string, Buffer>();
  return (key, check, salt) => {
    const name = `${check}.${Buffer.from(salt).toString('latin1')}`;
    const found = known.get(name) ?? derived(key, salt);
    if (known.size >= derivedKeysMax && !known.has(name)) known.clear();
    known.set(name, found);
    return found;
  };
}

function opened(payload: Payload, keyOf: (salt: Uint8Array) => Buffer): Payload {
  const data = payload.data ?? new Uint8Array(0);
  const bodyAt = saltBytes + nonceBytes;
  if (data.length < bodyAt + tagBytes) throw new DamagedPayload('It is too short.');
  try {
    const nonce = data.subarray(saltBytes, bodyAt);
    const decipher = createDecipheriv(algorithm, keyOf(data.subarray(0, saltBytes)), nonce, {
      authTagLength: tagBytes,
    });
    decipher.setAAD(associated);
    decipher.setAuthTag(data.subarray(-tagBytes));
    const plain = joined([decipher.update(data.subarray(bodyAt, -tagBytes)), decipher.final()]);
    const { metadata, data: inner } = payloadProto.decode(plain);
    return { metadata, data: inner };
  } catch (cause) {
    throw new DamagedPayload('It does not open with its key.', { cause });
  }
}

function notInRing(keyId: string, isNamed: boolean): CausewayError {
  const shown = JSON.stringify(keyId.slice(0, 32));
  return isNamed
    ? new CausewayError(
        'payload_key_wrong',
        `CAUSEWAY_PAYLOAD_KEYS has another key ${shown} than the one that encrypted a payload in Temporal. Put that one back, under this or another id; a new key has a new id.`,
      )
    : new CausewayError(
        'payload_key_missing',
        `A payload in Temporal is encrypted with the key ${shown}, which CAUSEWAY_PAYLOAD_KEYS lacks. Put it back, at the end of the ring, and start the process again.`,
      );
}

function textIn({ metadata }: Payload, name: string): string | undefined {
  const bytes = metadata?.[name];
  return bytes ? Buffer.from(bytes).toString('latin1') : undefined;
}

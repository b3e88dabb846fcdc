import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { CausewayError } from '../domain/error.ts';
import type { SecretKey } from '../domain/secretKeys.ts';

const algorithm = 'aes-256-gcm';
const format = 'v1';
/** Format, key id and body; what else lies there is damaged. Postgres takes it as it stands, too: a `\w` of its own would know more letters. */
export const sealedForm = /^v1\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]+)$/;
const nonceBytes = 12;
const tagBytes = 16;

/** What a sealed text belongs to: it opens nowhere else, so that texts can't be swapped between rows or fields. */
export type SealedPlace = { destinationId: string; field: string };

/** Of the key by which names are hashed, which belongs to no destination. */
export const hashKeyPlace: SealedPlace = { destinationId: 'installation', field: 'hashKey' };

const additionalDataOf = ({ destinationId, field }: SealedPlace): Buffer =>
  Buffer.from(JSON.stringify([format, destinationId, field]));

/** Seals and opens secrets with AES-256-GCM. A sealed text is `v1.<key id>.<base64url of nonce, ciphertext, tag>`. */
export class Sealing {
  private readonly first: SecretKey;

  constructor(private readonly keys: readonly SecretKey[]) {
    const [first] = keys;
    if (!first) throw new CausewayError('secret_key_missing', 'The key ring holds no key.');
    this.first = first;
  }

  /** The id of the key that seals. */
  get sealingKeyId(): string {
    return this.first.id;
  }

  hasKey(id: string): boolean {
    return this.keys.some((key) => key.id === id);
  }

  /** Whether a sealed text would be sealed with the same key today. */
  isWithFirstKey(sealedText: string): boolean {
    return sealedText.startsWith(`${format}.${this.first.id}.`);
  }

  seal(secret: string, place: SealedPlace): string {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, this.first.key, nonce, { authTagLength: tagBytes });
    cipher.setAAD(additionalDataOf(place));
    const sealed = Buffer.concat([nonce, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `${format}.${this.first.id}.${sealed.toString('base64url')}`;
  }

  /**
   * Throws `secret_key_missing`, which names the key, or `secret_unreadable`. Neither holds the secret. A key id that is not in the
   * ring may be damaged: then each key is tried, and the tag tells the right one.
   */
  open(sealedText: string, place: SealedPlace): string {
    const [, keyId, body = ''] = sealedForm.exec(sealedText) ?? [];
    const sealed = Buffer.from(body, 'base64url');
    if (sealed.length < nonceBytes + tagBytes) throw unreadable(place);
    const named = this.keys.find(({ id }) => id === keyId);
    for (const key of named ? [named] : this.keys) {
      const secret = openedWith(key, sealed, place);
      if (secret !== undefined) return secret;
    }
    if (named) throw unreadable(place);
    const remedy = `A stored secret is sealed with the key "${keyId}". Put it back into the key ring, at its end.`;
    throw new CausewayError('secret_key_missing', remedy);
  }
}

function openedWith({ key }: SecretKey, sealed: Buffer, place: SealedPlace): string | undefined {
  try {
    const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
    decipher.setAAD(additionalDataOf(place));
    decipher.setAuthTag(sealed.subarray(-tagBytes));
    return decipher.update(sealed.subarray(nonceBytes, -tagBytes), undefined, 'utf8') + decipher.final('utf8');
  } catch {
    return undefined;
  }
}

const unreadable = ({ destinationId, field }: SealedPlace): CausewayError =>
  new CausewayError(
    'secret_unreadable',
    `The stored ${field} of destination ${destinationId} is damaged, was moved, or its key was changed. Set it anew.`,
  );

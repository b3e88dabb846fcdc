/** A destination's credentials, as they are and as they are stored. */
import { type Secrets, secretFields } from '../domain/destination.ts';
import type { Sealed } from './destinationRow.ts';
import type { Sealing } from './sealing.ts';

/** One that is absent stays, one that is `null` is removed. */
export type SecretsChange = { readonly [field in keyof Secrets]?: string | null | undefined };

type Writable = { -readonly [field in keyof Secrets]: string };

/** What is stored after the change. */
export function sealed(sealing: Sealing, destinationId: string, change: SecretsChange, before: Sealed = {}): Sealed {
  const after: Writable = { ...before };
  for (const field of secretFields) {
    const secret = change[field];
    if (secret === null) delete after[field];
    else if (secret !== undefined) after[field] = sealing.seal(secret, { destinationId, field });
  }
  return after;
}

/** Throws `secret_key_missing` or `secret_unreadable`. */
export function opened(sealing: Sealing, destinationId: string, stored: Sealed): Secrets {
  const secrets: Writable = {};
  for (const field of secretFields) {
    const one = stored[field];
    if (one !== undefined) secrets[field] = sealing.open(one, { destinationId, field });
  }
  return secrets;
}

import { hash, randomBytes } from 'node:crypto';

/**
 * The digest in an event's id. With an idempotency key it comes from customer and key alone, so that a POST sent again
 * gets the same id (SHA-256, cut to 128 bits: a collision would lose an event); without one it is new.
 */
export function eventDigest(customerExternalId: string, idempotencyKey: string | undefined): string {
  if (idempotencyKey === undefined) return randomBytes(16).toString('base64url');
  // JSON keeps the two apart: no pair of strings reads like another pair.
  const digest = hash('sha256', JSON.stringify([customerExternalId, idempotencyKey]), 'hex');
  return Buffer.from(digest, 'hex').toString('base64url', 0, 16);
}

import type { Auth, SecretField } from '../domain/destination.ts';
import type { FieldProblem } from './fieldProblems.ts';
import { shownAuthFields } from './schemas/auth.ts';

/** Secrets that a connection sends. A client's key never leaves: it signs, and its passphrase opens it here. */
const sentSecrets = ['password', 'clientSecret'] as const satisfies readonly SecretField[];

/** Where a destination's secrets go, and what keeps others from reading them on the way. */
type Road = { brokers: readonly string[]; auth: Auth };

/** What is said to the other side, and leads nowhere else. Any other field, one that is yet to come too, may lead elsewhere. */
const saidFields: readonly string[] = ['username', 'clientId', 'scope', 'audience', 'clientCertificate'];

/** What of the road is another one now, by field. A broker that is left out of the list is no new address. */
function changedRoad(before: Road, after: Road): string[] {
  const changed = (['mode', 'tls', ...shownAuthFields] as const)
    .filter((field) => !saidFields.includes(field) && before.auth[field] !== after.auth[field])
    .map((field) => `auth.${field}`);
  return after.brokers.some((broker) => !before.brokers.includes(broker)) ? ['brokers', ...changed] : changed;
}

/**
 * The stored secrets that a change would send where nobody who knew them has said they may go: whoever may change a
 * destination, and doesn't know its password, could else have it sent to a broker of his own.
 */
export function secretsLeaving(before: Road, after: Road, isKept: (field: SecretField) => boolean): FieldProblem[] {
  const changed = changedRoad(before, after);
  if (changed.length === 0) return [];
  return sentSecrets.filter(isKept).map((field) => ({
    field: `auth.${field}`,
    problem: 'is missing',
    expected: `the ${field} once more, in the same request: ${changed.join(', ')} changes, and with it where a stored secret is sent`,
  }));
}

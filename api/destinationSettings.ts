import { type Auth, type SecretField, secretFields } from '../domain/destination.ts';
import { defaultLanes } from '../domain/lane.ts';
import type { AllowPrivate } from '../domain/privateNetworks.ts';
import type { DestinationChange, NewDestination } from '../store/destinationChange.ts';
import type { StoredDestination } from '../store/destinationRow.ts';
import { FieldsRefused } from './problem.ts';
import {
  type AuthChange,
  type AuthField,
  authProblems,
  defaultTls,
  goesWith,
  type NewAuth,
  shownAuthFields,
} from './schemas/auth.ts';
import type { DestinationChangeInput, NewDestinationInput, ShownDestination } from './schemas/destination.ts';
import { acksProblem } from './schemas/producer.ts';
import { secretsLeaving } from './secretsLeaving.ts';

/** A new destination as the store takes it: what may be shown and what is sealed go apart. */
export function newDestinationOf(input: NewDestinationInput): NewDestination {
  const { auth, ordering, ...rest } = input;
  return {
    ...rest,
    ordering: ordering ?? { lanes: defaultLanes(rest.partitionKey) },
    auth: shownPartOf(auth),
    secrets: Object.fromEntries(secretFields.map((field) => [field, auth[field]])),
  };
}

function shownPartOf(auth: NewAuth): Auth {
  const shown: Auth = { mode: auth.mode, tls: auth.tls ?? defaultTls(auth.mode) };
  for (const field of shownAuthFields) if (auth[field] !== undefined) shown[field] = auth[field];
  return shown;
}

/**
 * A change as the store takes it, made of what is stored and what is given: absent fields stay, and so do secrets, unless
 * the new mode has no use for them, or would send them elsewhere. Throws {@link FieldsRefused} where the two together make no
 * sense, and where a secret has to be given once more.
 */
export function changeOf(
  before: StoredDestination,
  input: DestinationChangeInput,
  allowPrivateBrokers: AllowPrivate,
): DestinationChange {
  const { auth, producer, ordering, ...rest } = input;
  // JSON has no undefined: a field that is absent from the request is absent here.
  const given = rest as Omit<DestinationChange, 'auth' | 'producer' | 'ordering' | 'secrets'>;
  const change = {
    ...given,
    ...(ordering && { ordering }),
    ...(producer && { producer: producerChangeOf(before, producer as Partial<StoredDestination['producer']>) }),
    ...(auth && authChangeOf(before, auth, allowPrivateBrokers)),
  };
  const secrets: DestinationChange['secrets'] = change.secrets ?? {};
  const isKept = (field: SecretField): boolean => before.secretsSet.includes(field) && secrets[field] === undefined;
  const leaving = secretsLeaving(before, { ...before, ...change }, isKept);
  if (leaving.length > 0) throw new FieldsRefused(leaving);
  return change;
}

function producerChangeOf(
  before: StoredDestination,
  given: Partial<StoredDestination['producer']>,
): StoredDestination['producer'] {
  const producer = { ...before.producer, ...given };
  const found = acksProblem(producer);
  if (found) throw new FieldsRefused([{ ...found, field: `producer.${found.field}` }]);
  return producer;
}

type SecretsChange = NonNullable<DestinationChange['secrets']>;

function authChangeOf(
  before: StoredDestination,
  given: AuthChange,
  allowPrivateBrokers: AllowPrivate,
): { auth: Auth; secrets: SecretsChange } {
  const mode = given.mode ?? before.auth.mode;
  // A mode that needs TLS gets it, unless the request itself says no: then it is refused.
  const tls = given.tls ?? (before.auth.tls || defaultTls(mode));
  const auth: Auth = { mode, tls };
  for (const field of shownAuthFields) {
    const kept = goesWith(mode, tls, field) ? before.auth[field] : undefined;
    const value = given[field] === undefined ? kept : given[field];
    if (value !== undefined && value !== null) auth[field] = value;
  }
  const secrets: { -readonly [field in SecretField]?: string | null } = {};
  const isSet = new Set<AuthField>(before.secretsSet);
  for (const field of secretFields) {
    const value = given[field] === undefined && !goesWith(mode, tls, field) ? null : given[field];
    if (value === undefined) continue;
    secrets[field] = value;
    if (value === null) isSet.delete(field);
    else isSet.add(field);
  }
  const shown: Partial<Record<AuthField, string | undefined>> = auth;
  const facts = { mode, tls, has: (field: AuthField) => shown[field] !== undefined || isSet.has(field) };
  const problems = authProblems(facts, allowPrivateBrokers);
  if (problems.length > 0) throw new FieldsRefused(problems.map((row) => ({ ...row, field: `auth.${row.field}` })));
  return { auth, secrets };
}

/** A destination as the API shows it: which secrets are set, never what they are. */
export function shownDestination(stored: StoredDestination): ShownDestination {
  const {
    secretsSet,
    lanesHeldUntil: _held,
    lanesChangedAt: _changed,
    deletedAt: _deleted,
    hashesKeys: _,
    auth,
    producer,
    ...rest
  } = stored;
  // One from before there was a choice has none in the store.
  const compression = producer.compression ?? 'none';
  return { ...rest, producer: { ...producer, compression }, auth: { ...auth, secretsSet: [...secretsSet] } };
}

import type { Destination, ShownAuth } from '../../api/types.ts';

export type Mode = ShownAuth['mode'];
export type SecretName = 'password' | 'clientKey' | 'clientKeyPassphrase' | 'clientSecret';
type TextName = Exclude<keyof ShownAuth, 'mode' | 'tls' | 'secretsSet'>;
export type AuthName = TextName | SecretName;

/** A field of `auth` in a form. */
export type AuthField = {
  name: AuthName;
  label: string;
  hint?: string;
  look: 'line' | 'area' | 'secret' | 'secretArea';
  isOptional?: true;
};

const username: AuthField = { name: 'username', label: 'User name', look: 'line' };
const password: AuthField = { name: 'password', label: 'Password', look: 'secret' };
const caCertificate: AuthField = {
  name: 'caCertificate',
  label: "CA certificate of the brokers' certificates",
  hint: 'PEM. Empty: those of the system that Causeway runs on.',
  look: 'area',
  isOptional: true,
};

/** Which fields go with which way to authenticate; each over TLS has the CA certificate, too. */
export const authFields: Readonly<Record<Mode, readonly AuthField[]>> = {
  SASL_SCRAM_SHA_512: [username, password],
  SASL_SCRAM_SHA_256: [username, password],
  SASL_PLAIN: [username, password],
  SASL_OAUTHBEARER: [
    { name: 'tokenEndpoint', label: 'Token endpoint', hint: 'The URL that gives tokens.', look: 'line' },
    { name: 'clientId', label: 'Client id', look: 'line' },
    { name: 'clientSecret', label: 'Client secret', look: 'secret' },
    { name: 'scope', label: 'Scope', look: 'line', isOptional: true },
    { name: 'audience', label: 'Audience', look: 'line', isOptional: true },
    {
      name: 'tokenEndpointCaCertificate',
      label: "CA certificate of the token endpoint's certificate",
      hint: 'PEM.',
      look: 'area',
      isOptional: true,
    },
  ],
  MTLS: [
    { name: 'clientCertificate', label: 'Client certificate', hint: 'PEM, with its chain.', look: 'area' },
    { name: 'clientKey', label: 'Private key', hint: 'PEM.', look: 'secretArea' },
    { name: 'clientKeyPassphrase', label: 'Pass phrase of the key', look: 'secret', isOptional: true },
  ],
  NONE: [],
};

export const authFieldsOf = (mode: Mode, tls: boolean): readonly AuthField[] =>
  tls ? [...authFields[mode], caCertificate] : authFields[mode];

export const modeNames: Readonly<Record<Mode, string>> = {
  SASL_SCRAM_SHA_512: 'SASL SCRAM-SHA-512',
  SASL_SCRAM_SHA_256: 'SASL SCRAM-SHA-256',
  SASL_PLAIN: 'SASL PLAIN',
  SASL_OAUTHBEARER: 'OAuth (client credentials)',
  MTLS: 'Mutual TLS (client certificate)',
  NONE: 'None (for development)',
};
const isMode = (text: string): text is Mode => text in modeNames;
export const modeOf = (text: string): Mode => (isMode(text) ? text : 'NONE');

/** A destination as a form has it: texts. */
export type Draft = {
  name: string;
  customerExternalId: string;
  brokers: string;
  topic: string;
  partitionKey: string;
  eventTypes: string;
  mode: Mode;
  tls: boolean;
  auth: Partial<Record<AuthName, string | undefined>>;
  lingerMs: string;
  batchSizeBytes: string;
  acks: string;
  mayLoseRecords: boolean;
  compression: string;
  lanes: string;
  onDeadLetter: string;
};

export const emptyDraft: Draft = {
  name: '',
  customerExternalId: '',
  brokers: '',
  topic: '',
  partitionKey: 'customerExternalId',
  eventTypes: '*',
  mode: 'SASL_SCRAM_SHA_512',
  tls: true,
  auth: {},
  lingerMs: '100',
  batchSizeBytes: '1048576',
  acks: 'all',
  mayLoseRecords: false,
  compression: 'none',
  lanes: '',
  onDeadLetter: 'continue',
};

/** Of a stored one. Its secrets are not shown, so they are empty: what stays empty stays as it is. */
export function draftOf(destination: Destination): Draft {
  const { auth, producer, ordering } = destination;
  const { mode, tls, secretsSet: _, ...texts } = auth;
  return {
    name: destination.name,
    customerExternalId: destination.customerExternalId,
    brokers: destination.brokers.join('\n'),
    topic: destination.topic,
    partitionKey: destination.partitionKey,
    eventTypes: destination.eventTypes.join('\n'),
    mode,
    tls,
    auth: texts,
    lingerMs: String(producer.lingerMs),
    batchSizeBytes: String(producer.batchSizeBytes),
    acks: String(producer.acks),
    mayLoseRecords: producer.mayLoseRecords === true,
    compression: producer.compression,
    lanes: String(ordering.lanes),
    onDeadLetter: destination.onDeadLetter,
  };
}

const linesOf = (text: string): string[] => text.split(/[\s,]+/).filter((line) => line !== '');
/** What is no number is sent as it is, so that the API says what is wrong with it. */
const numberOf = (text: string): number | string => (/^\d+$/.test(text) ? Number(text) : text);

function authOf({ mode, tls, auth }: Draft): Record<string, unknown> {
  const given = authFieldsOf(mode, tls).flatMap(({ name }) => (auth[name] ? [[name, auth[name]] as const] : []));
  return { mode, tls, ...Object.fromEntries(given) };
}

/** What creates a destination, or tests it before. */
export function newBody(draft: Draft): Record<string, unknown> {
  const { name, customerExternalId, topic, partitionKey, onDeadLetter, lanes } = draft;
  const { acks, mayLoseRecords, compression } = draft;
  return {
    ...{ type: 'KAFKA', name, customerExternalId, topic, partitionKey, onDeadLetter },
    brokers: linesOf(draft.brokers),
    eventTypes: linesOf(draft.eventTypes),
    auth: authOf(draft),
    producer: {
      lingerMs: numberOf(draft.lingerMs),
      batchSizeBytes: numberOf(draft.batchSizeBytes),
      acks: numberOf(acks),
      ...(mayLoseRecords && { mayLoseRecords }),
      compression,
    },
    ...(lanes !== '' && { ordering: { lanes: numberOf(lanes) } }),
  };
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** What changes a stored one into what the form has: only what differs, so that the audit trail names that alone. */
export function changeBody(before: Destination, draft: Draft): Record<string, unknown> {
  const { type: _type, customerExternalId: _customer, auth: after, ...wanted } = newBody(draft);
  const { auth: stored, ...now } = newBody(draftOf(before));
  const changed = Object.entries(wanted).filter(([name, value]) => !isSame(value, now[name]));
  const was = stored as Record<string, unknown>; // As `authOf` made it.
  const is = after as Record<string, unknown>;
  const auth = Object.entries(is).filter(([name, value]) => !isSame(value, was[name]));
  const gone = Object.keys(was).filter((name) => !(name in is) && draft.mode === before.auth.mode);
  const authChange = Object.fromEntries([...auth, ...gone.map((name) => [name, null] as const)]);
  return { ...Object.fromEntries(changed), ...(Object.keys(authChange).length > 0 && { auth: authChange }) };
}

/** `auth` of a rotation. A new key without a pass phrase has none: that of the old one goes with it. */
export function rotationOf(before: Destination, draft: Draft): Record<string, unknown> {
  const { auth = {} } = changeBody(before, draft);
  const change = auth as Record<string, unknown>; // As `changeBody` made it.
  const isBare = change.clientKey !== undefined && change.clientKeyPassphrase === undefined;
  return isBare && before.auth.secretsSet.includes('clientKeyPassphrase')
    ? { ...change, clientKeyPassphrase: null }
    : change;
}

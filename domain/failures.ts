/**
 * What each error that delivery can meet means for the lane: Kafka's own (domain/kafkaErrors.ts), then the client's, then
 * ours. One row an error; no I/O, no clock.
 */
import { kafkaRows } from './kafkaErrors.ts';
import { oauthRows } from './oauthErrors.ts';

export type Kind = 'transient' | 'outcomeUnknown' | 'destinationAtFault' | 'recordAtFault';

/** What an error that also occurs in passing means once it has lasted: after so many tries and so long, both. */
export type Lasting = { kind: Kind; tries: number; ms: number };

export type FailureRow = {
  name: string;
  /** Kafka's error code. */
  code?: number;
  kind: Kind;
  lasting?: Lasting;
  /**
   * What ends a lane's suspension for it though the destination is the same: a probe that goes through, for it would have met
   * the error itself, or one that is told that we may write. Absent where only a write meets it.
   */
  mendedBy?: 'probe' | 'rights';
  /** Our own fault, not the customer's: our log has an alarm for it. */
  isOurs?: true;
  why: string;
  remedy: string;
};

const minuteMs = 60_000;
const waits = 'None: it passes by itself, and the lane tries again.';
const connects = 'See that the brokers are up and can be reached from here; the lane tries again.';
const certificate = 'Mend the certificate, or the CA certificate in the destination. Then resume.';
const suspendsAfter = (tries: number, ms: number): { lasting: Lasting } => ({
  lasting: { kind: 'destinationAtFault', tries, ms },
});

type Unreachable = FailureRow & { kind: 'transient' };
const unreachable = (name: string, why: string): Unreachable => ({ name, kind: 'transient', why, remedy: connects });
const distrusted = (name: string, why: string): FailureRow => ({
  ...{ name, kind: 'destinationAtFault', mendedBy: 'probe', why },
  remedy: certificate,
});

const unreachableRows: readonly FailureRow[] = [
  unreachable('ECONNREFUSED', 'Nothing listens there: the broker is down, or the port is wrong.'),
  unreachable('ECONNRESET', 'The other side broke the connection off.'),
  unreachable('ETIMEDOUT', 'The network did not answer.'),
  unreachable('EHOSTUNREACH', 'No way leads to the host now.'),
  unreachable('ENETUNREACH', 'No way leads to the network now.'),
  unreachable('EPIPE', 'The other side closed the connection.'),
  unreachable('EAI_AGAIN', 'The name server did not answer.'),
  unreachable('CONNECT_TIMEOUT', 'The broker did not let us in within seconds.'),
  unreachable('CONNECTION_CLOSED', 'The broker closed the connection: it stops, or wants another protocol there.'),
];

/** Names that Node.js (`errno`, `dns`, `tls`), OpenSSL (`X509_V_ERR_…`) and we give; activities/kafka/failureNames.ts finds them. */
export const clientRows: readonly FailureRow[] = [
  ...unreachableRows,
  {
    ...{ name: 'ENOTFOUND', kind: 'transient', mendedBy: 'probe', ...suspendsAfter(3, 15 * minuteMs) },
    why: 'The name is unknown to the name server: misspelt, or not there yet.',
    remedy: "Correct the brokers' host names in the destination. Then resume.",
  },
  {
    ...{ name: 'ADDRESS_REFUSED', kind: 'destinationAtFault', mendedBy: 'probe' },
    why: 'A broker or the token endpoint is on this machine or a private network, to which our policy lets nothing lead.',
    remedy:
      'Name them so that they lead to public addresses, also in what brokers advertise; where private networks are meant, name them in CAUSEWAY_PRIVATE_NETWORKS for API and worker. Then resume.',
  },
  {
    ...{ name: 'NO_ANSWER_IN_TIME', kind: 'outcomeUnknown' },
    why: 'The request went out, and no answer came.',
    remedy: waits,
  },
  {
    ...{ name: 'NO_ANSWER_FOR_PARTITION', kind: 'outcomeUnknown' },
    why: "The broker's answer lacks a partition that was sent.",
    remedy: waits,
  },
  {
    ...{ name: 'EPROTO', kind: 'transient', mendedBy: 'probe', ...suspendsAfter(3, minuteMs) },
    why: 'The TLS handshake failed: the listener speaks no TLS, or another version of it.',
    remedy: "See that auth.tls and auth.mode fit the broker's listener. Then resume.",
  },
  {
    ...{ name: 'TLS_HANDSHAKE_REFUSED', kind: 'transient', mendedBy: 'probe', ...suspendsAfter(3, minuteMs) },
    why: 'The listener takes no TLS version, cipher or key exchange that we offer, or with TLS 1.2 wants a client certificate.',
    remedy: 'Let it take TLS 1.3, or TLS 1.2 with ECDHE: we take no DHE. Or choose auth.mode MTLS. Then resume.',
  },
  {
    ...{ name: 'CLIENT_CERTIFICATE_UNUSABLE', kind: 'destinationAtFault', mendedBy: 'probe' },
    why: 'Our certificate, its key and the pass phrase do not fit together, or one of them is too weak, or of a kind that we do not take.',
    remedy: 'Correct clientCertificate, clientKey and clientKeyPassphrase in the destination. Then resume.',
  },
  {
    ...{ name: 'CLIENT_CERTIFICATE_EXPIRED', kind: 'destinationAtFault', mendedBy: 'probe' },
    why: 'Our client certificate has expired.',
    remedy: 'Put a new clientCertificate and its clientKey into the destination. Then resume.',
  },
  {
    ...{ name: 'CLIENT_CERTIFICATE_REFUSED', kind: 'destinationAtFault', mendedBy: 'probe' },
    why: 'The broker does not take our client certificate: it does not know its authority, or holds it for revoked or ended.',
    remedy: 'Have the brokers trust the authority of clientCertificate, or put in one that they trust. Then resume.',
  },
  {
    ...{ name: 'CLIENT_CERTIFICATE_MISSING', kind: 'destinationAtFault', mendedBy: 'probe' },
    why: 'The listener wants a client certificate, and auth.mode has none.',
    remedy: 'Choose auth.mode MTLS, or name a listener of the brokers that wants none. Then resume.',
  },
  {
    ...{ name: 'CERT_HAS_EXPIRED', kind: 'destinationAtFault', mendedBy: 'probe' },
    why: "The broker's certificate has expired.",
    remedy: "Renew the broker's certificate. Then resume.",
  },
  {
    ...{ name: 'ERR_TLS_CERT_ALTNAME_INVALID', kind: 'destinationAtFault', mendedBy: 'probe' },
    why: "The broker's certificate is for another host name.",
    remedy: 'Name the brokers as their certificate does. Then resume.',
  },
  distrusted('CERT_NOT_YET_VALID', "The broker's certificate is not valid yet."),
  distrusted('INVALID_PURPOSE', "The broker's certificate is not for servers, or its issuer's not for authorities."),
  distrusted('CERT_SIGNATURE_FAILURE', "The signature of the broker's certificate is wrong."),
  distrusted('INVALID_CA', "The issuer of the broker's certificate is no authority."),
  distrusted('DEPTH_ZERO_SELF_SIGNED_CERT', "The broker's certificate is self-signed and not known to us."),
  distrusted('SELF_SIGNED_CERT_IN_CHAIN', "The CA of the broker's certificate is not known to us."),
  distrusted('UNABLE_TO_GET_ISSUER_CERT', "The CA of the broker's certificate is not known to us."),
  distrusted('UNABLE_TO_GET_ISSUER_CERT_LOCALLY', "The CA of the broker's certificate is not known to us."),
  distrusted('UNABLE_TO_VERIFY_LEAF_SIGNATURE', "The CA of the broker's certificate is not known to us."),
  distrusted(
    'CERTIFICATE_UNTRUSTED',
    "The broker's certificate, or its CA's, is not trusted for another reason, which the attempt tells: signed with SHA-1, say, or its key is too small.",
  ),
  ...oauthRows,
];

/** Our own reasons. */
export const ownRows: readonly FailureRow[] = [
  {
    ...{ name: 'DESTINATION_DISABLED', kind: 'destinationAtFault', mendedBy: 'probe' },
    why: 'Somebody disabled the destination.',
    remedy: 'Enable the destination. Then resume.',
  },
  {
    ...{ name: 'DESTINATION_PAUSED', kind: 'destinationAtFault', mendedBy: 'probe' },
    why: 'Somebody paused the destination.',
    remedy: 'Resume the destination; its lanes then go on by themselves.',
  },
  {
    ...{ name: 'DESTINATION_UNKNOWN', kind: 'destinationAtFault', mendedBy: 'probe' },
    why: 'The store has no such destination, nor a deleted one.',
    remedy: 'Restore it, or discard what waits for it.',
  },
  {
    ...{ name: 'STORE_UNREACHABLE', kind: 'transient', isOurs: true },
    why: 'Our own Postgres does not answer.',
    remedy: 'See that our Postgres is up; the lane tries again.',
  },
  {
    ...{ name: 'CREDENTIALS_UNREADABLE', kind: 'transient', isOurs: true },
    why: 'The key that sealed the credentials is missing here, or they are damaged: our fault, not the destination’s.',
    remedy: 'Put the missing key back into CAUSEWAY_SECRET_KEYS; the lane tries again.',
  },
  {
    ...{ name: 'COMPRESSION_FAILED', kind: 'transient', isOurs: true },
    why: 'This worker can’t compress records as the destination wants it: the package that does so has no binary for its machine. Nothing was sent.',
    remedy:
      'Have npm install its optional packages where the worker runs and restart the worker, or choose another compression; the lane tries again.',
  },
  {
    ...{ name: 'WORKER_LOST', kind: 'outcomeUnknown' },
    why: 'The worker ended, or was cut off from Temporal, in the middle of the attempt.',
    remedy: waits,
  },
  {
    ...{ name: 'NOT_SENT_IN_TIME', kind: 'transient' },
    why: "The attempt's time was over before anything was sent.",
    remedy: waits,
  },
];

/** Every row there is. */
export const failureRows: readonly FailureRow[] = [...kafkaRows, ...clientRows, ...ownRows];
const byName = new Map(failureRows.map((row) => [row.name, row]));
/** Whether the error says no more than that nobody was reached: another broker's answer tells more. */
export const isUnreachable = (name: string): boolean => unreachableNames.has(name);
const unreachableNames = new Set(['ENOTFOUND', ...unreachableRows.map(({ name }) => name)]);
/** With these a letter is parked again whose body is lost (domain/bodies.ts). */
export const bodyErrors = ['SEGMENT_MISSING', 'SEGMENT_UNREADABLE'] as const;
export type BodyError = (typeof bodyErrors)[number];
/** What an activity failed with that gave its failure no name, as a person's `temporal activity fail` does. */
export const unforeseen = 'UNFORESEEN';
/** The error of a letter, where the state that a lane carried along has none for it. */
export const unknownError = 'UNKNOWN';
/** Names of the errors that a dead letter can have. */
export const parkingErrors: readonly string[] = [
  ...failureRows
    .filter(({ kind, lasting }) => kind === 'recordAtFault' || lasting?.kind === 'recordAtFault')
    .map(({ name }) => name),
  ...[...bodyErrors, unforeseen, unknownError],
];
export const isListed = (name: string): boolean => byName.has(name);

/** The row of an error. One that nobody listed is transient for ten tries, then the destination's fault. */
export const failureRowOf = (name: string): FailureRow =>
  byName.get(name) ?? {
    name,
    kind: 'transient',
    ...suspendsAfter(10, minuteMs),
    why: 'This error is in no table of ours.',
    remedy: 'Report this. Mend the destination. Then resume.',
  };

/** Whether nothing but further tries of the write tells what the error means: no probe would meet it. */
export function isForWritesToTell(name: string): boolean {
  const { lasting, mendedBy } = failureRowOf(name);
  return lasting !== undefined && mendedBy === undefined;
}

/** An error that is met again and again. */
export type NamedTries = { name: string; tries: number; sinceMs: number };

/** What the error means by now, having been met in `tries` tries in a row over `ms`; `lastingMsMax`: no row asks for more of them. */
export function kindOf({ kind, lasting }: FailureRow, tries: number, ms: number, lastingMsMax = Infinity): Kind {
  return lasting && tries >= lasting.tries && ms >= Math.min(lasting.ms, lastingMsMax) ? lasting.kind : kind;
}

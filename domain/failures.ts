/**
 * What each error that delivery can meet means for the lane. One row an error: Kafka's own by name and code
 * (https://kafka.apache.org/protocol#protocol_error_codes), then the client's, then ours. No I/O, no clock.
 */
export type Kind = 'transient' | 'outcomeUnknown' | 'destinationAtFault' | 'recordAtFault';

/** What an error that also occurs in passing means once it has lasted: after so many tries and so long, both. */
export type Lasting = { kind: Kind; tries: number; ms: number };

export type FailureRow = {
  name: string;
  /** Kafka's error code. */
  code?: number;
  kind: Kind;
  lasting?: Lasting;
  remedy: string;
};

const minute = 60_000;
const none = 'None: it passes by itself, and the lane tries again.';

/** Of the destination, once it has lasted. */
const suspendsAfter = (tries: number, ms: number): { lasting: Lasting } => ({
  lasting: { kind: 'destinationAtFault', tries, ms },
});

const kafkaRows = [
  {
    name: 'UNKNOWN_SERVER_ERROR',
    code: -1,
    kind: 'outcomeUnknown',
    ...suspendsAfter(10, minute),
    remedy: "Look into the broker's log; then resume.",
  },
  {
    name: 'CORRUPT_MESSAGE',
    code: 2,
    kind: 'transient',
    lasting: { kind: 'recordAtFault', tries: 3, ms: 0 },
    remedy: 'See what changes bytes between us and the broker; then replay.',
  },
  {
    name: 'UNKNOWN_TOPIC_OR_PARTITION',
    code: 3,
    kind: 'transient',
    ...suspendsAfter(3, 5 * minute),
    remedy: 'Create the topic, or correct its name in the destination; then resume.',
  },
  { name: 'LEADER_NOT_AVAILABLE', code: 5, kind: 'transient', remedy: none },
  { name: 'NOT_LEADER_OR_FOLLOWER', code: 6, kind: 'transient', remedy: none },
  { name: 'REQUEST_TIMED_OUT', code: 7, kind: 'outcomeUnknown', remedy: none },
  { name: 'BROKER_NOT_AVAILABLE', code: 8, kind: 'transient', remedy: none },
  { name: 'REPLICA_NOT_AVAILABLE', code: 9, kind: 'transient', remedy: none },
  {
    name: 'MESSAGE_TOO_LARGE',
    code: 10,
    kind: 'recordAtFault',
    remedy: "Raise the topic's max.message.bytes; then replay.",
  },
  { name: 'NETWORK_EXCEPTION', code: 13, kind: 'outcomeUnknown', remedy: none },
  { name: 'COORDINATOR_LOAD_IN_PROGRESS', code: 14, kind: 'transient', remedy: none },
  { name: 'COORDINATOR_NOT_AVAILABLE', code: 15, kind: 'transient', remedy: none },
  { name: 'NOT_COORDINATOR', code: 16, kind: 'transient', remedy: none },
  {
    name: 'INVALID_TOPIC_EXCEPTION',
    code: 17,
    kind: 'destinationAtFault',
    remedy: "Correct the topic's name in the destination; then resume.",
  },
  {
    name: 'RECORD_LIST_TOO_LARGE',
    code: 18,
    kind: 'recordAtFault',
    remedy: "Raise the topic's segment.bytes; then replay.",
  },
  { name: 'NOT_ENOUGH_REPLICAS', code: 19, kind: 'transient', remedy: none },
  { name: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', code: 20, kind: 'outcomeUnknown', remedy: none },
  {
    name: 'INVALID_REQUIRED_ACKS',
    code: 21,
    kind: 'destinationAtFault',
    remedy: 'Report this: we ask for acks that the broker does not know.',
  },
  {
    name: 'TOPIC_AUTHORIZATION_FAILED',
    code: 29,
    kind: 'destinationAtFault',
    remedy: 'Grant our principal WRITE on the topic; then resume.',
  },
  {
    name: 'CLUSTER_AUTHORIZATION_FAILED',
    code: 31,
    kind: 'destinationAtFault',
    remedy: 'Grant our principal WRITE on the topic; then resume.',
  },
  {
    name: 'INVALID_TIMESTAMP',
    code: 32,
    kind: 'recordAtFault',
    remedy:
      "Widen the topic's message.timestamp.before.max.ms and after.max.ms, or set the broker's clock; then replay.",
  },
  {
    name: 'UNSUPPORTED_SASL_MECHANISM',
    code: 33,
    kind: 'destinationAtFault',
    remedy: "Choose an auth.mode that the broker's listener offers; then resume.",
  },
  {
    name: 'ILLEGAL_SASL_STATE',
    code: 34,
    kind: 'transient',
    ...suspendsAfter(3, minute),
    remedy: "See that auth.mode fits the broker's listener; then resume.",
  },
  {
    name: 'UNSUPPORTED_VERSION',
    code: 35,
    kind: 'destinationAtFault',
    remedy: 'The broker is older than we can speak to: it must be 0.11 or later.',
  },
  { name: 'NOT_CONTROLLER', code: 41, kind: 'transient', remedy: none },
  {
    name: 'INVALID_REQUEST',
    code: 42,
    kind: 'transient',
    ...suspendsAfter(3, minute),
    remedy: "See that the address is a Kafka listener for clients, and look into the broker's log; then resume.",
  },
  {
    name: 'UNSUPPORTED_FOR_MESSAGE_FORMAT',
    code: 43,
    kind: 'destinationAtFault',
    remedy: "Raise the topic's message format to 0.11 or later; then resume.",
  },
  {
    name: 'POLICY_VIOLATION',
    code: 44,
    kind: 'recordAtFault',
    remedy: 'A policy of the broker refuses the record: change one of them; then replay.',
  },
  {
    name: 'SECURITY_DISABLED',
    code: 54,
    kind: 'destinationAtFault',
    remedy: 'The broker has no authorizer: switch it on, or change auth.mode; then resume.',
  },
  { name: 'OPERATION_NOT_ATTEMPTED', code: 55, kind: 'transient', remedy: none },
  { name: 'KAFKA_STORAGE_ERROR', code: 56, kind: 'transient', remedy: none },
  {
    name: 'SASL_AUTHENTICATION_FAILED',
    code: 58,
    kind: 'transient',
    ...suspendsAfter(3, minute),
    remedy: 'Correct user name and password in the destination; then resume.',
  },
  { name: 'LISTENER_NOT_FOUND', code: 72, kind: 'transient', remedy: none },
  { name: 'FENCED_LEADER_EPOCH', code: 74, kind: 'transient', remedy: none },
  { name: 'UNKNOWN_LEADER_EPOCH', code: 75, kind: 'transient', remedy: none },
  {
    name: 'UNSUPPORTED_COMPRESSION_TYPE',
    code: 76,
    kind: 'destinationAtFault',
    remedy: 'The broker does not know the compression: choose another; then resume.',
  },
  { name: 'STALE_BROKER_EPOCH', code: 77, kind: 'transient', remedy: none },
  { name: 'OFFSET_NOT_AVAILABLE', code: 78, kind: 'transient', remedy: none },
  {
    name: 'INVALID_RECORD',
    code: 87,
    kind: 'recordAtFault',
    remedy:
      'The topic takes no such record (a compacted topic needs keys, a validator refuses it): change the topic; then replay.',
  },
  { name: 'UNSTABLE_OFFSET_COMMIT', code: 88, kind: 'transient', remedy: none },
  { name: 'THROTTLING_QUOTA_EXCEEDED', code: 89, kind: 'transient', remedy: none },
  {
    name: 'UNKNOWN_TOPIC_ID',
    code: 100,
    kind: 'transient',
    ...suspendsAfter(3, 5 * minute),
    remedy: 'Create the topic, or correct its name in the destination; then resume.',
  },
  { name: 'INCONSISTENT_TOPIC_ID', code: 103, kind: 'transient', remedy: none },
  { name: 'REBOOTSTRAP_REQUIRED', code: 129, kind: 'transient', remedy: none },
] as const satisfies readonly FailureRow[];

const connects = 'See that the brokers are up and can be reached from here; the lane tries again.';
const certificate = 'Mend the certificate, or the CA certificate in the destination; then resume.';

/** Names that Node.js, OpenSSL and kafkajs give; `activities/kafka/failureNames.ts` finds them. */
const clientRows = [
  { name: 'ECONNREFUSED', kind: 'transient', remedy: connects },
  { name: 'ECONNRESET', kind: 'transient', remedy: connects },
  { name: 'ETIMEDOUT', kind: 'transient', remedy: connects },
  { name: 'EHOSTUNREACH', kind: 'transient', remedy: connects },
  { name: 'ENETUNREACH', kind: 'transient', remedy: connects },
  { name: 'EPIPE', kind: 'transient', remedy: connects },
  { name: 'EAI_AGAIN', kind: 'transient', remedy: connects },
  {
    name: 'ENOTFOUND',
    kind: 'transient',
    ...suspendsAfter(3, 15 * minute),
    remedy: "Correct the brokers' host names in the destination; then resume.",
  },
  { name: 'CONNECT_TIMEOUT', kind: 'transient', remedy: connects },
  { name: 'CONNECTION_CLOSED', kind: 'transient', remedy: connects },
  { name: 'NO_ANSWER_IN_TIME', kind: 'outcomeUnknown', remedy: none },
  { name: 'NO_ANSWER_FOR_PARTITION', kind: 'outcomeUnknown', remedy: none },
  { name: 'CERT_HAS_EXPIRED', kind: 'destinationAtFault', remedy: "Renew the broker's certificate; then resume." },
  { name: 'CERT_NOT_YET_VALID', kind: 'destinationAtFault', remedy: certificate },
  { name: 'CERT_UNTRUSTED', kind: 'destinationAtFault', remedy: certificate },
  { name: 'DEPTH_ZERO_SELF_SIGNED_CERT', kind: 'destinationAtFault', remedy: certificate },
  { name: 'SELF_SIGNED_CERT_IN_CHAIN', kind: 'destinationAtFault', remedy: certificate },
  { name: 'UNABLE_TO_GET_ISSUER_CERT', kind: 'destinationAtFault', remedy: certificate },
  { name: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', kind: 'destinationAtFault', remedy: certificate },
  { name: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', kind: 'destinationAtFault', remedy: certificate },
  {
    name: 'ERR_TLS_CERT_ALTNAME_INVALID',
    kind: 'destinationAtFault',
    remedy: 'Name the brokers as their certificate does; then resume.',
  },
  {
    name: 'EPROTO',
    kind: 'transient',
    ...suspendsAfter(3, minute),
    remedy: "See that auth.tls fits the broker's listener; then resume.",
  },
] as const satisfies readonly FailureRow[];

/** Our own reasons. */
const ownRows = [
  { name: 'DESTINATION_DISABLED', kind: 'destinationAtFault', remedy: 'Enable the destination; then resume.' },
  {
    name: 'DESTINATION_UNKNOWN',
    kind: 'destinationAtFault',
    remedy: 'The store has no such destination: restore it, or discard what waits for it.',
  },
  { name: 'AUTH_MODE_UNSUPPORTED', kind: 'destinationAtFault', remedy: 'Choose another auth.mode; then resume.' },
  { name: 'STORE_UNREACHABLE', kind: 'transient', remedy: 'See that our Postgres is up; the lane tries again.' },
  {
    name: 'CREDENTIALS_UNREADABLE',
    kind: 'transient',
    remedy: 'Put the missing key back into CAUSEWAY_SECRET_KEYS; the lane tries again.',
  },
  { name: 'LEASE_LOST', kind: 'outcomeUnknown', remedy: none },
  { name: 'WORKER_LOST', kind: 'outcomeUnknown', remedy: none },
  { name: 'WORKER_STOPPING', kind: 'transient', remedy: none },
  { name: 'NOT_SENT_IN_TIME', kind: 'transient', remedy: none },
] as const satisfies readonly FailureRow[];

const rows: readonly FailureRow[] = [...kafkaRows, ...clientRows, ...ownRows];
const byName = new Map(rows.map((row) => [row.name, row]));
const byCode = new Map(kafkaRows.map((row) => [row.code as number, row]));

/** The name of a Kafka error code; `KAFKA_ERROR_142` for one that is not listed. */
export const kafkaErrorName = (code: number): string => byCode.get(code)?.name ?? `KAFKA_ERROR_${code}`;

/** The row of an error. One that nobody listed is transient for ten tries, then the destination's fault. */
export const failureRowOf = (name: string): FailureRow =>
  byName.get(name) ?? {
    name,
    kind: 'transient',
    ...suspendsAfter(10, minute),
    remedy: 'This error is in no table of ours: report it. Mend the destination; then resume.',
  };

/** What the error means by now, having been met in `tries` tries in a row over `ms`. */
export function kindOf(row: FailureRow, tries: number, ms: number): Kind {
  const { lasting } = row;
  return lasting && tries >= lasting.tries && ms >= lasting.ms ? lasting.kind : row.kind;
}

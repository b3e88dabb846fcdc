/**
 * Kafka's error codes (https://kafka.apache.org/protocol#protocol_error_codes, as of 4.1) and what each means for a lane.
 * A row for each that a producer can meet: in answers to Produce, Metadata, ApiVersions, SaslHandshake, SaslAuthenticate
 * and InitProducerId. test/integration/produce.test.ts holds the list against that of Kafka's own Java client.
 */
import type { FailureRow } from './failures.ts';

const minuteMs = 60_000;
const waits = 'None: it passes by itself, and the lane tries again.';
const report = "Look into the broker's log, and report this; then resume.";

type Lasting = Pick<FailureRow, 'lasting' | 'remedy'>;
type KafkaRow = FailureRow & { code: number };

const suspendsAfter = (tries: number, ms: number, remedy: string): Lasting => ({
  lasting: { kind: 'destinationAtFault', tries, ms },
  remedy: remedy === report ? report : `${remedy} Then resume.`,
});
const parksAfter = (tries: number, remedy: string): Lasting => ({
  lasting: { kind: 'recordAtFault', tries, ms: 0 },
  remedy: `${remedy} Then replay.`,
});
const passes = (code: number, name: string, why: string, lasting: Lasting = { remedy: waits }): KafkaRow => ({
  ...{ code, name, kind: 'transient', why },
  ...lasting,
});
const leavesUnknown = (code: number, name: string, why: string, lasting: Lasting = { remedy: waits }): KafkaRow => ({
  ...{ code, name, kind: 'outcomeUnknown', why },
  ...lasting,
});
const ofDestination = (code: number, name: string, why: string, remedy: string): KafkaRow => ({
  ...{ code, name, kind: 'destinationAtFault', why },
  remedy: `${remedy} Then resume.`,
});
const ofRecord = (code: number, name: string, why: string, remedy: string): KafkaRow => ({
  ...{ code, name, kind: 'recordAtFault', why },
  remedy: `${remedy} Then replay.`,
});

/** A probe that goes through shows it mended. */
const shownByProbe = (row: KafkaRow): KafkaRow => ({ ...row, mendedBy: 'probe' });

/** The broker has the batch already: for us that is as good as written. */
export const duplicateSequenceNumber = 46;

export const kafkaRows: readonly KafkaRow[] = [
  leavesUnknown(
    -1,
    'UNKNOWN_SERVER_ERROR',
    'The broker failed in a way it has no code for; it may have appended.',
    suspendsAfter(10, minuteMs, report),
  ),
  passes(
    2,
    'CORRUPT_MESSAGE',
    'The checksum was wrong when it arrived: bytes changed on the way, once or each time.',
    parksAfter(3, 'See what changes bytes between us and the broker.'),
  ),
  shownByProbe(
    passes(
      3,
      'UNKNOWN_TOPIC_OR_PARTITION',
      'The topic is new, being deleted, or none: brokers learn of topics one after the other.',
      suspendsAfter(3, 5 * minuteMs, 'Create the topic, or correct its name in the destination.'),
    ),
  ),
  passes(5, 'LEADER_NOT_AVAILABLE', 'A leader is being elected.'),
  leavesUnknown(
    6,
    'NOT_LEADER_OR_FOLLOWER',
    'The leader has moved: before the request came, or while it waited for its replicas, with the records appended.',
  ),
  leavesUnknown(7, 'REQUEST_TIMED_OUT', 'The replicas did not confirm in time; the leader may have appended.'),
  passes(8, 'BROKER_NOT_AVAILABLE', 'The broker is starting or stopping.'),
  passes(9, 'REPLICA_NOT_AVAILABLE', 'A replica is starting or moving.'),
  ofRecord(
    10,
    'MESSAGE_TOO_LARGE',
    'The batch is larger than the topic takes.',
    "Raise the topic's max.message.bytes.",
  ),
  leavesUnknown(13, 'NETWORK_EXCEPTION', 'The broker lost a connection of its own while it worked on the request.'),
  passes(14, 'COORDINATOR_LOAD_IN_PROGRESS', 'The broker has just started (met when a producer id is asked for).'),
  passes(15, 'COORDINATOR_NOT_AVAILABLE', 'The broker has just started (met when a producer id is asked for).'),
  passes(16, 'NOT_COORDINATOR', 'The coordinator has moved (met when a producer id is asked for).'),
  shownByProbe(
    ofDestination(
      17,
      'INVALID_TOPIC_EXCEPTION',
      'No topic may have this name.',
      "Correct the topic's name in the destination.",
    ),
  ),
  ofRecord(
    18,
    'RECORD_LIST_TOO_LARGE',
    'The batch is larger than a segment of the log.',
    "Raise the topic's segment.bytes.",
  ),
  passes(19, 'NOT_ENOUGH_REPLICAS', 'Fewer replicas are in sync than min.insync.replicas; nothing was appended.'),
  leavesUnknown(
    20,
    'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
    'The leader has appended, and then too few replicas were in sync.',
  ),
  ofDestination(
    21,
    'INVALID_REQUIRED_ACKS',
    'The broker knows no such acks.',
    'Report this: Causeway asks for all, or 1.',
  ),
  {
    ...ofDestination(
      29,
      'TOPIC_AUTHORIZATION_FAILED',
      'Our principal lacks WRITE on the topic.',
      'Grant our principal WRITE on the topic.',
    ),
    mendedBy: 'rights',
  },
  ofDestination(
    31,
    'CLUSTER_AUTHORIZATION_FAILED',
    'A broker before 2.8 wants IDEMPOTENT_WRITE on the cluster (KIP-679).',
    'Grant our principal WRITE on the topic.',
  ),
  ofRecord(
    32,
    'INVALID_TIMESTAMP',
    'The time of sending is outside what the topic takes.',
    "Widen the topic's message.timestamp.before.max.ms and message.timestamp.after.max.ms, or set the clocks.",
  ),
  shownByProbe(
    ofDestination(
      33,
      'UNSUPPORTED_SASL_MECHANISM',
      'The listener does not offer the mechanism.',
      "Choose an auth.mode that the broker's listener offers.",
    ),
  ),
  shownByProbe(
    passes(
      34,
      'ILLEGAL_SASL_STATE',
      'The listener wants SASL and got none, or the reverse; also seen when a broker starts.',
      suspendsAfter(3, minuteMs, "See that auth.mode fits the broker's listener."),
    ),
  ),
  shownByProbe(
    ofDestination(
      35,
      'UNSUPPORTED_VERSION',
      'The broker is older than our oldest request.',
      'Upgrade the broker: it must be 0.11 or later.',
    ),
  ),
  passes(41, 'NOT_CONTROLLER', 'The controller has moved.'),
  passes(
    42,
    'INVALID_REQUEST',
    'The broker could not read the request: a proxy between, or a listener that is not for clients.',
    suspendsAfter(3, minuteMs, "See that the address is a Kafka listener for clients, and look into the broker's log."),
  ),
  ofDestination(
    43,
    'UNSUPPORTED_FOR_MESSAGE_FORMAT',
    "The topic's message format is older than record headers.",
    "Raise the topic's message format to 0.11 or later.",
  ),
  ofRecord(44, 'POLICY_VIOLATION', 'A policy of the broker refuses the record.', 'Change the policy or the event.'),
  passes(
    45,
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    'Exactly-once only: a batch before this one is missing.',
    suspendsAfter(10, minuteMs, report),
  ),
  passes(
    47,
    'INVALID_PRODUCER_EPOCH',
    'Exactly-once only: another producer has taken our id over.',
    suspendsAfter(10, minuteMs, report),
  ),
  passes(
    48,
    'INVALID_TXN_STATE',
    'Exactly-once only: the partition is not part of the transaction; we use none.',
    suspendsAfter(10, minuteMs, report),
  ),
  passes(
    49,
    'INVALID_PRODUCER_ID_MAPPING',
    'Exactly-once only: the broker has forgotten our producer id.',
    suspendsAfter(10, minuteMs, report),
  ),
  passes(51, 'CONCURRENT_TRANSACTIONS', 'Exactly-once only: the coordinator is busy.'),
  ofDestination(
    53,
    'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
    'Our principal may not use the transactional id; we use none.',
    'Report this.',
  ),
  ofDestination(
    54,
    'SECURITY_DISABLED',
    'The broker has no authorizer.',
    'Switch the authorizer on, or change auth.mode.',
  ),
  passes(55, 'OPERATION_NOT_ATTEMPTED', 'Another part of the request failed.'),
  passes(56, 'KAFKA_STORAGE_ERROR', 'A disk of the broker failed; the leader moves.'),
  passes(57, 'LOG_DIR_NOT_FOUND', 'A disk of the broker is gone; the leader moves.'),
  shownByProbe(
    passes(
      58,
      'SASL_AUTHENTICATION_FAILED',
      'User or password are wrong, or the broker could not check them just now.',
      suspendsAfter(3, minuteMs, 'Correct user name and password in the destination.'),
    ),
  ),
  passes(
    59,
    'UNKNOWN_PRODUCER_ID',
    'Exactly-once only: the broker has forgotten our producer id.',
    suspendsAfter(10, minuteMs, report),
  ),
  shownByProbe(
    ofDestination(
      61,
      'DELEGATION_TOKEN_AUTH_DISABLED',
      'The broker takes no delegation tokens.',
      'Choose another auth.mode.',
    ),
  ),
  shownByProbe(
    ofDestination(
      66,
      'DELEGATION_TOKEN_EXPIRED',
      'The delegation token has expired.',
      'Renew the token in the destination.',
    ),
  ),
  passes(72, 'LISTENER_NOT_FOUND', 'The new leader has no listener of this name yet.'),
  passes(74, 'FENCED_LEADER_EPOCH', 'The leader has moved: metadata was old.'),
  passes(75, 'UNKNOWN_LEADER_EPOCH', 'The broker does not know of its leadership yet.'),
  ofDestination(
    76,
    'UNSUPPORTED_COMPRESSION_TYPE',
    'The broker or the topic does not know the compression.',
    'Choose another compression.',
  ),
  passes(77, 'STALE_BROKER_EPOCH', 'The broker is registering anew.'),
  passes(80, 'PREFERRED_LEADER_NOT_AVAILABLE', 'A leader is being elected.'),
  ofRecord(
    87,
    'INVALID_RECORD',
    'A validator or a compacted topic refuses the record (KIP-467).',
    'Change the topic or the event.',
  ),
  passes(89, 'THROTTLING_QUOTA_EXCEEDED', 'A quota of the broker is used up for the moment (KIP-599).'),
  passes(
    90,
    'PRODUCER_FENCED',
    'Exactly-once only: another producer has taken our id over.',
    suspendsAfter(10, minuteMs, report),
  ),
  passes(
    97,
    'PRINCIPAL_DESERIALIZATION_FAILURE',
    'The brokers disagree on how principals are written (an upgrade under way).',
    suspendsAfter(10, minuteMs, report),
  ),
  passes(
    100,
    'UNKNOWN_TOPIC_ID',
    'The topic was deleted and made anew (KIP-516).',
    suspendsAfter(3, 5 * minuteMs, 'Create the topic, or correct its name in the destination.'),
  ),
  passes(103, 'INCONSISTENT_TOPIC_ID', 'The topic was deleted and made anew (KIP-516).'),
  passes(108, 'NEW_LEADER_ELECTED', 'The leader has moved (KIP-951).'),
  passes(119, 'INVALID_REGISTRATION', 'The broker is registering anew.'),
  passes(
    120,
    'TRANSACTION_ABORTABLE',
    'Exactly-once only: the transaction must be given up (KIP-890).',
    suspendsAfter(10, minuteMs, report),
  ),
  passes(
    129,
    'REBOOTSTRAP_REQUIRED',
    'The cluster was replaced: metadata must be asked of the named brokers (KIP-1102).',
  ),
];

/** Codes of other requests: consumers, administrators, brokers among themselves. Here only to be called by their names. */
const otherNames: readonly (readonly [code: number, name: string])[] = [
  [1, 'OFFSET_OUT_OF_RANGE'],
  [4, 'INVALID_FETCH_SIZE'],
  [11, 'STALE_CONTROLLER_EPOCH'],
  [12, 'OFFSET_METADATA_TOO_LARGE'],
  [22, 'ILLEGAL_GENERATION'],
  [23, 'INCONSISTENT_GROUP_PROTOCOL'],
  [24, 'INVALID_GROUP_ID'],
  [25, 'UNKNOWN_MEMBER_ID'],
  [26, 'INVALID_SESSION_TIMEOUT'],
  [27, 'REBALANCE_IN_PROGRESS'],
  [28, 'INVALID_COMMIT_OFFSET_SIZE'],
  [30, 'GROUP_AUTHORIZATION_FAILED'],
  [36, 'TOPIC_ALREADY_EXISTS'],
  [37, 'INVALID_PARTITIONS'],
  [38, 'INVALID_REPLICATION_FACTOR'],
  [39, 'INVALID_REPLICA_ASSIGNMENT'],
  [40, 'INVALID_CONFIG'],
  [50, 'INVALID_TRANSACTION_TIMEOUT'],
  [52, 'TRANSACTION_COORDINATOR_FENCED'],
  [60, 'REASSIGNMENT_IN_PROGRESS'],
  [62, 'DELEGATION_TOKEN_NOT_FOUND'],
  [63, 'DELEGATION_TOKEN_OWNER_MISMATCH'],
  [64, 'DELEGATION_TOKEN_REQUEST_NOT_ALLOWED'],
  [65, 'DELEGATION_TOKEN_AUTHORIZATION_FAILED'],
  [67, 'INVALID_PRINCIPAL_TYPE'],
  [68, 'NON_EMPTY_GROUP'],
  [69, 'GROUP_ID_NOT_FOUND'],
  [70, 'FETCH_SESSION_ID_NOT_FOUND'],
  [71, 'INVALID_FETCH_SESSION_EPOCH'],
  [73, 'TOPIC_DELETION_DISABLED'],
  [78, 'OFFSET_NOT_AVAILABLE'],
  [79, 'MEMBER_ID_REQUIRED'],
  [81, 'GROUP_MAX_SIZE_REACHED'],
  [82, 'FENCED_INSTANCE_ID'],
  [83, 'ELIGIBLE_LEADERS_NOT_AVAILABLE'],
  [84, 'ELECTION_NOT_NEEDED'],
  [85, 'NO_REASSIGNMENT_IN_PROGRESS'],
  [86, 'GROUP_SUBSCRIBED_TO_TOPIC'],
  [88, 'UNSTABLE_OFFSET_COMMIT'],
  [91, 'RESOURCE_NOT_FOUND'],
  [92, 'DUPLICATE_RESOURCE'],
  [93, 'UNACCEPTABLE_CREDENTIAL'],
  [94, 'INCONSISTENT_VOTER_SET'],
  [95, 'INVALID_UPDATE_VERSION'],
  [96, 'FEATURE_UPDATE_FAILED'],
  [98, 'SNAPSHOT_NOT_FOUND'],
  [99, 'POSITION_OUT_OF_RANGE'],
  [101, 'DUPLICATE_BROKER_REGISTRATION'],
  [102, 'BROKER_ID_NOT_REGISTERED'],
  [104, 'INCONSISTENT_CLUSTER_ID'],
  [105, 'TRANSACTIONAL_ID_NOT_FOUND'],
  [106, 'FETCH_SESSION_TOPIC_ID_ERROR'],
  [107, 'INELIGIBLE_REPLICA'],
  [109, 'OFFSET_MOVED_TO_TIERED_STORAGE'],
  [110, 'FENCED_MEMBER_EPOCH'],
  [111, 'UNRELEASED_INSTANCE_ID'],
  [112, 'UNSUPPORTED_ASSIGNOR'],
  [113, 'STALE_MEMBER_EPOCH'],
  [114, 'MISMATCHED_ENDPOINT_TYPE'],
  [115, 'UNSUPPORTED_ENDPOINT_TYPE'],
  [116, 'UNKNOWN_CONTROLLER_ID'],
  [117, 'UNKNOWN_SUBSCRIPTION_ID'],
  [118, 'TELEMETRY_TOO_LARGE'],
  [121, 'INVALID_RECORD_STATE'],
  [122, 'SHARE_SESSION_NOT_FOUND'],
  [123, 'INVALID_SHARE_SESSION_EPOCH'],
  [124, 'FENCED_STATE_EPOCH'],
  [125, 'INVALID_VOTER_KEY'],
  [126, 'DUPLICATE_VOTER'],
  [127, 'VOTER_NOT_FOUND'],
  [128, 'INVALID_REGULAR_EXPRESSION'],
  [130, 'STREAMS_INVALID_TOPOLOGY'],
  [131, 'STREAMS_INVALID_TOPOLOGY_EPOCH'],
  [132, 'STREAMS_TOPOLOGY_FENCED'],
  [133, 'SHARE_SESSION_LIMIT_REACHED'],
];

const names = new Map<number, string>([
  [0, 'NONE'],
  [duplicateSequenceNumber, 'DUPLICATE_SEQUENCE_NUMBER'],
  ...kafkaRows.map(({ code, name }) => [code, name] as const),
  ...otherNames,
]);

/** The name of a Kafka error code; `KAFKA_ERROR_142` for one that this version does not know. */
export const kafkaErrorName = (code: number): string => names.get(code) ?? `KAFKA_ERROR_${code}`;

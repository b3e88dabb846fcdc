/**
 * The errors that answers to the requests on the way of a record may carry: those that the comments of Kafka's Java client list
 * (`clients/src/main/java/org/apache/kafka/common/requests/ProduceResponse.java` and its neighbours), then those that the broker's source
 * has besides.
 */
import type { Api } from './kfake.ts';

const ofLoginAndTopic = {
  Metadata: [
    ...['UNKNOWN_SERVER_ERROR', 'UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'INVALID_TOPIC_EXCEPTION'],
    ...['TOPIC_AUTHORIZATION_FAILED', 'UNKNOWN_TOPIC_ID', 'PRINCIPAL_DESERIALIZATION_FAILURE'],
  ],
  SaslHandshake: ['UNSUPPORTED_SASL_MECHANISM', 'ILLEGAL_SASL_STATE'],
  SaslAuthenticate: [
    ...['SASL_AUTHENTICATION_FAILED', 'ILLEGAL_SASL_STATE', 'UNKNOWN_SERVER_ERROR', 'SECURITY_DISABLED'],
    ...['DELEGATION_TOKEN_AUTH_DISABLED', 'DELEGATION_TOKEN_EXPIRED'],
  ],
  ApiVersions: ['UNSUPPORTED_VERSION', 'INVALID_REQUEST'],
} as const satisfies Partial<Record<Api, readonly string[]>>;

/** Each request before Produce, with each of its errors. */
export const errorsOnTheWay: readonly (readonly [Api, string])[] = [
  ...ofLoginAndTopic.Metadata.map((name) => ['Metadata', name] as const),
  ...ofLoginAndTopic.SaslHandshake.map((name) => ['SaslHandshake', name] as const),
  ...ofLoginAndTopic.SaslAuthenticate.map((name) => ['SaslAuthenticate', name] as const),
  ...ofLoginAndTopic.ApiVersions.map((name) => ['ApiVersions', name] as const),
];

const ofProduce: readonly string[] = [
  ...['CORRUPT_MESSAGE', 'UNKNOWN_TOPIC_OR_PARTITION', 'NOT_LEADER_OR_FOLLOWER', 'MESSAGE_TOO_LARGE'],
  ...['INVALID_TOPIC_EXCEPTION', 'RECORD_LIST_TOO_LARGE', 'NOT_ENOUGH_REPLICAS', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'],
  ...['INVALID_REQUIRED_ACKS', 'TOPIC_AUTHORIZATION_FAILED', 'UNSUPPORTED_FOR_MESSAGE_FORMAT'],
  ...['INVALID_PRODUCER_EPOCH', 'CLUSTER_AUTHORIZATION_FAILED', 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'],
  ...['INVALID_RECORD', 'INVALID_TXN_STATE', 'INVALID_PRODUCER_ID_MAPPING', 'CONCURRENT_TRANSACTIONS'],
  // The broker's source (ReplicaManager, UnifiedLog, LogValidator, ProducerAppendInfo), and KIP-516, KIP-890 and KIP-951.
  ...['REQUEST_TIMED_OUT', 'KAFKA_STORAGE_ERROR', 'INVALID_TIMESTAMP', 'UNSUPPORTED_COMPRESSION_TYPE'],
  ...['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'POLICY_VIOLATION', 'TRANSACTION_ABORTABLE'],
  ...['UNKNOWN_TOPIC_ID', 'NEW_LEADER_ELECTED'],
];
/** Asked for once exactly-once mode is there. */
const ofInitProducerId: readonly string[] = [
  ...['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS', 'INVALID_PRODUCER_EPOCH'],
  ...['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED', 'PRODUCER_FENCED'],
];

/** Their names, each once. */
export const producerErrors: readonly string[] = [
  ...new Set([...ofProduce, ...ofInitProducerId, ...errorsOnTheWay.map(([, name]) => name)]),
];

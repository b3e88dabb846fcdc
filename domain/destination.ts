/** What a customer configured: one topic on brokers of their own, and how events become records there. */
import type { AllowPrivate } from './privateNetworks.ts';

export const authModes = [
  'NONE',
  'SASL_PLAIN',
  'SASL_SCRAM_SHA_256',
  'SASL_SCRAM_SHA_512',
  'SASL_OAUTHBEARER',
  'MTLS',
] as const;
export type AuthMode = (typeof authModes)[number];

/** The part of `auth` that may be shown. What is secret lies in {@link Secrets}. */
export type Auth = {
  mode: AuthMode;
  tls: boolean;
  /** PEM; where absent, the system's certificate authorities are trusted. */
  caCertificate?: string | undefined;
  username?: string | undefined;
  clientCertificate?: string | undefined;
  clientId?: string | undefined;
  tokenEndpoint?: string | undefined;
  /** PEM, as `caCertificate`, which is for the brokers alone. */
  tokenEndpointCaCertificate?: string | undefined;
  scope?: string | undefined;
  audience?: string | undefined;
};

/** The fields of `auth` that are sealed in the store and never leave it but into a connection. */
export const secretFields = ['password', 'clientKey', 'clientKeyPassphrase', 'clientSecret'] as const;
export type SecretField = (typeof secretFields)[number];
export type Secrets = { readonly [field in SecretField]?: string | undefined };

/** As Kafka's own producers have them (`compression.type`). */
export const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type Compression = (typeof compressions)[number];

export type ProducerSettings = {
  /** How long records may be gathered into one request, in ms from an event's acceptance. */
  lingerMs: number;
  /** A request is sent as soon as it holds this much, in bytes of values. */
  batchSizeBytes: number;
  /** Which replicas have a record when it counts as delivered: all that are in sync, or the leader alone. */
  acks: 'all' | 1;
  /** Whether the customer takes it that records are lost which the leader alone had: without it `acks` is `all`. */
  mayLoseRecords?: boolean | undefined;
  /** How the records of a request are compressed for each partition; absent in destinations from before there was a choice: `none`. */
  compression?: Compression | undefined;
};

/** `"key"`: one lane per partition key. A number: keys hashed onto that many lanes. */
export type Lanes = 'key' | number;

/** Since when (RFC 3339), why, and who asked for it. */
export type Pause = { since: string; reason?: string | undefined; by: string };

export type Destination = {
  id: string;
  customerExternalId: string;
  type: 'KAFKA';
  name: string;
  brokers: string[];
  topic: string;
  /** A path into the event, e.g. `customerExternalId` or `payload.orderId`. */
  partitionKey: string;
  /** Patterns of event types; `*` stands for any run of characters. */
  eventTypes: string[];
  enabled: boolean;
  auth: Auth;
  producer: ProducerSettings;
  ordering: { lanes: Lanes };
  onDeadLetter: 'continue' | 'block';
  /** Grows by one with each change. */
  version: number;
  createdAt: string;
  updatedAt: string;
  /** Its lanes have hashed names in Temporal: domain/hashedNames.ts. */
  hashesKeys?: true | undefined;
  /** While it lies in the future the lanes are being changed, and nothing new may enter them. RFC 3339. */
  lanesHeldUntil?: string | undefined;
  /** When its lanes were last changed: events from before may stand in lanes that their keys have no more. RFC 3339. */
  lanesChangedAt?: string | undefined;
  /** Set while a person has paused it: events are accepted, and wait in its lanes. */
  paused?: Pause | undefined;
  /** Set once it was deleted: it takes nothing new, and what it took before is still delivered. RFC 3339. */
  deletedAt?: string | undefined;
};

/** A destination with its credentials opened: exists only on the way into a connection. */
export type OpenDestination = Destination & {
  secrets: Secrets;
  /** Whether what it names may lead to this machine and to private networks: our own setting. */
  allowPrivate: AllowPrivate;
};

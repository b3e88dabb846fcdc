import {
  type Auth,
  type Destination,
  type Pause,
  type ProducerSettings,
  type SecretField,
  secretFields,
} from '../domain/destination.ts';

/** A destination as the store shows it: which secrets it has, never what they are. */
export type StoredDestination = Destination & {
  secretsSet: readonly SecretField[];
  earlierCredentials?: EarlierCredentials | undefined;
};

/** Credentials that were replaced, last at this time (RFC 3339), while so many workers may still send with them. */
export type EarlierCredentials = { replacedAt: string; workers: number };

/** What a type of destination has for itself. */
export type Config = { brokers: string[]; topic: string; auth: Auth; producer: ProducerSettings };
export type Sealed = { readonly [field in SecretField]?: string };

export type DestinationRow = {
  id: string;
  seq: string;
  customer_external_id: string;
  type: 'KAFKA';
  name: string;
  enabled: boolean;
  event_types: string[];
  partition_key: string;
  lanes: number | null;
  on_dead_letter: Destination['onDeadLetter'];
  config: Config;
  sealed: Sealed;
  version: number;
  hashes_keys: boolean;
  lanes_held_until: Date | null;
  lanes_changed_at: Date | null;
  paused: Pause | null;
  created_at: Date;
  updated_at: Date;
  deleted_at: Date | null;
  /** Where the statement asks for it. */
  earlier?: EarlierCredentials | null;
};

export const destinationOf = (row: DestinationRow): Destination => ({
  id: row.id,
  customerExternalId: row.customer_external_id,
  type: row.type,
  name: row.name,
  ...row.config,
  partitionKey: row.partition_key,
  eventTypes: row.event_types,
  enabled: row.enabled,
  ordering: { lanes: row.lanes ?? 'key' },
  onDeadLetter: row.on_dead_letter,
  version: row.version,
  createdAt: row.created_at.toISOString(),
  updatedAt: row.updated_at.toISOString(),
  ...(row.hashes_keys && { hashesKeys: true }),
  ...(row.lanes_held_until && { lanesHeldUntil: row.lanes_held_until.toISOString() }),
  ...(row.lanes_changed_at && { lanesChangedAt: row.lanes_changed_at.toISOString() }),
  ...(row.paused && { paused: row.paused }),
  ...(row.deleted_at && { deletedAt: row.deleted_at.toISOString() }),
});

export const storedDestinationOf = (row: DestinationRow): StoredDestination => ({
  ...destinationOf(row),
  secretsSet: secretFields.filter((field) => row.sealed[field] !== undefined),
  ...(row.earlier && {
    earlierCredentials: { ...row.earlier, replacedAt: new Date(row.earlier.replacedAt).toISOString() },
  }),
});

import type { Lanes } from './destination.ts';
import { murmur2 } from './murmur2.ts';

/** Longer keys are named by their digest in a workflow id: Temporal refuses ids over 1,000 bytes. */
const laneNameBytesMax = 200;
/** So are keys with these: Temporal and Postgres can't store a NUL or half a surrogate pair; others garble a terminal. */
const unstorable = /[\p{Cc}\p{Cs}]/u;

/**
 * The lane of a partition key. With `"key"` it is the key itself; with a number n it is
 * murmur2(UTF-8 bytes of the key) mod n, the hash of Kafka's own partitioner. The hash is part of the contract: to change
 * it is to move keys between lanes.
 */
export function laneOf(lanes: Lanes, key: string, digest: (text: string) => string): string {
  const bytes = new TextEncoder().encode(key);
  if (lanes !== 'key') return String(murmur2(bytes) % lanes);
  return bytes.length <= laneNameBytesMax && !unstorable.test(key) ? key : `sha256:${digest(key)}`;
}

/** Batches of slow destinations have a queue of their own: one that waits for a broker for seconds must not take a place from the others. */
export const slowTaskQueue = (taskQueue: string): string => `${taskQueue}:slow`;

/** Lanes of a destination that says nothing: one per key where the key is the customer, 4 for a finer key. */
export const defaultLanes = (partitionKey: string): Lanes => (partitionKey === 'customerExternalId' ? 'key' : 4);

export const laneWorkflowType = 'lane';
export const laneWorkflowId = (destinationId: string, lane: string): string => `delivery:${destinationId}:${lane}`;

/** Bounds of one run of a lane's workflow, and of what it remembers. */
export type LaneLimits = {
  /** The lane continues as new once its run has this many history events. */
  historyEventsMax: number;
  /** … or this many bytes of history. */
  historyBytesMax: number;
  /** How long an id is remembered after it was last seen, in ms. */
  dedupWindowMs: number;
  /** How many ids are remembered. */
  dedupIdsMax: number;
};

export const defaultLaneLimits: LaneLimits = {
  historyEventsMax: 500,
  historyBytesMax: 2 * 1024 * 1024,
  dedupWindowMs: 24 * 60 * 60 * 1000,
  dedupIdsMax: 10_000,
};

/**
 * A run's history may grow to this before the API stops feeding it; Temporal ends a run at 51,200 events or 50 MB. `unreadBytes`
 * and `unreadEvents` hold where no worker has looked at it for a while: what is over the lane's bound is in the run's history once
 * more when it goes to segments, and no run should pass 10,000 events or 10 MB; and the first worker that comes has to take all
 * signals in within one workflow task (`workflowTaskTimeout` in activities/laneStarting.ts), several lanes at once.
 */
export const runFull = {
  historyEvents: 8_000,
  historyBytes: 5 * 1024 * 1024,
  unreadBytes: 3 * 1024 * 1024,
  unreadEvents: 600,
} as const;

/** What a lane is started with. */
export type LaneStart = {
  destinationId: string;
  customerExternalId: string;
  /** As it stands in the workflow's id. */
  lane: string;
  /** Where that is a hash: the lane's name, and what stands for the customer in search attributes. */
  hashed?: { name: string; customer: string } | undefined;
  limits: LaneLimits;
};

/** Search attributes that every lane carries: name → Temporal's type. */
export const searchAttributeTypes = {
  DestinationId: 'Keyword',
  CustomerExternalId: 'Keyword',
  DeliveryState: 'Keyword',
  DeadLetters: 'Int',
} as const;

export const deliveryStates = ['Delivering', 'Waiting', 'Suspended', 'Parked', 'Paused'] as const;
export type DeliveryState = (typeof deliveryStates)[number];

/** What a lane meets whose destination a person has paused. */
export const destinationPaused = 'DESTINATION_PAUSED';

/**
 * The state of a lane as people are told it. A paused destination holds its lanes as one at fault does, and Temporal says `Suspended` of
 * both; but nobody need mend it. `error` is what the lane is held for, where that is known.
 */
export const toldState = (
  state: DeliveryState,
  { isPaused, error }: { isPaused: boolean; error?: { name: string } | undefined },
): DeliveryState => (state === 'Suspended' && (error ? error.name === destinationPaused : isPaused) ? 'Paused' : state);

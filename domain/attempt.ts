import type { Kind } from './failures.ts';
import type { Resumed } from './laneHold.ts';

/** What went wrong, as it is kept on record and shown. Never holds a secret. */
export type Failed = {
  kind: Kind;
  /** The Kafka error's name (`TOPIC_AUTHORIZATION_FAILED`) or the client's (`ECONNREFUSED`). */
  name: string;
  /** Kafka's error code, where it is one of Kafka's. */
  code?: number | undefined;
  message: string;
  remedy: string;
};

/** One try to produce a batch. */
export type Attempt = {
  /** 1 for the first try of this batch; counts tries inside the activity and Temporal's own. */
  number: number;
  /** Start, in ms since the epoch. */
  startedAtMs: number;
  /** Its worker was lost before it said that it had begun: `startedAtMs` is the earliest that it can have been. */
  startIsEarliest?: true | undefined;
  /** Absent while it lasts, and for an attempt whose worker was lost: outcome unknown. */
  durationMs?: number | undefined;
  /** Of one whose worker was lost: from `startedAtMs` to when it was last heard of. */
  durationAtLeastMs?: number | undefined;
  /** … and to when Temporal scheduled the next try: it wrote nothing after that. */
  durationAtMostMs?: number | undefined;
  outcome: 'delivered' | 'partly' | 'failed' | 'unknown';
  /** `host:port` of the brokers that were asked. */
  brokers: string[];
  /** The positions in the batch that it sent; absent where it sent all that was not settled yet. */
  positions?: number[] | undefined;
  /** How many partitions the topic had: so that a record's key says which one was the record's. */
  partitions?: number | undefined;
  /** Where partitions failed in different ways, one that leaves something open before the others. */
  error?: Failed | undefined;
  /** Absent where `error` is that of every record that it sent. */
  failures?: PartitionFailure[] | undefined;
};

/** Partitions that did not take their records, for one reason. */
export type PartitionFailure = {
  partitions: number[];
  brokers: string[];
  outcome: 'failed' | 'unknown';
  error: Failed;
};

/** Where records of a batch landed: the position in the batch of each, and the offset of each. */
export type Landed = {
  partition: number;
  broker: string;
  /** The attempt that wrote them; 0 where it was none of this batch's: they were delivered before a reset. */
  attempt: number;
  positions: number[];
  /** Offset of the record at the same place in `positions`; -1 where the broker had it already and does not say. */
  offsets: number[];
};

/** A record that Kafka refused for good: its position in the batch and why. */
export type Refused = { position: number; attempt: number; error: Failed };

/** Of the attempts that are only counted: when the first and the last of them began, and how many ended with an unknown outcome. */
export type LeftOut = { firstAtMs: number; lastAtMs: number; unknown: number };

/** What the attempts of a batch have settled. */
export type Settled = {
  attempts: Attempt[];
  /** How many attempts that settled nothing are not in the list: an outage can have thousands. */
  attemptsLeftOut?: number | undefined;
  leftOut?: LeftOut | undefined;
  landed: Landed[];
  refused: Refused[];
};

/** What the produce activity answers: every position is in `landed` or `refused`, or the lane is to hold. */
export type Outcome = Settled & {
  /**
   * The destination's setting when the batch was sent: whether a refused record holds back later ones of its key. Absent where
   * the destination could not be read.
   */
  onDeadLetter?: 'continue' | 'block' | undefined;
  /** Set where the destination itself is at fault: positions in neither list were not delivered, and wait. */
  suspended?: Failed | undefined;
  /** Set where the destination can't be reached for long: the same. */
  waiting?: Failed | undefined;
  /** The version of the destination that the batch met, where it could be read. */
  version?: number | undefined;
  /** A lane that holds looks by itself after this long, in ms. */
  lookAfterMs?: number | undefined;
  /** The positions of what someone had given up before a reset: in neither list, and not sent again. */
  discardedBefore?: number[] | undefined;
  /** As the request had it. */
  resetRunId?: string | undefined;
  /** Whether the destination takes long to answer, and its batches are to wait in places of their own; absent where nothing new is known. */
  slow?: boolean | undefined;
  /** Set where outcomes are exported: the customer whose events they become. */
  exportTo?: string | undefined;
};
/** The part of an outcome that tells a lane to hold. */
export type OutcomeHold = Pick<Outcome, 'suspended' | 'waiting' | 'version' | 'lookAfterMs'>;

/** What an attempt leaves in the heartbeat, so that the next one goes on from there, and the log shows it. */
export type Progress = Settled & {
  /** Temporal's number of the last try that has begun an attempt of its own: those after it left nothing, for their worker died. */
  temporalAttempt: number;
  /** When it was left, in ms since the epoch; absent in what older code left. */
  atMs?: number | undefined;
  /** The destination's setting as last read: what was refused under `block` holds its key back, whatever comes after. */
  onDeadLetter?: Outcome['onDeadLetter'];
};

/** What the produce activity is asked, beside the block itself. */
export type ProduceRequest = {
  destinationId: string;
  /** The run that made the batch: where another one does the activity, a reset came between. */
  runId?: string | undefined;
  /** Set where the lane held, and has settled nothing since. */
  resumed?: Resumed | undefined;
  /** Set where a reset made the lane forget what it had delivered: the run that the reset made. */
  resetRunId?: string | undefined;
  /** Whether this is one of the places for slow destinations; absent where the lane's code knows of none. */
  slow?: boolean | undefined;
};

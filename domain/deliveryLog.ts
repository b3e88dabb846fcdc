/** The log of one delivery, read out of what its lane's history holds. Pure: who asks brings the records. */
import type { Attempt, Failed, Outcome, PartitionFailure, Progress, Settled } from './attempt.ts';
import type { Block } from './block.ts';
import type { LetterAt } from './bodies.ts';
import type { HeldInRun } from './heldInRun.ts';
import { kafkaPartitionOf } from './kafkaPartition.ts';
import { isSelected, type ResendNote, type Selected } from './laneSignals.ts';
import { type AttemptsLeftOut, bothLeftOut, leftOutIn } from './leftOut.ts';
import { attemptsBefore, isOpen } from './lostAttempts.ts';

/** What a lane's history tells about deliveries, in its order; `batch` and `activity` name one over all runs of the lane. */
export type LaneRecord =
  | { kind: 'scheduled'; batch: string; activity: string; atMs: number; block: Block }
  | { kind: 'completed'; batch: string; atMs: number; outcome: Outcome }
  | { kind: 'broken'; batch: string; atMs: number; error: Failed }
  | { kind: 'replay'; atMs: number; selected: Selected }
  | { kind: 'discard'; atMs: number; selected: Selected }
  | { kind: 'resent'; atMs: number; note: ResendNote; block: Block }
  | { kind: 'segmented'; segmentId: string; blocks: readonly Block[] }
  /** Dead letters that were to be sent again, and whose bodies are lost. */
  | { kind: 'unread'; atMs: number; letters: readonly LetterAt[]; error: Failed };

/**
 * What a run tells that no other does: of one that a reset made, what follows the records that it copied, and before it the
 * batches among those that were on their way at the reset point, for they end in this run.
 */
export function ownRecords(run: { records: readonly LaneRecord[]; copiedRecords: number }): LaneRecord[] {
  const copied = run.records.slice(0, run.copiedRecords);
  const ended = new Set(
    copied.flatMap((record) => (record.kind === 'completed' || record.kind === 'broken' ? [record.batch] : [])),
  );
  const underWay = copied.filter((record) => record.kind === 'scheduled' && !ended.has(record.batch));
  return [...underWay, ...run.records.slice(run.copiedRecords)];
}

/** The produce activity that runs now, as Temporal describes it. */
export type RunningProduce = {
  activity: string;
  progress: Progress | undefined;
  /** The try that runs, or comes next, and when it was or will be scheduled. */
  attempt: number;
  scheduledAtMs: number;
  nextAttemptAtMs?: number | undefined;
};

export const deliveryStatuses = [
  'queued',
  'sending',
  'retrying',
  'delivered',
  'parked',
  'discarded',
  'waiting',
  'suspended',
  'paused',
  'expired',
] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

export type LoggedAttempt = Omit<Attempt, 'outcome' | 'brokers' | 'positions' | 'partitions' | 'failures'> & {
  /** How many records it sent, this one among them. */
  records: number;
  outcome: 'delivered' | 'failed' | 'unknown' | 'running';
  broker?: string | undefined;
  /** Of this record; absent where the attempt did not get so far as to know how many the topic has. */
  partition?: number | undefined;
  offset?: number | undefined;
};

export type Intervention = {
  kind: 'replay' | 'discard';
  atMs: number;
  reason?: string | undefined;
  by?: string | undefined;
  /** The replay that sent it again though it was delivered. */
  replayId?: string | undefined;
};

export type DeliveryLog = {
  status: DeliveryStatus;
  attempts: LoggedAttempt[];
  /** Attempts that settled nothing and are not in the list. */
  attemptsLeftOut?: AttemptsLeftOut | undefined;
  interventions: Intervention[];
  partition?: number | undefined;
  offset?: number | undefined;
  error?: Failed | undefined;
  nextAttemptAtMs?: number | undefined;
};

type Fold = DeliveryLog & {
  batch?: string | undefined;
  activity?: string | undefined;
  scheduledAtMs: number;
  position: number;
  /** The event's partition key. */
  key: string;
  /** Of the batch that holds the event. */
  events: number;
  /** Requests for a replay or discard, by their names: the lane does not follow one twice. */
  requests: readonly string[];
};

/**
 * The log of the event with this digest, from the lane's records in order and the activity that runs now, if any. `begun`: how the
 * event stood before the first of the records, where those that tell of it are deleted.
 */
export function deliveryLogOf(
  digest: string,
  records: readonly LaneRecord[],
  running?: RunningProduce,
  begun?: HeldInRun,
): DeliveryLog {
  const status = begun?.as === 'parked' ? 'parked' : 'queued';
  const error = begun?.as === 'parked' ? begun.error : undefined;
  const nowhere = { scheduledAtMs: 0, position: -1, key: '', events: 0, requests: [] };
  let fold: Fold = { status, error, attempts: [], interventions: [], ...nowhere };
  for (const record of records) fold = next(fold, digest, record);
  const { batch: _, activity, scheduledAtMs, position, key, events, requests: __, ...log } = fold;
  if (!running || running.activity !== activity || log.status !== 'sending') return log;
  return whileRunning(log, { scheduledAtMs, position, key, events }, running);
}

/** The last of the overflow segments that the event went to, by the records of one run. */
export function segmentOf(digest: string, records: readonly LaneRecord[]): string | undefined {
  const last = records.findLast(
    (record): record is LaneRecord & { kind: 'segmented' } =>
      record.kind === 'segmented' && record.blocks.some(({ entries }) => entries.some(({ id }) => id === digest)),
  );
  return last?.segmentId;
}

/** Of an event that is in line, whatever the last try found out. */
const waitStatuses: ReadonlySet<DeliveryStatus> = new Set(['queued', 'waiting', 'suspended']);

function next(fold: Fold, digest: string, record: LaneRecord): Fold {
  if (record.kind === 'scheduled') {
    const position = record.block.entries.findIndex(({ id }) => id === digest);
    if (position < 0) return fold;
    const { batch, activity, atMs: scheduledAtMs, block } = record;
    const key = block.entries[position]?.key ?? '';
    const events = block.entries.length;
    return { ...fold, batch, activity, scheduledAtMs, position, key, events, status: 'sending' };
  }
  if (record.kind === 'replay' || record.kind === 'discard') return intervened(fold, digest, record);
  if (record.kind === 'resent') return resent(fold, digest, record);
  if (record.kind === 'segmented') return fold; // It waits as before, elsewhere.
  if (record.kind === 'unread') {
    const isLost = waitStatuses.has(fold.status) && record.letters.some(({ id }) => id === digest);
    return isLost ? { ...fold, status: 'parked', error: record.error } : fold;
  }
  if (record.batch !== fold.batch || fold.status !== 'sending') return fold;
  if (record.kind === 'broken') return { ...fold, status: 'suspended', error: record.error };
  return completed(fold, record.outcome);
}

function intervened(before: Fold, digest: string, record: LaneRecord & { kind: 'replay' | 'discard' }): Fold {
  const { request } = record.selected;
  if (request !== undefined && before.requests.includes(request)) return before;
  const fold = request === undefined ? before : { ...before, requests: [...before.requests, request] };
  const isHeld = fold.status === 'suspended' || fold.status === 'waiting';
  if (isHeld && record.kind === 'replay') return { ...fold, status: 'queued' };
  if (fold.status !== 'parked' || !isSelected(record.selected, digest)) return fold;
  const { reason, by } = record.selected;
  const intervention = { kind: record.kind, atMs: record.atMs, reason, by };
  const status = record.kind === 'replay' ? 'queued' : 'discarded';
  return { ...fold, status, interventions: [...fold.interventions, intervention] };
}

/** A part that comes twice, and one that a reset brings once more, is the lane's only once. */
function resent(fold: Fold, digest: string, { atMs, note, block }: LaneRecord & { kind: 'resent' }): Fold {
  const { replay: replayId, reason, by } = note;
  const isKnown = fold.interventions.some((one) => one.replayId === replayId);
  if (isKnown || !block.entries.some(({ id }) => id === digest)) return fold;
  const intervention = { kind: 'replay' as const, atMs, reason, by, replayId };
  return { ...fold, status: 'queued', batch: undefined, interventions: [...fold.interventions, intervention] };
}

function completed(fold: Fold, outcome: Outcome): Fold {
  const result = resultAt(fold.position, outcome);
  const attempts = [...fold.attempts, ...attemptsAt(fold, outcome)];
  const known = { ...fold, attempts, attemptsLeftOut: bothLeftOut(fold.attemptsLeftOut, leftOutIn(outcome)) };
  if (result.landed) return { ...known, status: 'delivered', ...result.landed, error: undefined };
  if (outcome.discardedBefore?.includes(fold.position)) return { ...known, status: 'discarded' };
  if (result.refused) return { ...known, status: 'parked', error: result.refused };
  if (outcome.waiting) return { ...known, status: 'waiting', error: outcome.waiting };
  return { ...known, status: outcome.suspended ? 'suspended' : 'queued', error: outcome.suspended };
}

/** Where the event stands in its batch, its key, and how many events there are. */
type InBatch = Pick<Fold, 'position' | 'key' | 'events'>;

type Result = { number: number; landed?: { partition: number; offset?: number; broker: string }; refused?: Failed };

/** What became of the record at this position, and in which attempt. */
function resultAt(position: number, { landed, refused }: Settled): Result {
  for (const { partition, broker, attempt, positions, offsets } of landed) {
    const at = positions.indexOf(position);
    const offset = offsets[at];
    if (at < 0 || offset === undefined) continue;
    return { number: attempt, landed: { partition, broker, ...(offset >= 0 && { offset }) } };
  }
  const refusal = refused.find((one) => one.position === position);
  if (refusal) return { number: refusal.attempt, refused: refusal.error };
  return { number: Number.POSITIVE_INFINITY };
}

/** The attempts that the record at this position took part in: those after it was settled are other records'. */
function attemptsAt(at: InBatch, progress: Settled): LoggedAttempt[] {
  const result = resultAt(at.position, progress);
  return progress.attempts
    .filter(({ number, positions }) => number <= result.number && (positions?.includes(at.position) ?? true))
    .map((attempt) => {
      const { outcome: _, brokers: __, failures: ___, error: ____, positions, partitions, ...told } = attempt;
      const { number } = told;
      const common = { ...told, records: positions?.length ?? at.events - settledBefore(number, progress) };
      if (number === result.number && result.landed) return { ...common, outcome: 'delivered', ...result.landed };
      const partition = partitions && kafkaPartitionOf(new TextEncoder().encode(at.key), partitions);
      const { brokers, outcome, error } = failureAt(partition, attempt);
      const failed = { ...common, broker: brokers.length > 0 ? brokers.join(', ') : undefined, partition };
      if (number === result.number) return { ...failed, outcome: 'failed', error: result.refused };
      return { ...failed, outcome, error };
    });
}

/** How an attempt ended for a record of this partition that it did not write. */
function failureAt(
  partition: number | undefined,
  { failures, brokers, outcome, error }: Attempt,
): Pick<PartitionFailure, 'brokers' | 'outcome'> & { error: Failed | undefined } {
  const own = failures?.find(({ partitions }) => partition !== undefined && partitions.includes(partition));
  if (own) return own;
  // Another partition's records may have been written; of these nobody knows.
  const isUnknown = outcome === 'unknown' || error?.kind === 'outcomeUnknown';
  return { brokers, outcome: isUnknown ? 'unknown' : 'failed', error };
}

/** How many records of the batch earlier attempts had settled: this one did not send them. */
const settledBefore = (attempt: number, { landed, refused }: Settled): number =>
  landed.reduce((sum, one) => sum + (one.attempt < attempt ? one.positions.length : 0), 0) +
  refused.filter((one) => one.attempt < attempt).length;

/** While the activity runs, its heartbeat tells of the attempts so far, and Temporal of tries that were lost; the last one may be under way. */
function whileRunning(
  log: DeliveryLog,
  at: InBatch & Pick<Fold, 'scheduledAtMs'>,
  { progress: heartbeat, attempt, scheduledAtMs: currentScheduledAtMs, nextAttemptAtMs }: RunningProduce,
): DeliveryLog {
  const before = attemptsBefore(heartbeat, { attempt, scheduledAtMs: at.scheduledAtMs, currentScheduledAtMs });
  const progress: Settled = { landed: [], refused: [], ...heartbeat, attempts: before };
  const tries = attemptsAt(at, progress);
  const status = attempt > 1 || tries.length > 1 ? 'retrying' : 'sending';
  const open = before.find(isOpen)?.number;
  const attempts = tries.map((one): LoggedAttempt => (one.number === open ? { ...one, outcome: 'running' } : one));
  const known = {
    ...log,
    attempts: [...log.attempts, ...attempts],
    attemptsLeftOut: bothLeftOut(log.attemptsLeftOut, leftOutIn(progress)),
  };
  const { landed } = resultAt(at.position, progress);
  if (landed) return { ...known, status: 'delivered', ...landed, error: undefined };
  const last = attempts.findLast(({ error }) => error !== undefined);
  return { ...known, status, error: last?.error, nextAttemptAtMs };
}

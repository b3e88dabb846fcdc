import type { HeldInRuns } from '../activities/heldInRuns.ts';
import type { LaneHistories, LaneNow, LaneRun } from '../activities/laneHistory.ts';
import type { Looked } from '../activities/segmentOf.ts';
import { deliveredIn } from '../domain/deliveredIn.ts';
import { type DeliveryLog, deliveryLogOf, type LaneRecord, ownRecords, segmentOf } from '../domain/deliveryLog.ts';
import type { HeldInRun } from '../domain/heldInRun.ts';
import { lastRunHolding } from './lastRunHolding.ts';

/** `laterRunIds`: runs that got the event once more, from a second POST or from a replay. */
export type IndexedDelivery = { workflowId: string; runId: string; acceptedAt: Date; laterRunIds?: string[] };
export type LoggedDelivery = DeliveryLog & {
  destinationId: string;
  workflowId: string;
  runId: string;
  acceptedAt: Date;
  /** The run in which it was delivered for itself, not for a replay; absent where none of those that were read tells so. */
  ownRunId?: string;
  /** Set where the lane has gone on for more runs than are read, or, of one that is `expired`, has more segments: what came later is not in the log. */
  incomplete?: true;
  /** Runs in which it waited and that are not read: tries of theirs are not in the log. */
  runsPassedOver?: number;
  /** Set where retention has deleted the runs that began the log: it is told from what the open lane holds. */
  deletedBefore?: true;
};

/** So many runs of a chain are read at the most, and once more from each run on in which the event was no longer held as before. */
const runsReadMax = 50;
const leapsMax = 5;
const final = new Set(['delivered', 'discarded']);
/** Of these the lane's state says why it is not being sent now. */
const inQueue = new Set(['queued', 'waiting', 'suspended']);

/** What of the histories a delivery's log is read from. */
export type DeliveryHistories = Pick<LaneHistories, 'run' | 'now' | 'readerOf' | 'resetRunOf'> & HeldInRuns;

export const deliveryHistories = (histories: LaneHistories, held: HeldInRuns): DeliveryHistories => ({
  ...held,
  run: (...of) => histories.run(...of),
  now: (...of) => histories.now(...of),
  readerOf: (...of) => histories.readerOf(...of),
  resetRunOf: (...of) => histories.resetRunOf(...of),
});

/** The log of one delivery, read from its lane's runs, from the one that took it in to the one that settled it. */
export async function readDelivery(
  histories: DeliveryHistories,
  digest: string,
  indexed: IndexedDelivery,
  runsMax = runsReadMax,
  isAgain = false,
): Promise<LoggedDelivery> {
  const { workflowId, runId, acceptedAt, laterRunIds = [] } = indexed;
  const destinationId = workflowId.split(':')[1] ?? '';
  let runsPassedOver = 0;
  let ownRunId: string | undefined;
  const logged = (log: DeliveryLog, inRun: string): LoggedDelivery => ({
    destinationId,
    workflowId,
    runId: inRun,
    acceptedAt,
    ...(runsPassedOver > 0 && { runsPassedOver }),
    ...(ownRunId !== undefined && { ownRunId }),
    ...log,
  });
  const readRun = async (id: string): Promise<ReadRun | undefined> => {
    const run = await histories.run(workflowId, id);
    return run && { ...run, id };
  };
  const named = await readRun(runId);
  /** What the lane's open run tells, where one that told of the event before is deleted. */
  const fromOpenRun = async (deleted: string): Promise<LoggedDelivery> => {
    const held = await stillHeld(histories, workflowId, { digest, acceptedAtMs: acceptedAt.getTime() });
    const expired = logged({ status: 'expired', attempts: [], interventions: [] }, deleted);
    if (held === 'unread') return { ...expired, incomplete: true };
    const { log, runId: open } = held ?? {};
    if (log && open !== undefined) return { ...logged(log, open), deletedBefore: true };
    return expired;
  };
  if (!named) return await fromOpenRun(runId);
  const { runs, isWhole } = await sinceTaken(named, digest, readRun, runsMax);
  let leaps = 0;
  let readFrom = 0;

  /** One that a replay sent the event to once it was settled. What retention has deleted adds nothing. */
  const laterRun = async (): Promise<ReadRun | undefined> => {
    for (const id of laterRunIds) {
      if (runs.length - readFrom >= runsMax || runs.some((run) => run.id === id)) continue;
      const later = await readRun(id);
      if (later) return later;
    }
    return undefined;
  };
  let settledIn: { run: ReadRun; interventions: number } | undefined;
  const records: LaneRecord[] = [];
  for (const run of runs) {
    // Of a run that a reset made, what it copied has been read.
    records.push(...(run === named ? run.records : ownRecords(run)));
    const log = deliveryLogOf(digest, records);
    if (ownRunId === undefined && deliversOf(run, digest)) ownRunId = run.id;
    if (final.has(log.status)) {
      if (settledIn?.interventions !== log.interventions.length)
        settledIn = { run, interventions: log.interventions.length };
      const later = run === runs.at(-1) ? await laterRun() : undefined;
      if (later) runs.push(later);
      else if (run === runs.at(-1)) return logged(log, settledIn.run.id);
      continue;
    }
    if (run !== runs.at(-1)) continue;
    let nextRunId = (await runAfter(run, digest, histories)) ?? (await resetOf(run, workflowId, histories, readRun));
    if (!nextRunId || runs.some(({ id }) => id === nextRunId)) break;
    if (runs.length - readFrom >= runsMax) {
      const last = leaps < leapsMax ? await lastRunHolding(histories, workflowId, nextRunId, digest) : undefined;
      if (!last) return { ...logged(log, run.id), incomplete: true };
      nextRunId = last.runId;
      if (last.as === 'queued') runsPassedOver += last.passed;
      leaps++;
      readFrom = runs.length;
    }
    const next = await readRun(nextRunId);
    if (!next) return await fromOpenRun(nextRunId);
    runs.push(next); // And is read in the next turn of this loop.
  }
  const lastRun = runs.at(-1) ?? named;
  const current = lastRun.id;
  const now = await histories.now(workflowId);
  const log = deliveryLogOf(digest, records, now.running);
  if (!inQueue.has(log.status)) return logged(log, current);
  // The lane knew it before, and no run that is left tells of it.
  if (!isWhole && log.status === 'queued' && log.attempts.length === 0) return await fromOpenRun(current);
  const status = waitingStatus(now.state);
  if (!isAgain && log.status === 'queued' && status !== 'queued' && wentOn(lastRun, now)) {
    // It came to hold after its history was read, which tells neither why nor whether the event is settled by now.
    return await readDelivery(histories, digest, indexed, runsMax, true);
  }
  return logged({ ...log, status }, current);
}

/** Whether the run's history has more by now than was read of it. */
const wentOn = (run: ReadRun, now: LaneNow): boolean =>
  now.runId === run.id && (now.historyEvents ?? 0) > run.historyEvents;

type ReadRun = LaneRun & { id: string };

/** As a replay reads the run. */
const deliversOf = (run: LaneRun, digest: string): boolean =>
  deliveredIn(ownRecords(run), Number.POSITIVE_INFINITY, digest).length > 0;

/** The log of an event that the open lane holds, in a segment of it too, as far as its run tells; undefined where it holds none, `unread` where it has more segments than are read. */
async function stillHeld(
  histories: Pick<DeliveryHistories, 'now' | 'run' | 'heldAt' | 'isInSegment'>,
  workflowId: string,
  looked: Looked,
): Promise<{ log: DeliveryLog; runId: string } | undefined | 'unread'> {
  const { runId, running, state } = await histories.now(workflowId);
  const { digest } = looked;
  const inMemory = runId === undefined ? undefined : await histories.heldAt(workflowId, runId, digest);
  if (runId === undefined || !inMemory) return undefined;
  const isInSegment = inMemory.as === 'none' && (await histories.isInSegment(workflowId, runId, looked));
  if (isInSegment === 'unread') return 'unread';
  if (inMemory.as === 'none' && !isInSegment) return undefined;
  const held: HeldInRun = isInSegment ? { as: 'queued' } : inMemory;
  const run = await histories.run(workflowId, runId);
  const log = deliveryLogOf(digest, run?.records ?? [], running, held);
  return { log: inQueue.has(log.status) ? { ...log, status: waitingStatus(state) } : log, runId };
}

/**
 * The run that comes next in the event's way. An event that went to an overflow segment comes back in the run that has read
 * it, which may be hundreds of runs later: the segment tells which. Undefined where there is none yet.
 */
async function runAfter(
  run: ReadRun,
  digest: string,
  histories: Pick<LaneHistories, 'readerOf'>,
): Promise<string | undefined> {
  const segmentId = segmentOf(digest, run.records);
  if (segmentId === undefined) return run.nextRunId;
  const reader = await histories.readerOf(segmentId);
  return reader === run.id ? run.nextRunId : reader;
}

/**
 * The run in which the lane goes on that a reset took back: of this one, of one before it, or of the one that it was made of.
 * Undefined where nobody reset it.
 */
async function resetOf(
  run: ReadRun,
  workflowId: string,
  histories: Pick<LaneHistories, 'resetRunOf'>,
  readRun: (id: string) => Promise<ReadRun | undefined>,
): Promise<string | undefined> {
  if (!run.isTerminated) return undefined;
  let at: ReadRun | undefined = run;
  for (let runs = 0; at && runs < runsReadMax; runs++) {
    for (const id of [at.id, ...at.resets.map(({ baseRunId }) => baseRunId)]) {
      const made = await histories.resetRunOf(workflowId, id);
      if (made !== undefined && made !== run.id) return made;
    }
    at = at.previousRunId === undefined ? undefined : await readRun(at.previousRunId);
  }
  return undefined;
}

/**
 * The run that the index names, and before it those back to the one that took the event in. The index names a later one where
 * the process that accepted the event died before it wrote that down: the second POST was stored in another run, which
 * dropped the event since the lane had it.
 */
async function sinceTaken(
  named: ReadRun,
  digest: string,
  readRun: (id: string) => Promise<ReadRun | undefined>,
  runsMax: number,
): Promise<{ runs: ReadRun[]; isWhole: boolean }> {
  const runs = [named];
  for (let first = named; first.beganKnowing(digest); ) {
    const previous = first.previousRunId && runs.length < runsMax ? await readRun(first.previousRunId) : undefined;
    if (!previous) return { runs, isWhole: false };
    runs.unshift(previous);
    first = previous;
  }
  return { runs, isWhole: true };
}

/** Why an event that waits in its lane is not being sent. */
function waitingStatus(laneState: string | undefined): DeliveryLog['status'] {
  if (laneState === 'Paused') return 'paused';
  if (laneState === 'Waiting') return 'waiting';
  return laneState === 'Suspended' ? 'suspended' : 'queued';
}

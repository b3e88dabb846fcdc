import type { Outcome, ProduceRequest } from '../domain/attempt.ts';
import type { Block } from '../domain/block.ts';
import { holderWorkflowType, type ReadBodies } from '../domain/bodies.ts';
import { suspensionFrom } from '../domain/laneHold.ts';
import { type LaneLogEntry, type LoggedBatch, outcomeEntries } from '../domain/laneLog.ts';
import { laneSignals } from '../domain/laneMessages.ts';
import { blockFrom, isFitting, noteFrom, resendNoteFrom, selectionFrom } from '../domain/laneSignals.ts';
import { type SegmentStart, segmentWorkflowType } from '../domain/overflow.ts';
import { replayNameOf } from '../domain/replayId.ts';
import { type HistoryEvent, msOf, resetIn } from './historyEvent.ts';
import type { LaneHistories } from './laneHistory.ts';

type Decoding = Pick<LaneHistories, 'decoded' | 'signalInputs' | 'messageOf'>;
/** Batches of a run that are not settled yet, by the number of the event that scheduled each. */
export type Batches = Map<string, LoggedBatch>;
type Told = Omit<LaneLogEntry, 'id' | 'atMs'> | undefined;

/** What one event of a run's history tells, in order. Notes batches for the events that settle them. */
export async function entriesOfEvent(
  decoding: Decoding,
  runId: string,
  event: HistoryEvent,
  batches: Batches,
): Promise<LaneLogEntry[]> {
  const atMs = msOf(event.eventTime);
  const { activityTaskScheduledEventAttributes: scheduled, activityTaskCompletedEventAttributes: completed } = event;
  if (scheduled?.activityType?.name === 'produce') {
    const [, block] = await decoding.decoded<[ProduceRequest, Block?]>(scheduled.input?.payloads);
    const ids = block?.entries.map(({ id }) => id);
    if (ids) batches.set(String(event.eventId), { activity: `${runId}/${scheduled.activityId}`, ids });
    return [];
  }
  const batch = completed && batches.get(String(completed.scheduledEventId));
  if (batch) {
    batches.delete(String(completed.scheduledEventId));
    const [outcome] = await decoding.decoded<[Outcome?]>(completed.result?.payloads);
    return outcome ? outcomeEntries(batch, outcome, atMs) : [];
  }
  const told =
    (await runTold(decoding, event)) ??
    (await workTold(decoding, event, batches)) ??
    (await segmentTold(decoding, event)) ??
    (await holderTold(decoding, event));
  const entry = told ?? (await signalTold(decoding, event));
  return entry ? [{ id: `${runId}/${event.eventId}`, atMs, ...entry }] : [];
}

/** How the run began, and how it ended. */
async function runTold(decoding: Decoding, event: HistoryEvent): Promise<Told> {
  const started = event.workflowExecutionStartedEventAttributes;
  if (started) return { kind: started.continuedExecutionRunId ? 'continued' : 'began' };
  const reset = resetIn(event);
  if (reset) return { kind: 'reset', reason: reset.reason };
  const terminated = event.workflowExecutionTerminatedEventAttributes;
  if (terminated)
    return { kind: 'ended', reason: `terminated: ${terminated.reason ?? ''}`, by: terminated.identity ?? undefined };
  const failed = event.workflowExecutionFailedEventAttributes;
  if (failed) return { kind: 'ended', reason: `failed: ${(await decoding.messageOf(failed.failure)) ?? ''}` };
  if (event.workflowExecutionCanceledEventAttributes) return { kind: 'ended', reason: 'cancelled' };
  if (event.workflowExecutionTimedOutEventAttributes) return { kind: 'ended', reason: 'timed out' };
  return event.workflowExecutionCompletedEventAttributes ? { kind: 'ended', reason: 'nothing left to do' } : undefined;
}

/** A batch whose activity failed for a reason that it did not foresee. */
async function workTold(decoding: Decoding, event: HistoryEvent, batches: Batches): Promise<Told> {
  const failed = event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes;
  const batch = failed && batches.get(String(failed.scheduledEventId));
  if (!batch) return undefined;
  batches.delete(String(failed.scheduledEventId));
  return {
    kind: 'failed',
    events: batch.ids.length,
    reason: (await decoding.messageOf(failed.failure)) ?? 'timed out',
  };
}

async function segmentTold(decoding: Decoding, event: HistoryEvent): Promise<Told> {
  const child = event.startChildWorkflowExecutionInitiatedEventAttributes;
  if (child?.workflowType?.name === segmentWorkflowType) {
    const [start] = await decoding.decoded<[SegmentStart?]>(child.input?.payloads?.slice(0, 1));
    return { kind: 'segmentOpened', segmentId: child.workflowId ?? undefined, events: start?.events };
  }
  const scheduled = event.activityTaskScheduledEventAttributes;
  if (scheduled?.activityType?.name !== 'readSegment') return undefined;
  const [request] = await decoding.decoded<[{ segmentId: string }?]>(scheduled.input?.payloads);
  return { kind: 'segmentRead', segmentId: request?.segmentId };
}

/** Bodies of dead letters that leave the lane, and some that it reads to send them. */
async function holderTold(decoding: Decoding, event: HistoryEvent): Promise<Told> {
  const child = event.startChildWorkflowExecutionInitiatedEventAttributes;
  if (child?.workflowType?.name === holderWorkflowType) {
    const [start] = await decoding.decoded<[SegmentStart?]>(child.input?.payloads?.slice(0, 1));
    return { kind: 'holderOpened', holderId: child.workflowId ?? undefined, events: start?.events };
  }
  const scheduled = event.activityTaskScheduledEventAttributes;
  if (scheduled?.activityType?.name !== 'readBodies') return undefined;
  const [request] = await decoding.decoded<[ReadBodies?]>(scheduled.input?.payloads);
  return { kind: 'holderRead', holderId: request?.holderId, events: request?.letters.length };
}

/** A signal as the lane took it. Temporal takes one of any name and input, and says so to who sent it: here it is seen that it changed nothing. */
async function signalTold(decoding: Decoding, event: HistoryEvent): Promise<Told> {
  const signal = event.workflowExecutionSignaledEventAttributes;
  const name = signal?.signalName;
  if (!signal || !name) return undefined;
  const inputs = await decoding.signalInputs(signal.input?.payloads);
  const ignored: Told = { kind: 'ignored', reason: name, by: signal.identity ?? undefined };
  return (inputs && takenSignal(name, inputs)) ?? ignored;
}

/** Undefined where no lane knows its name, or makes sense of its input. */
function takenSignal(name: string, [input, about]: readonly unknown[]): Told {
  if (!isFitting(name, input)) return undefined;
  if (name === laneSignals.enqueue) {
    const block = blockFrom(input);
    return block && { kind: 'accepted', events: block.entries.length };
  }
  if (name === laneSignals.resend) {
    const note = resendNoteFrom(about);
    const { replay, reason, by } = note ?? {};
    const replayId = replay && replayNameOf(replay);
    return note && { kind: 'replay', events: blockFrom(input)?.entries.length, replayId, reason, by };
  }
  if (name === laneSignals.replay || name === laneSignals.discard) {
    const selected = selectionFrom(input, name === laneSignals.replay ? 'all' : 'nothing');
    if (!selected) return undefined;
    const { digests, reason, by } = selected;
    return { kind: name, events: digests === 'all' ? undefined : digests.size, reason, by };
  }
  if (name === laneSignals.pause || name === laneSignals.resume) return { kind: name, ...noteFrom(input) };
  if (name === laneSignals.wake) return { kind: name };
  return name === laneSignals.suspend ? { kind: name, error: suspensionFrom(input)?.error } : undefined;
}

/** Finds an event's record among what Temporal keeps of its lane. Asks Temporal alone. */
import type { Client } from '@temporalio/client';
import type { ProduceRequest } from '../domain/attempt.ts';
import { type Block, type Delivery, deliveriesOf } from '../domain/block.ts';
import type { CarriedLane } from '../domain/carriedLane.ts';
import { carriesId } from '../domain/dedupWindow.ts';
import { eventIdOf } from '../domain/eventId.ts';
import type { LaneStart } from '../domain/lane.ts';
import { laneSignals } from '../domain/laneMessages.ts';
import { blockFrom } from '../domain/laneSignals.ts';
import { type SegmentStart, segmentWorkflowType } from '../domain/overflow.ts';
import type { SegmentHolding } from './heldInRuns.ts';
import type { HistoryEvent } from './historyEvent.ts';
import type { LaneCalls } from './laneCalls.ts';
import type { LaneHistories } from './laneHistory.ts';
import { bodiesIn } from './segments.ts';

/** Where the index says that an event was stored. `laterRunIds`: runs that got it once more. */
export type Stored = { workflowId: string; runId: string; acceptedAt: Date; laterRunIds?: string[] };

export type EventValueDependencies = {
  temporal: Client;
  histories: Pick<LaneHistories, 'eachEvent' | 'decoded' | 'signalInputs' | 'now'>;
  segmentHolding: SegmentHolding;
  lanes: Pick<LaneCalls, 'deadLetters'>;
};

/** Back from the run that the index names to the one that took the event in, so many are read at the most. */
const runsMax = 50;

type InRun = {
  found?: Delivery | undefined;
  /** Where the event came in before this run: the run before it. */
  before?: string | undefined;
};

/**
 * The record of one delivery of the event with that digest: its key, and its value to the byte. Undefined where retention has deleted
 * what held it, `unread` where the open lane may hold it in one of more segments than are read. Rejects with `temporal_unavailable`.
 */
export async function recordOf(
  known: EventValueDependencies,
  digest: string,
  { workflowId, runId, acceptedAt, laterRunIds = [] }: Stored,
): Promise<Delivery | undefined | 'unread'> {
  let next: string | undefined = runId;
  for (let runs = 0; next !== undefined && runs < runsMax; runs++) {
    const read: InRun | undefined = await readRun(known, workflowId, next, digest);
    if (read?.found) return read.found;
    next = read?.before;
  }
  for (const later of laterRunIds.slice(0, runsMax)) {
    const read = await readRun(known, workflowId, later, digest);
    if (read?.found) return read.found;
  }
  return await stillHeld(known, workflowId, { digest, acceptedAtMs: acceptedAt.getTime() });
}

/** What the open lane holds: in its memory, of a dead letter in a holder, or in a segment. */
async function stillHeld(
  known: EventValueDependencies,
  workflowId: string,
  looked: { digest: string; acceptedAtMs: number },
): Promise<Delivery | undefined | 'unread'> {
  const { digest } = looked;
  const { runId } = await known.histories.now(workflowId);
  if (runId === undefined) return undefined;
  const inMemory = (await readRun(known, workflowId, runId, digest))?.found;
  if (inMemory) return inMemory;
  // Before segments: of those many may have to be read.
  const letters = await known.lanes.deadLetters(workflowId);
  const letter = Array.isArray(letters) ? letters.find(({ eventId }) => eventId === eventIdOf(digest)) : undefined;
  if (letter?.bodyIn !== undefined) {
    return (await bodiesIn(known.temporal, letter.bodyIn))?.find(({ id }) => id === digest);
  }
  const segment = await known.segmentHolding(workflowId, runId, looked);
  return segment === 'unread' ? segment : segment && inBlocks(segment, digest);
}

const inBlocks = (blocks: readonly Block[], digest: string): Delivery | undefined => {
  const block = blocks.find(({ entries }) => entries.some(({ id }) => id === digest));
  return block && deliveriesOf(block).find(({ id }) => id === digest);
};

/** Undefined where retention has deleted the run. */
async function readRun(
  { histories }: EventValueDependencies,
  workflowId: string,
  runId: string,
  digest: string,
): Promise<InRun | undefined> {
  const read: InRun = {};
  let isKnown = false;
  const isThere = await histories.eachEvent(workflowId, runId, async (event) => {
    const started = event.workflowExecutionStartedEventAttributes;
    if (started) {
      const [, head, ...blocks] = await histories.decoded<[LaneStart?, CarriedLane?, ...Block[]]>(
        started.input?.payloads,
      );
      isKnown = head !== undefined && carriesId(head.seen, digest);
      if (isKnown) read.before = started.continuedExecutionRunId || undefined;
      read.found = inBlocks(blocks, digest);
    } else {
      read.found = inBlocks(await blocksOf(histories, event, isKnown), digest);
    }
    return read.found && 'enough';
  });
  return isThere ? read : undefined;
}

/**
 * The blocks that one event of a lane's history has. `isKnown`: the lane had the event before the run began, so that what a second POST
 * of it brought is dropped by the lane, and may have another payload.
 */
async function blocksOf(
  histories: Pick<LaneHistories, 'decoded' | 'signalInputs'>,
  event: HistoryEvent,
  isKnown: boolean,
): Promise<readonly Block[]> {
  const signal = event.workflowExecutionSignaledEventAttributes;
  if (signal) {
    const isTaken = signal.signalName === laneSignals.resend || (signal.signalName === laneSignals.enqueue && !isKnown);
    const [input] = (isTaken && (await histories.signalInputs(signal.input?.payloads))) || [];
    const block = input === undefined ? undefined : blockFrom(input);
    return block ? [block] : [];
  }
  const scheduled = event.activityTaskScheduledEventAttributes;
  if (scheduled?.activityType?.name === 'produce') {
    const [, block] = await histories.decoded<[ProduceRequest, Block?]>(scheduled.input?.payloads);
    return block ? [block] : [];
  }
  const child = event.startChildWorkflowExecutionInitiatedEventAttributes;
  if (child?.workflowType?.name !== segmentWorkflowType) return [];
  const [, ...blocks] = await histories.decoded<[SegmentStart, ...Block[]]>(child.input?.payloads);
  return blocks;
}

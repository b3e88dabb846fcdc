import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  condition,
  isCancellation,
  ParentClosePolicy,
  patched,
  proxyActivities,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { Failed } from '../domain/attempt.ts';
import type { Block } from '../domain/block.ts';
import { bodiesOf, holderWorkflowType, lettersToStore, named, numberTaken, stored } from '../domain/bodies.ts';
import { isToStore } from '../domain/deadLetters.ts';
import { type LaneStart, laneWorkflowId } from '../domain/lane.ts';
import {
  alreadyThere,
  closed,
  closedAtOnceMax,
  lostSegment,
  type OverflowSource,
  opened,
  overflowed,
  type RunLength,
  readBack,
  returned,
  toClose,
  toOverflow,
  toRead,
  toReturn,
} from '../domain/laneOverflow.ts';
import type { LaneState } from '../domain/laneState.ts';
import {
  eventsIn,
  type SegmentStart,
  segmentTaskQueue,
  segmentWorkflowId,
  segmentWorkflowType,
} from '../domain/overflow.ts';
import { failureOf } from './failureOf.ts';
import type { segment } from './segment.ts';

export type SegmentActivities = {
  /** Reads what a segment holds, as one block, and notes in its history which run of the lane has read it; closes `taken`. */
  readSegment(request: { segmentId: string; laneRunId: string; taken: string[] }): Promise<Block>;
  closeSegments(request: { taken: string[] }): Promise<void>;
};

// Both ask nothing but Temporal: what fails is tried again until it is there.
const { readSegment, closeSegments } = proxyActivities<SegmentActivities>({
  startToCloseTimeout: '15 seconds',
  retry: { initialInterval: '200 ms', backoffCoefficient: 2, maximumInterval: '5 seconds' },
});

export type LaneMemory = { state: LaneState };

/** The name of the lane's chain: a lane that closed and began anew has another one, a lane that was reset has the same. */
const chainName = (): string => workflowInfo().firstExecutionRunId.slice(0, 8);

/** Moves what is over the lane's bound into segments and back, and bodies of dead letters into holders, beside the lane's own work. */
export function overflowing(start: LaneStart, lane: LaneMemory, runLength: () => RunLength): { isBusy(): boolean } {
  let isBusy = false;
  // Holders and segments of numbers that were to be this run's.
  let met = 0;
  let segmentsMet = 0;
  const idOf = (number: number): string =>
    segmentWorkflowId(start.destinationId, start.lane, lane.state.overflow.name, number);

  const open = async (from: OverflowSource): Promise<void> => {
    lane.state = overflowed(lane.state, from, chainName());
    for (let { opening } = lane.state.overflow; opening; { opening } = lane.state.overflow) {
      const started = await startSegment(start, segmentWorkflowType, idOf(opening.number), opening);
      lane.state = started ? opened(lane.state) : alreadyThere(lane.state, toPassOver());
    }
  };
  /** Older code passed over one at a time: the second one that a run meets is where that differs. */
  const toPassOver = (): number => {
    const before = segmentsMet++;
    return before > 0 && patched('segments-passed-over') ? before : 0;
  };
  const store = async (): Promise<void> => {
    lane.state = named(lane.state, chainName());
    const letters = lettersToStore(lane.state);
    const blocks = bodiesOf(letters);
    for (let runId: string | undefined; runId === undefined; ) {
      const number = lane.state.overflow.nextNumber; // Which nobody takes meanwhile: segments are opened by this loop, too.
      runId = await startSegment(start, holderWorkflowType, idOf(number), { number, blocks });
      lane.state = runId ? stored(lane.state, letters, { number, runId }) : numberTaken(lane.state, number, met++);
    }
  };
  const read = async (number: number): Promise<void> => {
    const { taken } = lane.state.overflow;
    try {
      const { runId: laneRunId } = workflowInfo();
      const block = await readSegment({ segmentId: idOf(number), laneRunId, taken: taken.map(idOf) });
      lane.state = readBack(closed(lane.state, taken), block);
    } catch (error) {
      lane.state = lostSegment(lane.state, lossOf(idOf(number), error), Date.now());
    }
  };
  const close = async (): Promise<void> => {
    const { taken: all } = lane.state.overflow;
    const taken = isMuchToClose() ? all.slice(0, closedAtOnceMax) : all;
    await closeSegments({ taken: taken.map(idOf) });
    lane.state = closed(lane.state, taken);
  };
  const goBack = async (): Promise<void> => {
    lane.state = returned(lane.state);
  };
  const work = async (): Promise<void> => {
    for (;;) {
      await condition(() => next() !== undefined);
      isBusy = true;
      await next()?.();
      isBusy = false;
    }
  };
  // Holders are let go by the hundred: they are closed part by part, and before anything is read.
  const isMuchToClose = (): boolean => lane.state.overflow.taken.length > closedAtOnceMax && patched('closed-in-parts');
  const next = (): (() => Promise<void>) | undefined => {
    // Before it counts as full: a lane that older code began and that is full goes on once new code looks at it.
    if (isToStore(lane.state) && patched('holders')) return store;
    const from = toOverflow(lane.state, runLength());
    if (from) return () => open(from);
    if (isMuchToClose()) return close;
    if (toReturn(lane.state)) return goBack;
    const number = toRead(lane.state, runLength());
    if (number !== undefined) return () => read(number);
    return toClose(lane.state) ? close : undefined;
  };
  work().catch((error) => {
    if (!isCancellation(error)) throw error; // Fails the workflow task, which is seen.
  });
  return { isBusy: () => isBusy || lane.state.overflow.aside.returning !== undefined };
}

/** The run, once Temporal has started it; undefined where an open workflow has its id. */
async function startSegment(
  { destinationId, lane }: LaneStart,
  workflowType: typeof segmentWorkflowType | typeof holderWorkflowType,
  workflowId: string,
  { number, blocks }: { number: number; blocks: readonly Block[] },
): Promise<string | undefined> {
  const start: SegmentStart = { laneWorkflowId: laneWorkflowId(destinationId, lane), number, events: eventsIn(blocks) };
  try {
    const { firstExecutionRunId } = await startChild<typeof segment>(workflowType, {
      workflowId,
      taskQueue: segmentTaskQueue(workflowInfo().taskQueue),
      args: [start, ...blocks],
      parentClosePolicy: ParentClosePolicy.ABANDON,
    });
    return firstExecutionRunId;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
    throw error;
  }
}

function lossOf(segmentId: string, error: unknown): Failed {
  return {
    kind: 'destinationAtFault',
    ...failureOf(error),
    remedy: `Events of this lane are in workflow ${segmentId}, which can't be read; nothing is skipped. Look for it in Temporal (its history, the namespace's retention, an archive), then signal resume.`,
  };
}

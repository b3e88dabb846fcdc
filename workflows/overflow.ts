import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ActivityFailure,
  ApplicationFailure,
  condition,
  isCancellation,
  ParentClosePolicy,
  proxyActivities,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { Failed } from '../domain/attempt.ts';
import type { Block } from '../domain/block.ts';
import { type LaneStart, laneWorkflowId } from '../domain/lane.ts';
import {
  alreadyThere,
  closed,
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
import { eventsIn, type SegmentStart, segmentTaskQueue, segmentWorkflowId } from '../domain/overflow.ts';
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

/** Moves what is over the lane's bound into segments and back, beside the lane's own work. */
export function overflowing(start: LaneStart, lane: LaneMemory, runLength: () => RunLength): { isBusy(): boolean } {
  let isBusy = false;
  const idOf = (number: number): string =>
    segmentWorkflowId(start.destinationId, start.lane, lane.state.overflow.name, number);

  const open = async (from: OverflowSource): Promise<void> => {
    // The chain's name: a lane that closed and began anew has another one, a lane that was reset has the same.
    lane.state = overflowed(lane.state, from, workflowInfo().firstExecutionRunId.slice(0, 8));
    for (let { opening } = lane.state.overflow; opening; { opening } = lane.state.overflow) {
      const started = await startSegment(start, idOf(opening.number), opening);
      lane.state = started ? opened(lane.state) : alreadyThere(lane.state);
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
    const { taken } = lane.state.overflow;
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
  const next = (): (() => Promise<void>) | undefined => {
    const from = toOverflow(lane.state, runLength());
    if (from) return () => open(from);
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

/** Returns once Temporal has started it; false where an open one has its id. */
async function startSegment(
  { destinationId, lane }: LaneStart,
  workflowId: string,
  { number, blocks }: { number: number; blocks: readonly Block[] },
): Promise<boolean> {
  const start: SegmentStart = { laneWorkflowId: laneWorkflowId(destinationId, lane), number, events: eventsIn(blocks) };
  try {
    await startChild<typeof segment>('segment', {
      workflowId,
      taskQueue: segmentTaskQueue(workflowInfo().taskQueue),
      args: [start, ...blocks],
      parentClosePolicy: ParentClosePolicy.ABANDON,
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}

function lossOf(segmentId: string, error: unknown): Failed {
  if (isCancellation(error)) throw error;
  const cause = error instanceof ActivityFailure ? error.cause : error;
  return {
    kind: 'destinationAtFault',
    name: cause instanceof ApplicationFailure ? (cause.type ?? 'UNFORESEEN') : 'UNFORESEEN',
    message: cause instanceof Error ? cause.message : String(cause),
    remedy: `Events of this lane are in workflow ${segmentId}, which can't be read; nothing is skipped. Look for it in Temporal (its history, the namespace's retention, an archive), then signal resume.`,
  };
}

/** A lane whose events are so large that a few make a segment, with the segments that it opens. */
import { randomUUID } from 'node:crypto';
import { createSegmentActivities } from '../../activities/segments.ts';
import { blockOf } from '../../domain/block.ts';
import type { LaneLimits } from '../../domain/lane.ts';
import { segmentTaskQueue } from '../../domain/overflow.ts';
import { nothingSettled } from '../../domain/settledBefore.ts';
import { idOf } from './laneSteps.ts';
import type { TimeSkipping } from './timeSkipping.ts';
import { until } from './until.ts';
import { type Lane, newLane, type Produce, produceActivity, whileWorking } from './workflowLane.ts';

/** Four of these make a segment. */
const eventBytes = 250_000;
const filler = 'x'.repeat(eventBytes);

export type OverflowOptions = {
  limits?: Partial<LaneLimits>;
  /** 0: nothing of a lane is kept, so each of its tasks begins as on a worker that has never seen it. */
  maxCachedWorkflows?: number;
  /** Which segment is read where a lane asks for one. */
  segmentToRead?: (segmentId: string) => string;
  /** Which holder, in place of this. */
  holderToRead?: (holderId: string) => string;
};

function overflowing(server: TimeSkipping, lane: Lane) {
  const { handle, status, deadLetters } = lane;
  const enqueue = (n: number, key = 'k') =>
    lane.send(blockOf([{ id: idOf(n), key, value: Buffer.from(JSON.stringify({ n, filler })) }], Date.now(), 0));
  /** The segments and holders that the lane's runs have opened, in their order. */
  const segments = async (): Promise<string[]> => {
    const found: string[] = [];
    let runId: string | undefined = (await handle.describe()).runId;
    while (runId) {
      const { events } = await server.env.client.workflow.getHandle(handle.workflowId, runId).fetchHistory();
      const ids = events?.flatMap(
        (e) => e.childWorkflowExecutionStartedEventAttributes?.workflowExecution?.workflowId ?? [],
      );
      found.unshift(...(ids ?? []));
      runId = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId || undefined;
    }
    return found;
  };
  const stateOf = async (segmentId: string): Promise<string> =>
    (await server.env.client.workflow.getHandle(segmentId).describe()).status.name;
  return {
    handle,
    status,
    deadLetters,
    /** Sends one event, alone in its block. */
    enqueue,
    segments,
    stateOf,
    untilNoSegmentIsOpen: () =>
      until('no segment to be open', async () =>
        (await Promise.all((await segments()).map(stateOf))).every((state) => state === 'COMPLETED'),
      ),
    untilSegments: (moreThan: number) =>
      until('segments', status, ({ overflow }) => (overflow?.segments ?? 0) > moreThan),
  };
}

export type OverflowingLane = ReturnType<typeof overflowing>;

/** Runs a lane with this produce activity, and its segments, while `use` works with it. */
export async function withOverflowingLane(
  server: TimeSkipping,
  produce: Produce,
  use: (lane: OverflowingLane) => Promise<void>,
  { limits = {}, segmentToRead = (id) => id, holderToRead = (id) => id, ...options }: OverflowOptions = {},
): Promise<void> {
  const taskQueue = randomUUID();
  const segments = createSegmentActivities({
    temporal: server.env.client,
    settledBefore: { of: async () => nothingSettled() },
  });
  const ofSegments = await server.workflowWorker(segmentTaskQueue(taskQueue), { maxCachedWorkflows: 0 });
  const ofLanes = await server.workflowWorker(taskQueue, {
    ...options,
    activities: {
      ...segments,
      readSegment: (request: Parameters<typeof segments.readSegment>[0]) =>
        segments.readSegment({ ...request, segmentId: segmentToRead(request.segmentId) }),
      readBodies: (request: Parameters<typeof segments.readBodies>[0]) =>
        segments.readBodies({ ...request, holderId: holderToRead(request.holderId) }),
      produce: produceActivity(produce),
    },
  });
  const lane = newLane(server, taskQueue, limits);
  await ofSegments.runUntil(() => whileWorking(ofLanes, lane, () => use(overflowing(server, lane))));
}

import {
  ActivityCancellationType,
  continueAsNew,
  defineQuery,
  isCancellation,
  proxyActivities,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import { keeperTaskQueue } from '../domain/keeper.ts';
import { anyInput } from '../domain/payloadConverter.ts';
import {
  newReplayState,
  paged,
  pauseAfterMs,
  type ReplayPage,
  type ReplayPageRequest,
  type ReplayProgress,
  type ReplayStart,
  type ReplayState,
  replayQueries,
} from '../domain/replay.ts';

export type ReplayActivities = {
  /** Sends again, or counts, what the lanes of one page have parked that is meant. */
  replayPage(request: ReplayPageRequest): Promise<ReplayPage>;
};

export const progress = defineQuery<ReplayProgress>(replayQueries.progress, { typeInfo: anyInput });

/** A run continues as new once it has this many history events. */
const historyEventsMax = 1_000;

/** Sends dead letters again, page by page of lanes, at a bounded rate. Cancelled, it ends after the page that is under way. */
export async function replayDeadLetters(start: ReplayStart, from?: ReplayState): Promise<ReplayProgress> {
  let state = from ?? newReplayState(Date.now());
  setHandler(progress, () => state.progress);
  const { replayPage } = proxyActivities<ReplayActivities>({
    taskQueue: keeperTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '5 minutes',
    heartbeatTimeout: '15 seconds',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
  });
  try {
    for (;;) {
      const { startedAt } = state.progress;
      const page = await replayPage({ ...start, startedAt, page: state.page });
      state = paged(state, page);
      if (page.page === undefined) return { ...state.progress, status: 'done' };
      const pauseMs = pauseAfterMs(start, page);
      if (pauseMs > 0) await sleep(pauseMs);
      if (workflowInfo().historyLength >= historyEventsMax) {
        await continueAsNew<typeof replayDeadLetters>(start, state);
      }
    }
  } catch (error) {
    if (!isCancellation(error)) throw error;
    return { ...state.progress, status: 'cancelled' };
  }
}

import {
  ActivityCancellationType,
  ApplicationFailure,
  CancellationScope,
  continueAsNew,
  defineQuery,
  isCancellation,
  patched,
  proxyActivities,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import { keeperTaskQueue } from '../domain/keeper.ts';
import { restOf } from '../domain/passedOver.ts';
import { anyInput } from '../domain/payloadConverter.ts';
import {
  clocksDifferMs,
  countEnd,
  countEnded,
  defaultReplayLimits,
  listed,
  newReplayState,
  nextStep,
  paged,
  pauseAfterMs,
  type ReplayAction,
  type ReplayProgress,
  type ReplayStart,
  type ReplayState,
  type ReplayStep,
  read,
  replayQueries,
} from '../domain/replay.ts';
import type {
  DiscardPageRequest,
  FoundRuns,
  ReplayPage,
  ReplayPageRequest,
  ResendRequest,
  Resent,
  RunsRequest,
} from '../domain/replayCalls.ts';
import { replayStartFrom } from '../domain/replayInput.ts';

export type ReplayActivities = {
  /** Sends again, or counts, what the lanes of one page have parked that is meant. */
  replayPage(request: ReplayPageRequest): Promise<ReplayPage>;
  /** Gives up what the lanes of one page have parked that is meant. */
  discardPage(request: DiscardPageRequest): Promise<ReplayPage>;
  /** Lists the runs of lanes in one slice of time. */
  listRuns(request: RunsRequest): Promise<FoundRuns>;
  /** Sends again, or counts, what these runs have delivered that is meant; at the replay's rate, for some seconds. */
  resendRuns(request: ResendRequest): Promise<Resent>;
};

/** What a replay ends with: how far it came, and what it needs to go on if it was cancelled. */
export type ReplayResult = ReplayProgress & { rest?: { start: ReplayStart; state: ReplayState } };

export const progress = defineQuery<ReplayProgress>(replayQueries.progress, { typeInfo: anyInput });

/** Visibility lags behind by so much, in ms: what closed before the replay began is listed as closed by then. */
const visibilityLagMs = 3_000;

/** Sends events again that a filter names, at a bounded rate. Cancelled, it ends after a few, and can be continued. */
export const replayEvents = (given: ReplayStart, from?: ReplayState): Promise<ReplayResult> =>
  run('replay', given, from);

/** Gives dead letters up that a filter names, and no more than it has counted, but for a page cut short (docs/decisions/replay.md). Else it is as {@link replayEvents}. */
export const discardEvents = (given: ReplayStart, from?: ReplayState): Promise<ReplayResult> =>
  run('discard', given, from);

async function run(action: ReplayAction, given: ReplayStart, from: ReplayState | undefined): Promise<ReplayResult> {
  const start = from ? given : checked(action, given);
  let state = from ?? newReplayState(start, Date.now(), patched('clocks-differ') ? clocksDifferMs : undefined);
  setHandler(progress, () => state.progress);
  const { historyEventsMax } = start.limits ?? defaultReplayLimits;
  const scope = CancellationScope.current();
  try {
    if (!from && start.of !== 'parked' && !start.named) await sleep(visibilityLagMs);
    for (let step = nextStep(start, state); step.kind !== 'over'; step = nextStep(start, state)) {
      const took = await taken(action, start, state, step);
      state = took.state;
      if (scope.consideredCancelled) return cancelled(start, state);
      const ended = countEnd(start, state, Date.now());
      // One that older code began may have counted on.
      if (ended && patched('counting-ends')) state = countEnded(state, ended);
      if (took.pauseMs > 0) await sleep(took.pauseMs);
      if (workflowInfo().historyLength >= historyEventsMax) {
        await continueAsNew<typeof replayEvents>(start, state);
      }
    }
    return over(start, state);
  } catch (error) {
    // An activity whose worker dies is not tried again once it is cancelled: what it did, lanes know.
    if (!scope.consideredCancelled && !isCancellation(error)) throw error;
    return cancelled(start, state);
  }
}

/** Begun by hand it may be anything: without this a typo would be tried for ever. */
function checked(action: ReplayAction, given: unknown): ReplayStart {
  const start = replayStartFrom(given, workflowInfo(), action);
  if (!('problem' in start)) return start;
  throw ApplicationFailure.nonRetryable(`${start.problem}. Nothing was sent.`, 'replay_input_invalid');
}

/** Where lanes were passed over, it can be continued with what is left. */
function over(start: ReplayStart, state: ReplayState): ReplayResult {
  const rest = restOf(state);
  return rest ? { ...state.progress, rest: { start, state: rest } } : state.progress;
}

const cancelled = (start: ReplayStart, state: ReplayState): ReplayResult =>
  nextStep(start, state).kind === 'over'
    ? over(start, state)
    : { ...state.progress, status: 'cancelled', rest: { start, state } };

/** The state after a step, and how long what it sent takes at the replay's rate. */
async function taken(
  action: ReplayAction,
  start: ReplayStart,
  state: ReplayState,
  step: ReplayStep,
): Promise<{ state: ReplayState; pauseMs: number }> {
  const { replayPage, discardPage, listRuns, resendRuns } = proxyActivities<ReplayActivities>({
    taskQueue: keeperTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '5 minutes',
    heartbeatTimeout: '10 seconds',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
  });
  if (step.kind === 'list') {
    const found = await listRuns(step.request);
    return { state: listed(start, state, found, patched('runs-are-late')), pauseMs: 0 };
  }
  if (step.kind === 'runs') {
    const done = await resendRuns(step.request);
    return { state: read(start, state, done, patched('lanes-left-whole')), pauseMs: 0 };
  }
  if (step.kind === 'over') return { state, pauseMs: 0 };
  const { events, total = 0 } = state.progress;
  const isDiscard = action === 'discard' && state.pass === 'send';
  const page = await (isDiscard
    ? discardPage({ ...step.request, room: Math.max(total - events, 0) })
    : replayPage(step.request));
  return { state: paged(start, state, page, patched('lanes-swept')), pauseMs: pauseAfterMs(start, state, page) };
}

/**
 * A replay of events that a filter names: dead letters, delivered ones, or both, over any number of lanes. Pure;
 * workflows/replay.ts asks, waits and remembers. docs/decisions/replay.md
 */
import { isStalled, type LeftMax, type LeftRun, leftLanes, partedBy, withLeft } from './passedOver.ts';
import type { FoundRuns, ReplayPage, ReplayPageRequest, ResendRequest, Resent, RunsRequest } from './replayCalls.ts';
import type { ReplayFilter } from './replayFilter.ts';
import { following, type Slice, smaller } from './replaySlice.ts';

export const replayWorkflowType = 'replayEvents';
/**
 * The same, with dead letters given up in place of sent again. It has a type of its own, and so has its activity: an older worker, which
 * would take it for a replay, leaves it to a newer one.
 */
export const discardWorkflowType = 'discardEvents';
export const replayActions = ['replay', 'discard'] as const;
export type ReplayAction = (typeof replayActions)[number];
export const replayWorkflowId = (id: string): string => `replay:${id}`;
export const replayQueries = { progress: 'progress' } as const;

export const replayStatuses = ['parked', 'delivered', 'any'] as const;
export type ReplayOf = (typeof replayStatuses)[number];

export type RunToRead = { workflowId: string; runId: string };

/** Events that are named one by one, and where they are. */
export type NamedEvents = {
  ids: string[];
  /** Lanes in which some are parked, by workflow id. */
  lanes: string[];
  /** Runs that have delivered some. */
  runs: RunToRead[];
};

export type ReplayStart = {
  id: string;
  of: ReplayOf;
  filter: ReplayFilter;
  named?: NamedEvents | undefined;
  /** Only count them. */
  dryRun: boolean;
  eventsPerSecond: number;
  /** With more than this nothing is sent. */
  eventsMax: number;
  /** What was closed before may be deleted: the namespace's retention when it began. */
  historySince?: string | undefined;
  reason?: string | undefined;
  by: string;
  /** Absent: the default ones. */
  limits?: ReplayLimits | undefined;
};

export type ReplayLimits = {
  /** A run of the workflow continues as new once it has this many history events. */
  historyEventsMax: number;
  /** So long may a dry run count, in ms; one that is to send counts to its end, or to more than `eventsMax`. */
  countMsMax: number;
};
export const defaultReplayLimits: ReplayLimits = { historyEventsMax: 1_000, countMsMax: 15 * 60 * 1_000 };

export type ReplayProgress = {
  status: 'running' | 'done' | 'cancelled' | 'tooMany' | 'tooLong' | 'stalled';
  /** Sent again; with `dryRun`, that would be. Of dead letters more may be, where a worker died or it was cancelled. */
  events: number;
  /** How many events were named by their ids. With fewer `events` some were not found where they were to be. */
  named?: number | undefined;
  /** How many were counted before the first was sent; with `tooMany` and `tooLong` there may be more, for counting ended there. */
  total?: number | undefined;
  /** Lanes that had dead letters that are meant. */
  lanes: number;
  /** Lanes that did not answer, or had too much waiting for long: nothing is sent to them. */
  unanswered: number;
  /** Those of them that were asked for dead letters, which continuing does not: another replay of the dead letters alone does. */
  unansweredParked?: number | undefined;
  /** Delivered events that were not sent for that, and the first of their lanes, by workflow id: continued, it sends these alone. */
  unansweredEvents?: number | undefined;
  unansweredLanes?: string[] | undefined;
  /** Runs of lanes that were read for delivered events, and those that retention had deleted. */
  runs: number;
  deletedRuns: number;
  /** Runs that closed before this may be deleted, and what they delivered is not found. */
  historySince?: string | undefined;
  eventsPerSecond: number;
  startedAt: string;
};

type Phase = 'parked' | 'closed' | 'open' | 'over';

export type ReplayState = {
  progress: ReplayProgress;
  /** First they are counted. */
  pass: 'count' | 'send';
  phase: Phase;
  /** Where the list of lanes with dead letters goes on. */
  page?: string | undefined;
  /** How often the list was gone through before, and what was found in it this time. */
  sweep?: { number: number; events: number } | undefined;
  /** Runs are listed by the time when they closed, or began, one slice after the other. */
  slice: Slice;
  runs: readonly RunToRead[];
  /** Counts runs: what a lane is sent has a round and a part, and never a smaller one than before. */
  round: number;
  part: number;
  /** What is left of lanes that were passed over, and what of that is tried once more, before all else. */
  left?: readonly LeftRun[] | undefined;
  again?: readonly LeftRun[] | undefined;
  leftMax?: LeftMax | undefined;
  /** They were tried once more. */
  isTriedAgain?: true | undefined;
  /** By so much Temporal's clock may be behind the API's, in ms; absent in a replay that older code began. */
  clocksDifferMs?: number | undefined;
};

/** What a replay does next. */
export type ReplayStep =
  | { kind: 'parked'; request: ReplayPageRequest }
  | { kind: 'list'; request: RunsRequest }
  | { kind: 'runs'; request: ResendRequest }
  | { kind: 'over' };

/** Lanes with few events are read and sent to in one go: a step costs more than they do. */
const runsAtOnce = 20;

/** Who accepts an event tells its time, and Temporal when a run closed: of two machines. */
export const clocksDifferMs = 60_000;

export const newReplayState = (start: ReplayStart, nowMs: number, differMs?: number): ReplayState =>
  begun(start, {
    ...(differMs !== undefined && { clocksDifferMs: differMs }),
    progress: {
      ...{ status: 'running', events: 0, lanes: 0, unanswered: 0, runs: 0, deletedRuns: 0 },
      ...{ historySince: start.historySince, eventsPerSecond: start.eventsPerSecond },
      ...(start.named && { named: new Set(start.named.ids).size }),
      startedAt: new Date(nowMs).toISOString(),
    },
    ...{ pass: 'count', phase: 'over', slice: { afterMs: 0, widthMs: 0 }, runs: [], round: 0, part: 0 },
  });

/** The state at the beginning of its pass. */
const begun = (start: ReplayStart, state: ReplayState): ReplayState =>
  start.of === 'delivered' ? inPhase(start, state, 'closed') : inPhase(start, state, 'parked');

function inPhase({ named, filter, of }: ReplayStart, state: ReplayState, phase: Phase): ReplayState {
  const next = { ...state, phase, page: undefined, sweep: undefined };
  if (phase === 'parked' || phase === 'over') return next;
  if (of === 'parked') return { ...next, phase: 'over' };
  if (named)
    return phase === 'closed'
      ? { ...next, runs: named.runs, slice: { afterMs: 0, widthMs: 0 } }
      : { ...next, phase: 'over' };
  // What was accepted later was not delivered by a run that had closed by then. Which runs are read, no more: each event's own time of
  // acceptance is looked at when its run is (`ofTime` in activities/resend.ts), so that the margin lets none in.
  const isBounded = phase === 'closed' && filter.acceptedFrom !== undefined;
  const fromMs = isBounded ? Date.parse(filter.acceptedFrom ?? '') - (state.clocksDifferMs ?? 0) - 1 : 0;
  const afterMs = Math.max(fromMs, 0);
  return { ...next, slice: { afterMs, widthMs: Math.max(endMs(state) - afterMs, 0) } };
}

const endMs = ({ progress }: ReplayState): number => Date.parse(progress.startedAt);

export function nextStep(start: ReplayStart, state: ReplayState): ReplayStep {
  const { id, filter, named, reason, by, eventsPerSecond } = start;
  const { phase, page, sweep, runs, slice, round, part, left, again = [] } = state;
  const { startedAt, status } = state.progress;
  const dryRun = state.pass === 'count';
  const asked = { id, filter, reason, by, eventsPerSecond, ids: named?.ids, passedOver: leftLanes(left) };
  const [first] = again;
  if (status === 'stalled') return { kind: 'over' };
  if (first) {
    const { workflowId, runId, ...place } = first;
    return { kind: 'runs', request: { ...asked, dryRun, startedAt, runs: [{ workflowId, runId }], ...placeOf(place) } };
  }
  if (phase === 'over') return { kind: 'over' };
  if (phase === 'parked')
    return {
      kind: 'parked',
      request: { id, filter, named, reason, by, dryRun, startedAt, page, sweep: sweep?.number },
    };
  if (runs.length > 0) {
    return { kind: 'runs', request: { ...asked, dryRun, startedAt, runs: runs.slice(0, runsAtOnce), round, part } };
  }
  const { afterMs, widthMs } = slice;
  return { kind: 'list', request: { filter, of: phase, startedAt, afterMs, toMs: afterMs + widthMs } };
}

const placeOf = ({ round, part }: Pick<LeftRun, 'round' | 'part'>) => ({ round, part });

/** The state where a phase may be over: then the next one, the next pass, or the end. */
function onward(start: ReplayStart, state: ReplayState): ReplayState {
  if (state.again && state.again.length > 0) return state;
  if (state.phase === 'parked') return onward(start, inPhase(start, state, 'closed'));
  if (state.phase !== 'over' && (state.runs.length > 0 || state.slice.widthMs > 0)) return state;
  if (state.phase === 'closed') return onward(start, inPhase(start, state, 'open'));
  const over: ReplayState = { ...state, phase: 'over' };
  const { progress } = over;
  if (state.pass === 'send') {
    if (state.left && state.left.length > 0 && !state.isTriedAgain) {
      return withLeft({ ...over, isTriedAgain: true }, [], state.left);
    }
    return { ...over, progress: { ...progress, status: 'done' } };
  }
  if (progress.events > start.eventsMax) return countEnded(state, 'tooMany');
  if (start.dryRun) return { ...over, progress: { ...progress, status: 'done' } };
  const none = { events: 0, lanes: 0, unanswered: 0, unansweredParked: 0, runs: 0, deletedRuns: 0 };
  return begun(start, { ...over, pass: 'send', progress: { ...progress, ...none, total: progress.events } });
}

/** Why counting need not go on: nothing is sent whatever it finds, or nobody should wait for it any longer. */
export function countEnd(start: ReplayStart, state: ReplayState, nowMs: number): 'tooMany' | 'tooLong' | undefined {
  if (state.pass !== 'count' || state.phase === 'over') return undefined;
  if (state.progress.events > start.eventsMax) return 'tooMany';
  const { countMsMax } = start.limits ?? defaultReplayLimits;
  return start.dryRun && nowMs - endMs(state) > countMsMax ? 'tooLong' : undefined;
}

/** The state of a replay that sends nothing, for what it has counted so far. */
export const countEnded = (state: ReplayState, status: 'tooMany' | 'tooLong'): ReplayState => ({
  ...state,
  phase: 'over',
  progress: { ...state.progress, status, total: state.progress.events, events: 0 },
});

/** So often the lanes with dead letters are gone through once more. */
const sweepsMax = 10;

/**
 * `isSwept`: what is sent goes through the lanes until none is left, for one that goes on in a new run meanwhile comes to stand before
 * those that are still to be listed, and one that did not answer may answer then. Older code went through them once.
 */
export function paged(start: ReplayStart, state: ReplayState, found: ReplayPage, isSwept = true): ReplayState {
  const { progress, sweep = { number: 0, events: 0 } } = state;
  const events = sweep.events + found.events;
  const next: ReplayState = {
    ...state,
    page: found.page,
    sweep: isSwept && found.page !== undefined ? { ...sweep, events } : undefined,
    progress: {
      ...progress,
      events: progress.events + found.events,
      lanes: progress.lanes + found.lanes,
      unanswered: progress.unanswered + found.unanswered,
      unansweredParked: (progress.unansweredParked ?? 0) + found.unanswered,
    },
  };
  if (found.page !== undefined) return next;
  const isOnceMore = events > 0 || (next.progress.unanswered > 0 && sweep.number === 0);
  if (!isSwept || start.named || state.pass === 'count' || !isOnceMore || sweep.number === sweepsMax) {
    return onward(start, next);
  }
  const again = { number: sweep.number + 1, events: 0 };
  return { ...next, sweep: again, progress: { ...next.progress, unanswered: 0, unansweredParked: 0 } };
}

/** `isLate`: it is looked for runs where most are, near the end; older code went by halves alone. */
export function listed(
  start: ReplayStart,
  state: ReplayState,
  { runs, isTooMany }: FoundRuns,
  isLate = true,
): ReplayState {
  if (isTooMany) return { ...state, slice: smaller(state.slice, isLate) };
  return onward(start, { ...state, slice: following(state.slice, endMs(state)), runs });
}

/** `isWhole`: a lane that is tried again in vain is left with all of its runs; older code tried each. */
export function read(start: ReplayStart, state: ReplayState, done: Resent, isWhole = true): ReplayState {
  const { progress, round, left = [], again = [] } = state;
  const [first, ...others] = again;
  const isAgain = first !== undefined;
  const place = { runs: state.runs.slice(done.runs), round: round + done.runs, part: done.nextPart ?? 0 };
  const counted: ReplayState = {
    ...state,
    ...(!isAgain && place),
    progress: {
      ...progress,
      events: progress.events + done.events,
      runs: progress.runs + (isAgain ? 0 : done.runs),
      deletedRuns: progress.deletedRuns + done.deletedRuns,
    },
  };
  const goesOn = isAgain && done.runs === 0;
  const rest = goesOn ? [{ ...first, part: done.nextPart ?? first.part, events: first.events - done.events }] : [];
  const isInVain = isWhole && isAgain && done.left !== undefined;
  const [ofLane, ofOthers] = isInVain ? partedBy(others, first.workflowId) : [[], others];
  const next = withLeft(counted, [...left, ...(done.left ?? []), ...ofLane], [...rest, ...ofOthers]);
  const on = onward(start, next);
  return on.phase !== 'over' && isStalled(next) ? { ...on, progress: { ...on.progress, status: 'stalled' } } : on;
}

/** How long the dead letters of a page take at the rate that is wanted, in ms. */
export const pauseAfterMs = (
  { eventsPerSecond }: ReplayStart,
  { pass }: ReplayState,
  { events }: ReplayPage,
): number => (pass === 'count' ? 0 : (events * 1_000) / eventsPerSecond);

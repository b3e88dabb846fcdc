/**
 * Lanes that a replay of delivered events passes over, for they do not answer or have too much waiting: they are tried once more at its
 * end, and what is left then can be sent by continuing the replay. Pure.
 */
import type { ReplayProgress, ReplayState, RunToRead } from './replay.ts';

/** What a run delivered that was not sent: from this part on, so many events. Its round is its own, for lanes know parts by it. */
export type LeftRun = RunToRead & { round: number; part: number; events: number };

/** With more lanes than this left it ends, for it remembers each of their runs; continued it goes on with the others, to as many more. */
export const leftLanesMax = 100;
/** And with more runs. */
export const leftRunsMax = 2_000;
/** With so many it goes on with what is left alone. A run takes some 170 bytes of the state, a lane 60 of each request. */
const leftAtMost = { lanes: 3 * leftLanesMax, runs: 3 * leftRunsMax };
/** How many may be left before it ends. */
export type LeftMax = { lanes: number; runs: number };
/** So many of them are named. */
const lanesNamedMax = 10;

export const leftLanes = (left: readonly LeftRun[] = []): string[] => [
  ...new Set(left.map(({ workflowId }) => workflowId)),
];

/** The state with these left, and these to be tried once more; its progress tells of both. */
export function withLeft(state: ReplayState, left: readonly LeftRun[], again: readonly LeftRun[]): ReplayState {
  const before = leftLanes([...(state.left ?? []), ...(state.again ?? [])]).length;
  const all = [...left, ...again];
  if (before === 0 && all.length === 0) return state;
  const lanes = leftLanes(all);
  const { unansweredEvents: _, unansweredLanes: __, ...others } = state.progress;
  const progress: ReplayProgress = {
    ...others,
    unanswered: others.unanswered - before + lanes.length,
    ...(lanes.length > 0 && {
      unansweredEvents: all.reduce((sum, { events }) => sum + events, 0),
      unansweredLanes: lanes.slice(0, lanesNamedMax),
    }),
  };
  return { ...state, left, again, progress };
}

/** Whether it ends for that, though there is more to send. */
export const isStalled = ({ left = [], leftMax = { lanes: leftLanesMax, runs: leftRunsMax } }: ReplayState): boolean =>
  leftLanes(left).length > leftMax.lanes || left.length > leftMax.runs;

/** What of the runs is of this lane, and what is not. */
export const partedBy = (runs: readonly LeftRun[], lane: string): [of: LeftRun[], others: LeftRun[]] => [
  runs.filter(({ workflowId }) => workflowId === lane),
  runs.filter(({ workflowId }) => workflowId !== lane),
];

/**
 * Where it goes on when it is continued; undefined where nothing is left. One that has been to all lanes tries what is left. One that
 * ended for how much was left goes to the others first: what is left would bring it to the same end at once.
 */
export function restOf(state: ReplayState): ReplayState | undefined {
  const { left = [], again = [], progress } = state;
  if (left.length === 0) return undefined;
  const running: ReplayState = { ...state, progress: { ...progress, status: 'running' } };
  const all = [...left, ...again];
  const lanes = leftLanes(all).length;
  const goesOn = progress.status === 'stalled' && lanes < leftAtMost.lanes && all.length < leftAtMost.runs;
  if (!goesOn) return withLeft(running, [], all);
  const leftMax = { lanes: lanes + leftLanesMax, runs: all.length + leftRunsMax };
  return withLeft({ ...running, leftMax, isTriedAgain: undefined }, all, []);
}

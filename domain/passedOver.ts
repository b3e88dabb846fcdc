/**
 * Lanes that a replay of delivered events passes over, for they do not answer or have too much waiting: they are tried once more at its
 * end, and what is left then can be sent by continuing the replay. Pure.
 */
import type { ReplayProgress, ReplayState, RunToRead } from './replay.ts';

/** What a run delivered that was not sent: from this part on, so many events. Its round is its own, for lanes know parts by it. */
export type LeftRun = RunToRead & { round: number; part: number; events: number };

/** With more lanes than this left a replay ends, for it remembers each of their runs. */
export const leftLanesMax = 100;
/** And with more runs. */
const leftRunsMax = 500;
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
export const isStalled = ({ left = [] }: ReplayState): boolean =>
  leftLanes(left).length > leftLanesMax || left.length > leftRunsMax;

/** Where it goes on when it is continued: what is left first. Undefined where nothing is. */
export function restOf(state: ReplayState): ReplayState | undefined {
  const { left = [], again = [], progress } = state;
  if (left.length === 0) return undefined;
  const running: ReplayState = { ...state, progress: { ...progress, status: 'running' } };
  return withLeft(running, [], [...left, ...again]);
}

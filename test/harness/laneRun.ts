import type { LaneRun } from '../../activities/laneHistory.ts';

/** A run of a lane as it is read: the only one, still going on, with nothing in it. Tests say what is otherwise. */
export const onlyRun: LaneRun = {
  records: [],
  historyEvents: 1,
  previousRunId: undefined,
  nextRunId: undefined,
  isTerminated: false,
  resets: [],
  copiedRecords: 0,
  beganKnowing: () => false,
};

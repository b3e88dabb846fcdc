/** What a replay's workflow asks of its activities, and what they answer. */
import type { LeftRun } from './passedOver.ts';
import type { ReplayProgress, ReplayStart, RunToRead } from './replay.ts';
import type { ReplayFilter } from './replayFilter.ts';

export type ReplayPageRequest = Pick<ReplayStart, 'id' | 'filter' | 'named' | 'reason' | 'by'> & {
  dryRun: boolean;
  startedAt: string;
  page?: string | undefined;
  /** Absent in the first one. */
  sweep?: number | undefined;
};
/** `room`: so many are given up at the most, for no more may be than were counted. */
export type DiscardPageRequest = ReplayPageRequest & { room: number };
export type ReplayPage = Pick<ReplayProgress, 'events' | 'lanes' | 'unanswered'> & { page?: string | undefined };

/** Runs that closed by the replay's start, in the order in which they closed; or that were open then, in that of their starts. */
export type RunsRequest = {
  filter: ReplayFilter;
  of: 'closed' | 'open';
  startedAt: string;
  afterMs: number;
  toMs: number;
};
/** `isTooMany`: the slice is to be made smaller. */
export type FoundRuns = { runs: RunToRead[]; isTooMany: boolean };

export type ResendRequest = Pick<ReplayStart, 'id' | 'filter' | 'eventsPerSecond' | 'reason' | 'by'> & {
  ids?: string[] | undefined;
  dryRun: boolean;
  startedAt: string;
  /** The first has this round and goes on with this part; each further one has the next round, and begins. */
  runs: readonly RunToRead[];
  round: number;
  part: number;
  /** Lanes that get nothing; absent where the workflow is of older code, which knows nothing of `left`. */
  passedOver?: string[] | undefined;
};
/** So many `runs` are done with, of which retention had deleted some. `nextPart`: where it goes on with the next one, if it has begun. */
export type Resent = {
  events: number;
  runs: number;
  deletedRuns: number;
  nextPart?: number | undefined;
  /** What was left out of the runs that are done with. */
  left?: LeftRun[] | undefined;
};

/** A replay of dead letters that a filter names, over any number of lanes. Pure; workflows/replay.ts pages, waits and remembers. */
import type { ParkedEvent } from './laneMessages.ts';

export const replayWorkflowType = 'replayDeadLetters';
export const replayWorkflowId = (id: string): string => `replay:${id}`;
export const replayQueries = { progress: 'progress' } as const;

/** Which dead letters: of a destination or a customer, and each that is given must fit. Times are RFC 3339. */
export type ReplayFilter = {
  destinationId?: string | undefined;
  customerExternalId?: string | undefined;
  /** The name of the error that they were parked for. */
  error?: string | undefined;
  parkedFrom?: string | undefined;
  parkedTo?: string | undefined;
};

export type ReplayStart = {
  id: string;
  filter: ReplayFilter;
  /** Only count them. */
  dryRun: boolean;
  eventsPerSecond: number;
  reason?: string | undefined;
  by: string;
};

export type ReplayProgress = {
  status: 'running' | 'done' | 'cancelled';
  /** Dead letters that were sent again, or more, where a worker died or the replay was cancelled; with `dryRun`, that would be. */
  events: number;
  /** Lanes that had some. */
  lanes: number;
  /** Lanes that hold dead letters and did not answer: replay once more when a worker has time for them. */
  unanswered: number;
  startedAt: string;
};

export type ReplayState = { progress: ReplayProgress; page?: string | undefined };

export type ReplayPageRequest = ReplayStart & { startedAt: string; page?: string | undefined };
export type ReplayPage = Pick<ReplayProgress, 'events' | 'lanes' | 'unanswered'> & { page?: string | undefined };

export const newReplayState = (nowMs: number): ReplayState => ({
  progress: { status: 'running', events: 0, lanes: 0, unanswered: 0, startedAt: new Date(nowMs).toISOString() },
});

export const paged = ({ progress }: ReplayState, { events, lanes, unanswered, page }: ReplayPage): ReplayState => ({
  progress: {
    ...progress,
    events: progress.events + events,
    lanes: progress.lanes + lanes,
    unanswered: progress.unanswered + unanswered,
  },
  page,
});

/** How long the events of a page take at the rate that is wanted, in ms. */
export const pauseAfterMs = ({ dryRun, eventsPerSecond }: ReplayStart, { events }: ReplayPage): number =>
  dryRun ? 0 : (events * 1_000) / eventsPerSecond;

/** Whether a dead letter is meant. What was parked since the replay began is not: it may be one that was sent again, in vain. */
export function isMeant({ error, parkedAt }: ParkedEvent, filter: ReplayFilter, startedAt: string): boolean {
  const atMs = Date.parse(parkedAt);
  if (atMs > Date.parse(startedAt)) return false;
  if (filter.error !== undefined && error.name !== filter.error) return false;
  if (filter.parkedFrom !== undefined && atMs < Date.parse(filter.parkedFrom)) return false;
  return filter.parkedTo === undefined || atMs < Date.parse(filter.parkedTo);
}

import { Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { isMeant, type ReplayPage, type ReplayPageRequest } from '../domain/replay.ts';
import type { LaneCalls } from './laneCalls.ts';
import type { ListedLane, ListLanes } from './laneList.ts';

export type ReplayDependencies = { list: ListLanes; lanes: Pick<LaneCalls, 'deadLetters' | 'signal'> };
export type ReplayActivity = { replayPage(request: ReplayPageRequest): Promise<ReplayPage> };

/** Few: what a page sends goes out at once, and the replay waits for its rate after it. */
const lanesOfPage = 10;
const heartbeatEveryMs = 5_000;

/** What a replay does in the world: it asks lanes for their dead letters, and signals those that are meant. */
export function createReplayActivities({ list, lanes }: ReplayDependencies): ReplayActivity {
  return {
    async replayPage(request) {
      const context = Context.current();
      const beating = setInterval(() => context.heartbeat(), heartbeatEveryMs);
      try {
        const { destinationId, customerExternalId } = request.filter;
        const from = { destinationId, customerExternalId, token: request.page };
        const found = await list({ ...from, isParking: true, lanesMax: lanesOfPage, isOwn: true });
        const done: ReplayPage = { events: 0, lanes: 0, unanswered: 0, page: found.token };
        for (const lane of found.lanes) {
          if (context.cancellationSignal.aborted) throw new CancelledFailure('It was cancelled, or the worker stops.');
          const events = await replayed(lanes, request, lane);
          if (events === undefined) done.unanswered++;
          else if (events > 0) {
            done.events += events;
            done.lanes++;
          }
        }
        return done;
      } finally {
        clearInterval(beating);
      }
    },
  };
}

/** How many dead letters of the lane are meant, and told to go again unless they are only counted. Undefined: no answer. */
async function replayed(
  lanes: ReplayDependencies['lanes'],
  { id, filter, startedAt, dryRun, reason, by }: ReplayPageRequest,
  { workflowId }: ListedLane,
): Promise<number | undefined> {
  const letters = await lanes.deadLetters(workflowId);
  if (letters === undefined) return undefined;
  const ids =
    letters === 'gone' ? [] : letters.filter((one) => isMeant(one, filter, startedAt)).map((one) => one.eventId);
  // Tried again after an unclear answer, the signal has the same request id, and is stored once.
  if (ids.length > 0 && !dryRun) await lanes.signal(workflowId, 'replay', { ids, reason, by }, id);
  return ids.length;
}

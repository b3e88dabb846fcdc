import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { askedOf } from '../activities/laneCalls.ts';
import type { Destination } from '../domain/destination.ts';
import { CausewayError } from '../domain/error.ts';
import { numberedLane } from '../domain/hashedNames.ts';
import { laneWorkflowId } from '../domain/lane.ts';
import { type LaneStatus, laneQueries } from '../domain/laneMessages.ts';
import type { Waiting } from './laneChange.ts';

/** With more open lanes than this, nobody is asked: the answer would take too long. */
const lanesMax = 2_000;
const callTimeoutMs = 5_000;
/** Temporal's visibility may not know yet what was started so long ago, in ms; the event index does. */
const visibleAfterMs = 2 * 60_000;

export type RecentLanes = { lanesSince(destinationId: string, since: Date, limit: number): Promise<string[]> };

/**
 * What a destination's lanes hold: events that wait, dead letters included, and pauses.
 * Throws `lanes_unknown` where that can't be found out: too many lanes, or no Temporal or worker that answers.
 */
export async function waitingIn(
  client: Client,
  recent: RecentLanes,
  destination: Pick<Destination, 'id' | 'ordering' | 'hashesKeys'>,
): Promise<Waiting> {
  const workflowIds = await lanesOf(client, recent, destination);
  const waiting = await askedOf(workflowIds, (workflowId) => waitingInLane(client, workflowId));
  return {
    events: waiting.reduce((sum, { events }) => sum + events, 0),
    pausedLanes: waiting.reduce((sum, { pausedLanes }) => sum + pausedLanes, 0),
  };
}

/** Numbered lanes are known by name; those by key are found, the newest of them through the event index. */
async function lanesOf(
  client: Client,
  recent: RecentLanes,
  { id, hashesKeys, ordering: { lanes } }: Pick<Destination, 'id' | 'ordering' | 'hashesKeys'>,
): Promise<string[]> {
  if (lanes !== 'key')
    return Array.from({ length: lanes }, (_, lane) => laneWorkflowId(id, numberedLane({ hashesKeys }, lane)));
  const [visible, indexed] = await Promise.all([
    visibleLanes(client, id),
    recent.lanesSince(id, new Date(Date.now() - visibleAfterMs), lanesMax + 1),
  ]);
  const all = new Set([...visible, ...indexed]);
  if (all.size > lanesMax) throw tooMany(all.size);
  return [...all];
}

async function visibleLanes(client: Client, destinationId: string): Promise<string[]> {
  const query = `DestinationId="${destinationId}" AND ExecutionStatus="Running"`;
  return await inTime(client, 'Temporal did not answer.', async () => {
    const { count } = await client.workflow.count(query);
    if (count > lanesMax) throw tooMany(count);
    const workflowIds: string[] = [];
    for await (const { workflowId } of client.workflow.list({ query, pageSize: 1_000 })) workflowIds.push(workflowId);
    return workflowIds;
  });
}

const nothing: Waiting = { events: 0, pausedLanes: 0 };

/** What one lane holds. Throws `lanes_unknown`. */
export async function waitingInLane(client: Client, workflowId: string): Promise<Waiting> {
  return await inTime(client, `Lane ${workflowId} did not answer; is a worker running?`, async () => {
    const lane = client.workflow.getHandle(workflowId);
    try {
      const { waitingEvents, deadLetters, paused } = await lane.query<LaneStatus>(laneQueries.status);
      const waiting = { events: waitingEvents + deadLetters, pausedLanes: paused ? 1 : 0 };
      // A lane that was terminated still tells of what it lost; nothing waits in it.
      const isEmpty = waiting.events + waiting.pausedLanes === 0;
      return isEmpty || (await lane.describe()).status.name !== 'RUNNING' ? nothing : waiting;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return nothing;
      throw error;
    }
  });
}

async function inTime<T>(client: Client, otherwise: string, calls: () => Promise<T>): Promise<T> {
  try {
    return await client.connection.withDeadline(Date.now() + callTimeoutMs, calls);
  } catch (cause) {
    throw cause instanceof CausewayError ? cause : unknown(otherwise, cause);
  }
}

const tooMany = (count: number): CausewayError =>
  unknown(`The destination has ${count} or more open lanes; at most ${lanesMax} can be asked.`);

const unknown = (why: string, cause?: unknown): CausewayError =>
  new CausewayError('lanes_unknown', `${why} Nothing was changed; try again once its lanes are empty.`, { cause });

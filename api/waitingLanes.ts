import type { Client } from '@temporalio/client';
import { CausewayError } from '../domain/error.ts';
import { type LaneStatus, laneQueries } from '../domain/laneMessages.ts';

/** With more open lanes than this, nobody is asked: the answer would take too long. */
const lanesMax = 2_000;
const queriesAtOnce = 20;
const queryTimeoutMs = 5_000;

/**
 * How many events wait in a destination's lanes, dead letters included.
 * Throws `lanes_unknown` where that can't be found out: too many lanes, or no worker that answers.
 */
export async function waitingIn(client: Client, destinationId: string): Promise<{ events: number }> {
  const query = `DestinationId="${destinationId}" AND ExecutionStatus="Running"`;
  const { count } = await client.workflow.count(query);
  if (count > lanesMax) throw unknown(`The destination has ${count} open lanes; at most ${lanesMax} can be asked.`);
  const workflowIds: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query, pageSize: 1_000 })) workflowIds.push(workflowId);
  let events = 0;
  for (let at = 0; at < workflowIds.length; at += queriesAtOnce) {
    const asked = workflowIds.slice(at, at + queriesAtOnce).map((workflowId) => statusOf(client, workflowId));
    for (const status of await Promise.all(asked)) events += status.waitingEvents + status.deadLetters;
  }
  return { events };
}

async function statusOf(client: Client, workflowId: string): Promise<LaneStatus> {
  try {
    return await client.connection.withDeadline(Date.now() + queryTimeoutMs, () =>
      client.workflow.getHandle(workflowId).query<LaneStatus>(laneQueries.status),
    );
  } catch (cause) {
    throw unknown(`Lane ${workflowId} did not answer; is a worker running?`, cause);
  }
}

const unknown = (why: string, cause?: unknown): CausewayError =>
  new CausewayError('lanes_unknown', `${why} Nothing was changed; try again once its lanes are empty.`, { cause });

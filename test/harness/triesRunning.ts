import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';

const { PENDING_ACTIVITY_STATE_STARTED: started } = proto.temporal.api.enums.v1.PendingActivityState;

/** What the activities of lanes are at, as Temporal knows it. */
export type Tries = {
  /** Those that a worker has in hand now, each by its workflow and the number of its try. */
  running: string[];
  /** How many workflows have an activity of which no try has begun yet. */
  unbegun: number;
};

/** The tries of the activities of these workflows, of which each has one at the most. */
export async function triesOf(client: Client, workflowIds: readonly string[]): Promise<Tries> {
  const { namespace } = client.options;
  const tries: Tries = { running: [], unbegun: 0 };
  const look = async (workflowId: string): Promise<void> => {
    const { pendingActivities } = await client.workflowService.describeWorkflowExecution({
      namespace,
      execution: { workflowId },
    });
    const [pending] = pendingActivities ?? [];
    if (pending?.state === started) tries.running.push(`${workflowId}/${pending.activityId}/${pending.attempt}`);
    else if (pending && (pending.attempt ?? 1) === 1) tries.unbegun++;
  };
  await Promise.all(workflowIds.map(look));
  return tries;
}

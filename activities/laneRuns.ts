/** What Temporal tells of the runs of one workflow, without their histories. Rejects with `temporal_unavailable`. */
import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { quotedInQuery } from './laneList.ts';
import { isNotFound } from './notFound.ts';
import type { ListRuns } from './settledBefore.ts';
import { temporalSilent } from './temporalSilent.ts';

export type ListedRun = { runId: string; status: 'open' | 'terminated' | 'closed' };
export type LaneRuns = {
  /** Those that visibility knows, 500 at the most, an open one first, then the one that closed last; it lags behind by a second or two. */
  listed(workflowId: string): Promise<ListedRun[]>;
  /** Which run it continues, and whether a reset made it. Undefined where retention has deleted it. */
  origin(
    workflowId: string,
    runId: string,
  ): Promise<{ previousRunId: string | undefined; isReset: boolean } | undefined>;
};

const runsMax = 500;
const callTimeoutMs = 5_000;
const { WORKFLOW_EXECUTION_STATUS_RUNNING: running, WORKFLOW_EXECUTION_STATUS_TERMINATED: terminated } =
  proto.temporal.api.enums.v1.WorkflowExecutionStatus;

const statusOf = (status: number | null | undefined): ListedRun['status'] =>
  status === running ? 'open' : status === terminated ? 'terminated' : 'closed';

export function laneRuns(client: Client): LaneRuns {
  const { namespace } = client.options;
  const asked = <T>(call: () => Promise<T>): Promise<T> =>
    client.connection.withDeadline(Date.now() + callTimeoutMs, call);
  return {
    async listed(workflowId) {
      const query = `WorkflowId=${quotedInQuery(workflowId)}`;
      const { executions } = await asked(() =>
        client.workflowService.listWorkflowExecutions({ namespace, pageSize: runsMax, query }),
      ).catch((cause: unknown) => {
        throw temporalSilent(cause);
      });
      return (executions ?? []).flatMap(({ execution, status }) =>
        execution?.runId ? [{ runId: execution.runId, status: statusOf(status) }] : [],
      );
    },
    async origin(workflowId, runId) {
      const execution = { workflowId, runId };
      const page = await asked(() =>
        client.workflowService.getWorkflowExecutionHistory({ namespace, execution, maximumPageSize: 1 }),
      ).catch((cause: unknown) => {
        if (isNotFound(cause)) return undefined;
        throw temporalSilent(cause);
      });
      const started = page?.history?.events?.[0]?.workflowExecutionStartedEventAttributes;
      if (!started) return undefined;
      const { continuedExecutionRunId, originalExecutionRunId } = started;
      return { previousRunId: continuedExecutionRunId || undefined, isReset: originalExecutionRunId !== runId };
    },
  };
}

/** The runs of a workflow by their ids, as {@link LaneRuns} lists them. */
export function runsListedBy(client: Client): ListRuns {
  const { listed } = laneRuns(client);
  return async (workflowId) => (await listed(workflowId)).map(({ runId }) => runId);
}

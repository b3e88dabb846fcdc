import type { Client } from '@temporalio/client';

/** One run of a workflow, as large as it is or has become. */
export type RunSize = { runId: string; historyEvents: number; historyBytes: number };

/** The runs of a workflow's chain that Temporal still has, the newest first. */
export async function runSizesOf(client: Client, workflowId: string): Promise<RunSize[]> {
  const sizes: RunSize[] = [];
  const { namespace } = client.options;
  let runId = (await client.workflow.getHandle(workflowId).describe()).runId;
  while (runId) {
    const described = await client.workflow.getHandle(workflowId, runId).describe();
    sizes.push({ runId, historyEvents: described.historyLength, historyBytes: described.historySize ?? 0 });
    const { history } = await client.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution: { workflowId, runId },
      maximumPageSize: 1,
    });
    runId = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? '';
  }
  return sizes;
}

import type { Client } from '@temporalio/client';

const atOnce = 32;

/** How many state transitions Temporal has made for the newest runs of these workflows; those it does not know have none. */
export async function stateTransitionsOf(
  client: Client,
  workflowIds: readonly string[],
): Promise<{ count: number; atMs: number }> {
  const atMs = Date.now();
  const { namespace } = client.options;
  let count = 0;
  const left = workflowIds.values();
  const one = async (): Promise<void> => {
    for (const workflowId of left) {
      const described = await client.workflowService.describeWorkflowExecution({
        namespace,
        execution: { workflowId },
      });
      count += Number(described.workflowExecutionInfo?.stateTransitionCount ?? 0);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  return { count, atMs };
}

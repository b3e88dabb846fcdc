import { randomUUID } from 'node:crypto';
import { Connection } from '@temporalio/client';
import type { BenchStack } from './benchStack.ts';

/** Has Temporal terminate the bench's open workflows, in the background, where the stack stays. */
export async function endWorkflows(stack: BenchStack, visibilityQuery: string): Promise<void> {
  if (stack.kind === 'own') return; // They go with their folder.
  const connection = await Connection.connect({ address: stack.temporalAddress });
  try {
    await connection.workflowService.startBatchOperation({
      namespace: stack.temporalNamespace,
      jobId: randomUUID(),
      reason: 'the bench is over',
      visibilityQuery: `(${visibilityQuery}) AND ExecutionStatus = 'Running'`,
      terminationOperation: { identity: 'causeway-bench' },
    });
  } finally {
    await connection.close();
  }
}

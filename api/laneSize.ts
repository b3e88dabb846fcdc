import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { LaneSize, MeasureLane } from './laneGauge.ts';
import { msOf } from './laneHistory.ts';

const timeoutMs = 2_000;
const nothing: LaneSize = { historyEvents: 0, historyBytes: 0, unreadForMs: 0 };

/** Asks Temporal how a lane's run stands, which needs no worker. */
export function laneMeasure(client: Client): MeasureLane {
  const { connection, workflow } = client;
  return async (workflowId) => {
    try {
      const described = await connection.withDeadline(Date.now() + timeoutMs, () =>
        workflow.getHandle(workflowId).describe(),
      );
      // The next event starts a new run, whatever the last one was.
      if (described.status.name !== 'RUNNING') return nothing;
      const { historyLength: historyEvents, historySize: historyBytes = 0, raw } = described;
      const dueAtMs = raw.pendingWorkflowTask?.originalScheduledTime;
      return { historyEvents, historyBytes, unreadForMs: dueAtMs ? Date.now() - msOf(dueAtMs) : 0 };
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return nothing;
      throw error;
    }
  };
}

import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import proto from '@temporalio/proto';
import { msOf } from '../activities/historyEvent.ts';
import { type LaneStatus, laneQueries } from '../domain/laneMessages.ts';
import type { LaneSize, MeasureLane } from './laneGauge.ts';

const taken = proto.temporal.api.enums.v1.PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_STARTED;
const timeoutMs = 2_000;
/** The lane itself is asked for no longer: without a worker nothing answers. */
const queryTimeoutMs = 500;
const nothing: LaneSize = {
  historyEvents: 0,
  historyBytes: 0,
  unreadForMs: 0,
  isTaken: false,
  backlog: { waitingEvents: 0, waitingBytes: 0, deliveredEvents: 0, isDelivering: true },
};

/** Asks Temporal how a lane's run stands, which needs no worker, and the lane what waits in it, which does. */
export function laneMeasure(client: Client): MeasureLane {
  const { connection, workflow } = client;
  const within = <T>(ms: number, call: () => Promise<T>): Promise<T> => connection.withDeadline(Date.now() + ms, call);
  return async (workflowId) => {
    const handle = workflow.getHandle(workflowId);
    const [described, status] = await Promise.allSettled([
      within(timeoutMs, () => handle.describe()),
      within(queryTimeoutMs, () => handle.query<LaneStatus>(laneQueries.status)),
    ]);
    if (described.status === 'rejected') {
      if (described.reason instanceof WorkflowNotFoundError) return nothing;
      throw described.reason;
    }
    const { runId, historyLength: historyEvents, historySize: historyBytes = 0, raw } = described.value;
    // The next event starts a new run, whatever the last one was.
    if (described.value.status.name !== 'RUNNING') return nothing;
    const task = raw.pendingWorkflowTask;
    const unreadForMs = task?.originalScheduledTime ? Date.now() - msOf(task.originalScheduledTime) : 0;
    const run = { runId, historyEvents, historyBytes, unreadForMs, isTaken: task?.state === taken };
    if (status.status === 'rejected') return run;
    const { waitingEvents, waitingBytes, counts, held, renewing = false } = status.value;
    const backlog = {
      waitingEvents,
      waitingBytes,
      deliveredEvents: counts.delivered,
      isDelivering: held === undefined,
    };
    return { ...run, backlog, isRenewing: renewing };
  };
}

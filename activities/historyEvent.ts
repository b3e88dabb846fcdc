/** What one event of a lane's history tells by itself. */
import proto from '@temporalio/proto';

export type HistoryEvent = proto.temporal.api.history.v1.IHistoryEvent;
type Timestamp = { seconds?: { toString(): string } | number | null; nanos?: number | null } | null | undefined;

/** `baseRunId`: the run that was taken back to the reset point; `reason` as whoever did it gave it. */
export type Reset = { baseRunId: string; reason: string };

export const msOf = (time: Timestamp): number =>
  time ? Number(time.seconds ?? 0) * 1000 + (time.nanos ?? 0) / 1e6 : 0;

const resetCause = proto.temporal.api.enums.v1.WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW;

/** A reset ends the copied part of a history with a workflow task that failed of it. */
export function resetIn({ workflowTaskFailedEventAttributes: failed }: HistoryEvent): Reset | undefined {
  if (failed?.cause !== resetCause || !failed.baseRunId) return undefined;
  return { baseRunId: failed.baseRunId, reason: failed.failure?.message ?? '' };
}

/** Whether it is the end of an activity that is none of these batches: a lane has others, which answer something else. */
export function endsAnother(event: HistoryEvent, batches: ReadonlySet<string>): boolean {
  const end =
    event.activityTaskCompletedEventAttributes ??
    event.activityTaskFailedEventAttributes ??
    event.activityTaskTimedOutEventAttributes;
  return !!end && !batches.has(String(end.scheduledEventId));
}

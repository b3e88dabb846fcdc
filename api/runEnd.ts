import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { AskWithin } from '../activities/laneStarting.ts';
import type { RunEnd } from './laneWriter.ts';

const { HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT } = proto.temporal.api.enums.v1.HistoryEventFilterType;

/**
 * Waits for a lane's run to end by a long poll, which Temporal answers at that moment. The first call answers at once, with
 * a token that says how long the history is; the next one waits.
 */
export function runEnd({ workflowService, options: { namespace } }: Client, within: AskWithin): RunEnd {
  const closeEvents = async (workflowId: string, runId: string, untilMs: number): Promise<number> => {
    let nextPageToken: Uint8Array | undefined;
    for (;;) {
      const answer = await within(untilMs, () =>
        workflowService.getWorkflowExecutionHistory({
          namespace,
          execution: { workflowId, runId },
          waitNewEvent: true,
          historyEventFilterType: HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT,
          ...(nextPageToken && { nextPageToken }),
        }),
      );
      const events = answer.history?.events?.length ?? 0;
      nextPageToken = answer.nextPageToken?.length ? answer.nextPageToken : undefined;
      if (events > 0 || !nextPageToken) return events;
    }
  };
  return async (workflowId, runId, withinMs) => {
    try {
      return (await closeEvents(workflowId, runId, Date.now() + withinMs)) > 0;
    } catch {
      return false; // It goes on, or Temporal can't say: the quiet ends by itself.
    }
  };
}

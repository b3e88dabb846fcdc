import { laneSignals } from '../domain/laneMessages.ts';
import { blockFrom } from '../domain/laneSignals.ts';
import type { LaneHistories } from './laneHistory.ts';

/** The partition key of each event that a run of a lane took in, by its digest; none where retention has deleted the run. */
export type EventKeys = (workflowId: string, runId: string) => Promise<ReadonlyMap<string, string>>;

/** Rejects with `temporal_unavailable`. */
export const eventKeys =
  (histories: Pick<LaneHistories, 'eachEvent' | 'signalInputs'>): EventKeys =>
  async (workflowId, runId) => {
    const keys = new Map<string, string>();
    await histories.eachEvent(workflowId, runId, async (event) => {
      const signal = event.workflowExecutionSignaledEventAttributes;
      if (signal?.signalName !== laneSignals.enqueue) return;
      const [input] = (await histories.signalInputs(signal.input?.payloads)) ?? [];
      for (const { id, key } of (input !== undefined && blockFrom(input)?.entries) || []) keys.set(id, key);
    });
    return keys;
  };

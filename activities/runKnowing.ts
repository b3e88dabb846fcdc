import { laneSignals } from '../domain/laneMessages.ts';
import { blockFrom } from '../domain/laneSignals.ts';
import type { LaneHistories } from './laneHistory.ts';

/**
 * The lane's latest run, where it knows the event: it began with its id, or was sent it. Undefined where it does not, or there is
 * no such lane. Throws `temporal_unavailable`.
 */
export async function runKnowing(
  histories: Pick<LaneHistories, 'now' | 'run' | 'eachEvent' | 'signalInputs'>,
  workflowId: string,
  digest: string,
): Promise<string | undefined> {
  const { runId } = await histories.now(workflowId);
  if (runId === undefined) return undefined;
  const run = await histories.run(workflowId, runId);
  if (!run || run.beganKnowing(digest)) return run && runId;
  let wasSent = false;
  await histories.eachEvent(workflowId, runId, async ({ workflowExecutionSignaledEventAttributes: signal }) => {
    if (wasSent || signal?.signalName !== laneSignals.enqueue) return;
    const [input] = (await histories.signalInputs(signal.input?.payloads)) ?? [];
    wasSent = blockFrom(input)?.entries.some(({ id }) => id === digest) ?? false;
  });
  return wasSent ? runId : undefined;
}

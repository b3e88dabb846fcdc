import { type DeliveryLog, deliveryLogOf, type LaneRecord } from '../domain/deliveryLog.ts';
import type { LaneHistories } from './laneHistory.ts';

export type IndexedDelivery = { workflowId: string; runId: string; acceptedAt: Date };
export type LoggedDelivery = DeliveryLog & {
  destinationId: string;
  workflowId: string;
  runId: string;
  acceptedAt: Date;
};

/** A parked event may be replayed many runs later: so many runs of a chain are read at the most. */
const runsMax = 50;
const final = new Set(['delivered', 'discarded']);

/** The log of one delivery, read from its lane's runs, from the one that took it in to the one that settled it. */
export async function readDelivery(
  histories: LaneHistories,
  digest: string,
  { workflowId, runId, acceptedAt }: IndexedDelivery,
): Promise<LoggedDelivery> {
  const destinationId = workflowId.split(':')[1] ?? '';
  const records: LaneRecord[] = [];
  const logged = (log: DeliveryLog, inRun: string): LoggedDelivery => ({
    destinationId,
    workflowId,
    runId: inRun,
    acceptedAt,
    ...log,
  });
  let current = runId;
  for (let runs = 0; runs < runsMax; runs++) {
    const run = await histories.run(workflowId, current);
    if (!run) return logged({ status: 'expired', attempts: [], interventions: [] }, current);
    records.push(...run.records);
    const log = deliveryLogOf(digest, records);
    if (final.has(log.status)) return logged(log, current);
    if (!run.nextRunId) break;
    current = run.nextRunId;
  }
  const now = await histories.now(workflowId);
  const log = deliveryLogOf(digest, records, now.running);
  return logged(log.status === 'queued' ? { ...log, status: waitingStatus(now.state) } : log, current);
}

/** Why an event that waits in its lane is not being sent. */
function waitingStatus(laneState: string | undefined): DeliveryLog['status'] {
  if (laneState === 'Paused') return 'paused';
  return laneState === 'Suspended' ? 'suspended' : 'queued';
}

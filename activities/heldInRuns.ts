import type { Client } from '@temporalio/client';
import type { Block } from '../domain/block.ts';
import type { CarriedLane } from '../domain/carriedLane.ts';
import { type HeldInRun, heldInRun } from '../domain/heldInRun.ts';
import type { LaneStart } from '../domain/lane.ts';
import type { LaneHistories } from './laneHistory.ts';
import { isNotFound } from './notFound.ts';
import type { ListRuns } from './settledBefore.ts';
import { temporalSilent } from './temporalSilent.ts';

/** Finds an event in a lane that has gone on for many runs, without reading them. Rejects with `temporal_unavailable`. */
export type HeldInRuns = {
  /** The lane's runs, 500 at the most, the newest first. Rejects as `ListRuns` does. */
  runIds(workflowId: string): Promise<string[]>;
  /** How the run began with the event of that digest; undefined where retention has deleted the run. */
  heldAt(workflowId: string, runId: string, digest: string): Promise<HeldInRun | undefined>;
};

const callTimeoutMs = 3_000;

export function heldInRuns(client: Client, histories: Pick<LaneHistories, 'decoded'>, runIds: ListRuns): HeldInRuns {
  const { namespace } = client.options;
  return {
    runIds,
    async heldAt(workflowId, runId, digest) {
      const request = { namespace, execution: { workflowId, runId }, maximumPageSize: 1 };
      const asked = client.connection.withDeadline(Date.now() + callTimeoutMs, () =>
        client.workflowService.getWorkflowExecutionHistory(request),
      );
      const page = await asked.catch((cause: unknown) => {
        if (isNotFound(cause)) return undefined;
        throw temporalSilent(cause);
      });
      const started = page?.history?.events?.[0]?.workflowExecutionStartedEventAttributes;
      if (!started) return undefined;
      const [, head, ...blocks] = await histories.decoded<[LaneStart?, CarriedLane?, ...Block[]]>(
        started.input?.payloads,
      );
      return heldInRun(digest, head, blocks);
    },
  };
}

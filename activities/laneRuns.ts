/** What Temporal tells of the runs of one workflow, without their histories. Rejects with `temporal_unavailable`. */
import type { Client } from '@temporalio/client';
import type proto from '@temporalio/proto';
import { quotedInQuery } from './laneList.ts';
import { isNotFound } from './notFound.ts';
import type { ListRuns } from './settledBefore.ts';
import { temporalSilent } from './temporalSilent.ts';

export type LaneRuns = {
  /** All with that status that visibility knows, the one that closed last first; it lags behind by a second or two. */
  listed(workflowId: string, status: 'Running' | 'Terminated'): Promise<string[]>;
  /** Which run it continues, and whether a reset made it. Undefined where retention has deleted it. */
  origin(
    workflowId: string,
    runId: string,
  ): Promise<{ previousRunId: string | undefined; isReset: boolean } | undefined>;
};

const pageSize = 500;
const callTimeoutMs = 5_000;

type Listed = { runIds: string[]; nextPageToken: Uint8Array | undefined };

async function listedPage(client: Client, query: string, nextPageToken?: Uint8Array): Promise<Listed> {
  const { namespace } = client.options;
  const request = { namespace, pageSize, query, ...(nextPageToken && { nextPageToken }) };
  try {
    const page = await client.connection.withDeadline(Date.now() + callTimeoutMs, () =>
      client.workflowService.listWorkflowExecutions(request),
    );
    const runIds = page.executions.flatMap(({ execution }) => execution?.runId || []);
    return { runIds, nextPageToken: page.nextPageToken.length > 0 ? page.nextPageToken : undefined };
  } catch (cause) {
    throw temporalSilent(cause);
  }
}

/** With what a run began: its first event alone is read. Undefined where retention has deleted it. */
export async function startOf(
  client: Client,
  execution: { workflowId: string; runId: string },
  timeoutMs: number,
): Promise<proto.temporal.api.history.v1.IWorkflowExecutionStartedEventAttributes | undefined> {
  const { namespace } = client.options;
  const asked = client.connection.withDeadline(Date.now() + timeoutMs, () =>
    client.workflowService.getWorkflowExecutionHistory({ namespace, execution, maximumPageSize: 1 }),
  );
  const page = await asked.catch((cause: unknown) => {
    if (isNotFound(cause)) return undefined;
    throw temporalSilent(cause);
  });
  return page?.history?.events?.[0]?.workflowExecutionStartedEventAttributes ?? undefined;
}

export function laneRuns(client: Client): LaneRuns {
  return {
    async listed(workflowId, status) {
      const query = `WorkflowId=${quotedInQuery(workflowId)} AND ExecutionStatus="${status}"`;
      let page = await listedPage(client, query);
      const { runIds } = page;
      while (page.nextPageToken) {
        page = await listedPage(client, query, page.nextPageToken);
        runIds.push(...page.runIds);
      }
      return runIds;
    },
    async origin(workflowId, runId) {
      const started = await startOf(client, { workflowId, runId }, callTimeoutMs);
      if (!started) return undefined;
      const { continuedExecutionRunId, originalExecutionRunId } = started;
      return { previousRunId: continuedExecutionRunId || undefined, isReset: originalExecutionRunId !== runId };
    },
  };
}

const pagesMax = 10;

/**
 * The runs of a workflow that visibility knows, by their ids, an open one first, then the one that closed last: 500 at the most, or
 * ten times as many where it is listed back to one.
 */
export function runsListedBy(client: Client): ListRuns {
  return async (workflowId, back) => {
    const query = `WorkflowId=${quotedInQuery(workflowId)}`;
    let page = await listedPage(client, query);
    const { runIds } = page;
    for (let pages = 1; back !== undefined && pages < pagesMax && page.nextPageToken; pages++) {
      if (runIds.includes(back)) break;
      page = await listedPage(client, query, page.nextPageToken);
      runIds.push(...page.runIds);
    }
    return runIds;
  };
}

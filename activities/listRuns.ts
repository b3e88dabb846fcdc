import type { Client } from '@temporalio/client';
import { CausewayError } from '../domain/error.ts';
import { laneWorkflowType } from '../domain/lane.ts';
import type { FoundRuns, RunsRequest } from '../domain/replayCalls.ts';
import { msOf } from './historyEvent.ts';
import { type CustomerNames, isCustomer, onlyItself, quotedInQuery } from './laneList.ts';
import type { VisibilityPace } from './visibilityPace.ts';

/** More than this in a slice, and the slice is made smaller. */
const runsMax = 100;
const callTimeoutMs = 5_000;

/** Lists runs of lanes in one slice of time, one call of visibility at a time. Rejects with `temporal_unavailable`. */
export function runLister(
  client: Client,
  pace: VisibilityPace,
  customerNames: CustomerNames = onlyItself,
): (request: RunsRequest) => Promise<FoundRuns> {
  const page = async (query: string, token: Uint8Array | undefined) => {
    const request = {
      namespace: client.options.namespace,
      pageSize: runsMax + 1,
      query,
      ...(token && { nextPageToken: token }),
    };
    try {
      return await client.connection.withDeadline(Date.now() + callTimeoutMs, () =>
        client.workflowService.listWorkflowExecutions(request),
      );
    } catch (cause) {
      throw new CausewayError('temporal_unavailable', 'Temporal did not list the runs of lanes.', { cause });
    }
  };
  return async (request) => {
    const { customerExternalId: customer } = request.filter;
    const query = queryOf(request, customer === undefined ? undefined : await customerNames(customer));
    const found: { workflowId: string; runId: string; atMs: number }[] = [];
    let token: Uint8Array | undefined;
    do {
      const { executions, nextPageToken } = await pace.inTurn(() => page(query, token));
      for (const { execution, startTime } of executions ?? []) {
        const { workflowId, runId } = execution ?? {};
        if (workflowId && runId) found.push({ workflowId, runId, atMs: msOf(startTime) });
      }
      // A slice of one millisecond can't be made smaller.
      if (found.length > runsMax && request.toMs - request.afterMs > 1) return { runs: [], isTooMany: true };
      token = nextPageToken?.length ? nextPageToken : undefined;
    } while (token);
    found.sort((a, b) => a.atMs - b.atMs || (a.runId < b.runId ? -1 : 1));
    return { runs: found.map(({ workflowId, runId }) => ({ workflowId, runId })), isTooMany: false };
  };
}

/** A run closes once, and begins once: so it is in one slice, whatever happens meanwhile. */
function queryOf(
  { filter, of, startedAt, afterMs, toMs }: RunsRequest,
  customers: readonly string[] | undefined,
): string {
  const { destinationId } = filter;
  const time = of === 'closed' ? 'CloseTime' : 'StartTime';
  return [
    `WorkflowType="${laneWorkflowType}"`,
    ...(destinationId === undefined ? [] : [`DestinationId=${quotedInQuery(destinationId)}`]),
    ...(customers ? [isCustomer(customers)] : []),
    `${time} > "${new Date(afterMs).toISOString()}" AND ${time} <= "${new Date(toMs).toISOString()}"`,
    ...(of === 'open' ? [`(ExecutionStatus="Running" OR CloseTime > "${startedAt}")`] : []),
  ].join(' AND ');
}

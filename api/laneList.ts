import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import type proto from '@temporalio/proto';
import { msOf } from '../activities/laneHistory.ts';
import { CausewayError } from '../domain/error.ts';
import { type DeliveryState, deliveryStates, laneWorkflowId, laneWorkflowType } from '../domain/lane.ts';
import { VisibilityPace } from './visibilityPace.ts';

type WorkflowInfo = proto.temporal.api.workflow.v1.IWorkflowExecutionInfo;

/** An open lane as Temporal's visibility shows it, which lags behind by a second or two. */
export type ListedLane = {
  workflowId: string;
  runId: string;
  lane: string;
  state: DeliveryState;
  deadLetters: number;
  /** When the current run began: a lane continues as new now and then. */
  runStartedAt: Date;
};

export type LaneQuery = {
  destinationId: string;
  state?: DeliveryState | undefined;
  /** Only lanes that hold dead letters. */
  isParking?: boolean | undefined;
  lanesMax: number;
  /** Where the page before ended. */
  token?: string | undefined;
  /** Whether it is to be the answer of a call of its own: someone acts on it. */
  isOwn?: boolean | undefined;
};
export type LanePage = { lanes: ListedLane[]; token?: string | undefined };
export type ListLanes = (query: LaneQuery) => Promise<LanePage>;

const callTimeoutMs = 5_000;

/**
 * Lists a destination's open lanes, the newest run first, in one call of visibility a page. Rejects with
 * `overloaded` or `temporal_unavailable`.
 */
export function laneList(client: Client, pace = new VisibilityPace()): ListLanes {
  const { namespace } = client.options;
  const ask = async (query: LaneQuery): Promise<LanePage> => {
    const { destinationId, lanesMax, token } = query;
    const request = {
      namespace,
      pageSize: lanesMax,
      query: filterOf(query),
      ...(token !== undefined && { nextPageToken: Buffer.from(token, 'base64url') }),
    };
    try {
      const { executions, nextPageToken } = await client.connection.withDeadline(Date.now() + callTimeoutMs, () =>
        client.workflowService.listWorkflowExecutions(request),
      );
      const lanes = (executions ?? []).flatMap((info) => listedLane(destinationId, info) ?? []);
      return { lanes, token: nextPageToken?.length ? Buffer.from(nextPageToken).toString('base64url') : undefined };
    } catch (cause) {
      throw new CausewayError('temporal_unavailable', 'Temporal did not answer. Ask again after a second.', { cause });
    }
  };
  return (query) =>
    query.isOwn ? pace.inTurn(() => ask(query)) : pace.shared(JSON.stringify(query), () => ask(query));
}

const filterOf = ({ destinationId, state, isParking }: LaneQuery): string =>
  [
    `WorkflowType="${laneWorkflowType}" AND ExecutionStatus="Running" AND DestinationId="${destinationId}"`,
    ...(state ? [`DeliveryState="${state}"`] : []),
    ...(isParking ? ['DeadLetters > 0'] : []),
  ].join(' AND ');

/** The lane that a workflow's id names, where it is one of this destination. */
export function laneIn(destinationId: string, workflowId: string): string | undefined {
  const before = laneWorkflowId(destinationId, '');
  return workflowId.startsWith(before) ? workflowId.slice(before.length) : undefined;
}

function listedLane(destinationId: string, info: WorkflowInfo): ListedLane | undefined {
  const { workflowId, runId } = info.execution ?? {};
  const lane = laneIn(destinationId, workflowId ?? '');
  if (!workflowId || !runId || lane === undefined) return undefined;
  const { DeliveryState: state, DeadLetters: deadLetters } = info.searchAttributes?.indexedFields ?? {};
  const shown = jsonOf(state);
  return {
    workflowId,
    runId,
    lane,
    state: deliveryStates.find((one) => one === shown) ?? 'Delivering',
    deadLetters: Number(jsonOf(deadLetters) ?? 0),
    runStartedAt: new Date(msOf(info.startTime)),
  };
}

/** Search attributes are JSON, whatever converter and codec the client has. */
const jsonOf = (payload: Payload | undefined): unknown =>
  payload?.data?.length ? JSON.parse(Buffer.from(payload.data).toString()) : undefined;

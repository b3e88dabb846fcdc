import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import type proto from '@temporalio/proto';
import { type DeliveryState, deliveryStates, laneWorkflowId, laneWorkflowType } from '../domain/lane.ts';
import { msOf } from './historyEvent.ts';
import { temporalSilent } from './temporalSilent.ts';
import { VisibilityPace } from './visibilityPace.ts';

type WorkflowInfo = proto.temporal.api.workflow.v1.IWorkflowExecutionInfo;

/** An open lane as Temporal's visibility shows it, which lags behind by a second or two. */
export type ListedLane = {
  workflowId: string;
  runId: string;
  destinationId: string;
  lane: string;
  state: DeliveryState;
  deadLetters: number;
  /** When the current run began: a lane continues as new now and then. */
  runStartedAt: Date;
};

export type LaneQuery = {
  destinationId?: string | undefined;
  customerExternalId?: string | undefined;
  /** Only lanes in one of these states. */
  states?: readonly DeliveryState[] | undefined;
  /** Only lanes that hold dead letters. */
  isParking?: boolean | undefined;
  /** Only lanes that do not simply deliver: they hold, are paused, or have dead letters. */
  isTroubled?: boolean | undefined;
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
 * Lists open lanes, the newest run first, in one call of visibility a page; across destinations those of this task queue, where it is given,
 * for other Causeways may share the namespace. Rejects with `overloaded` or `temporal_unavailable`.
 */
export function laneList(
  client: Client,
  pace = new VisibilityPace(),
  { taskQueue, customerNames = onlyItself }: LaneListOptions = {},
): ListLanes {
  const { namespace } = client.options;
  const ask = async (query: LaneQuery): Promise<LanePage> => {
    const { lanesMax, token } = query;
    const request = {
      namespace,
      pageSize: lanesMax,
      query: filterOf(query, taskQueue, await namesOf(query, customerNames)),
      ...(token !== undefined && { nextPageToken: Buffer.from(token, 'base64url') }),
    };
    try {
      const { executions, nextPageToken } = await client.connection.withDeadline(Date.now() + callTimeoutMs, () =>
        client.workflowService.listWorkflowExecutions(request),
      );
      const lanes = (executions ?? []).flatMap((info) => listedLane(info) ?? []);
      return { lanes, token: nextPageToken?.length ? Buffer.from(nextPageToken).toString('base64url') : undefined };
    } catch (cause) {
      throw temporalSilent(cause);
    }
  };
  return (query) =>
    query.isOwn ? pace.inTurn(() => ask(query)) : pace.shared(JSON.stringify(query), () => ask(query));
}

/** How many lanes there are. Rejects with `temporal_unavailable`. */
export type CountLanes = (query: LaneFilter) => Promise<number>;

export function laneCount(
  client: Client,
  pace: VisibilityPace,
  { taskQueue, customerNames = onlyItself }: LaneListOptions = {},
): CountLanes {
  const count = async (query: string): Promise<number> =>
    (await client.connection.withDeadline(Date.now() + callTimeoutMs, () => client.workflow.count(query))).count;
  return (query) =>
    pace.inTurn(async () => {
      try {
        return await count(filterOf(query, taskQueue, await namesOf(query, customerNames)));
      } catch (cause) {
        throw temporalSilent(cause);
      }
    });
}

type LaneFilter = Omit<LaneQuery, 'lanesMax' | 'token' | 'isOwn'>;

const filterOf = (
  { destinationId, states, isParking, isTroubled }: LaneFilter,
  taskQueue: string | undefined,
  customers: readonly string[] | undefined,
): string =>
  [
    `WorkflowType="${laneWorkflowType}" AND ExecutionStatus="Running"`,
    ...(destinationId === undefined ? [] : [`DestinationId=${quotedInQuery(destinationId)}`]),
    ...(customers ? [isCustomer(customers)] : []),
    ...(states ? [`DeliveryState IN (${states.map(quotedInQuery).join(', ')})`] : []),
    ...(isParking ? ['DeadLetters > 0'] : []),
    ...(isTroubled ? ['(DeadLetters > 0 OR DeliveryState IN ("Waiting", "Suspended", "Paused"))'] : []),
    ...(destinationId === undefined && taskQueue !== undefined ? [`TaskQueue=${quotedInQuery(taskQueue)}`] : []),
  ].join(' AND ');

export type LaneListOptions = {
  /** Only lanes of this one, where the query names no destination. */
  taskQueue?: string | undefined;
  customerNames?: CustomerNames;
};
/** All that may stand for a customer in search attributes. */
export type CustomerNames = (customerExternalId: string) => Promise<string[]>;
export const onlyItself: CustomerNames = async (name) => [name];

const namesOf = async ({ customerExternalId }: LaneFilter, names: CustomerNames): Promise<string[] | undefined> =>
  customerExternalId === undefined ? undefined : await names(customerExternalId);

export const isCustomer = (names: readonly string[]): string =>
  `CustomerExternalId IN (${names.map(quotedInQuery).join(', ')})`;

/** A value in a visibility query. One with a quote or a backslash is found by none: Temporal compares it as it is escaped. */
export const quotedInQuery = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;

/** The lane that a workflow's id names, where it is one of this destination. */
export function laneIn(destinationId: string, workflowId: string): string | undefined {
  const before = laneWorkflowId(destinationId, '');
  return workflowId.startsWith(before) ? workflowId.slice(before.length) : undefined;
}

function listedLane(info: WorkflowInfo): ListedLane | undefined {
  const { workflowId, runId } = info.execution ?? {};
  const [, destinationId, lane] = /^delivery:([^:]*):(.*)$/s.exec(workflowId ?? '') ?? [];
  if (!workflowId || !runId || destinationId === undefined || lane === undefined) return undefined;
  const { DeliveryState: state, DeadLetters: deadLetters } = info.searchAttributes?.indexedFields ?? {};
  const shown = jsonOf(state);
  return {
    workflowId,
    runId,
    destinationId,
    lane,
    state: deliveryStates.find((one) => one === shown) ?? 'Delivering',
    deadLetters: Number(jsonOf(deadLetters) ?? 0),
    runStartedAt: new Date(msOf(info.startTime)),
  };
}

/** Search attributes are JSON, whatever converter and codec the client has. */
const jsonOf = (payload: Payload | undefined): unknown =>
  payload?.data?.length ? JSON.parse(Buffer.from(payload.data).toString()) : undefined;

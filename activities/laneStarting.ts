import type { Client } from '@temporalio/client';
import {
  defineSearchAttributeKey,
  type LoadedDataConverter,
  type Payload,
  SearchAttributeType,
  TypedSearchAttributes,
} from '@temporalio/common';
import { encodeUnifiedSearchAttributes } from '@temporalio/common/lib/converter/payload-search-attributes.js';
import { encodeToPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { msToTs } from '@temporalio/common/lib/time.js';
import { type LaneStart, laneWorkflowType } from '../domain/lane.ts';
import type { laneSignals } from '../domain/laneMessages.ts';

/** How long Temporal may take to store a signal, its client's own retries included, in ms. */
const signalTimeoutMs = 8_000;
/** A workflow task that a killed worker had taken is given to another one after this long; Temporal's default is 10 s. docs/decisions/killed-workers.md */
const workflowTaskTimeout = msToTs('5 seconds');

const destinationId = defineSearchAttributeKey('DestinationId', SearchAttributeType.KEYWORD);
const customerExternalId = defineSearchAttributeKey('CustomerExternalId', SearchAttributeType.KEYWORD);
const deliveryState = defineSearchAttributeKey('DeliveryState', SearchAttributeType.KEYWORD);
const deadLetters = defineSearchAttributeKey('DeadLetters', SearchAttributeType.INT);

const searchAttributesOf = (start: LaneStart): Record<string, Payload> =>
  encodeUnifiedSearchAttributes(
    undefined,
    new TypedSearchAttributes([
      { key: destinationId, value: start.destinationId },
      { key: customerExternalId, value: start.hashed?.customer ?? start.customerExternalId },
      { key: deliveryState, value: 'Delivering' },
      { key: deadLetters, value: 0 },
    ]),
  );

export type LaneSignal = {
  workflowId: string;
  start: LaneStart;
  signal: (typeof laneSignals)['enqueue' | 'resend'];
  inputs: unknown[];
  /** The same for a request that comes again: in one run, Temporal stores it once. */
  requestId: string;
};
export type SignalLane = (signal: LaneSignal) => Promise<{ runId: string; bytes: number }>;

/** Asks Temporal with a deadline, in ms since the epoch. */
export type AskWithin = <T>(atMs: number, ask: () => Promise<T>) => Promise<T>;

/**
 * Stores a signal in its lane's history by `signalWithStart`. The request id is ours, and the client's retries send the same
 * request again: after an unclear answer Temporal stores it once. (The client's own signalWithStart makes a new id a call.)
 * Rejects as the client does: the signal may or may not be stored.
 */
export function laneSignaller(
  client: Client,
  taskQueue: string,
  within: AskWithin = (atMs, ask) => client.connection.withDeadline(atMs, ask),
): SignalLane {
  const converter: LoadedDataConverter = client.options.loadedDataConverter;
  const { identity, namespace } = client.options;
  return async ({ workflowId, start, signal, inputs, requestId }) => {
    const [input, signalInput] = await Promise.all([
      encodeToPayloads(converter, start),
      encodeToPayloads(converter, ...inputs),
    ]);
    const request = {
      namespace,
      identity,
      requestId,
      workflowId,
      workflowType: { name: laneWorkflowType },
      taskQueue: { name: taskQueue },
      workflowTaskTimeout,
      input: { payloads: input ?? [] },
      signalName: signal,
      signalInput: { payloads: signalInput ?? [] },
      searchAttributes: { indexedFields: searchAttributesOf(start) },
    };
    const answer = await within(Date.now() + signalTimeoutMs, () =>
      client.workflowService.signalWithStartWorkflowExecution(request),
    );
    return {
      runId: answer.runId ?? '',
      bytes: signalInput?.reduce((sum, { data }) => sum + (data?.length ?? 0), 0) ?? 0,
    };
  };
}

import { randomUUID } from 'node:crypto';
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
import { CausewayError } from '../domain/error.ts';
import { type LaneStart, laneWorkflowType } from '../domain/lane.ts';
import { laneSignals } from '../domain/laneMessages.ts';
import type { SendBlock } from './laneWriter.ts';

/** How long Temporal may take to store a signal, its client's own retries included, in ms. */
const signalTimeoutMs = 8_000;
/** A workflow task that a killed worker had taken is given to another one after this long; Temporal's default is 10 s. docs/decisions/killed-workers.md */
const workflowTaskTimeout = msToTs('3 seconds');

const destinationId = defineSearchAttributeKey('DestinationId', SearchAttributeType.KEYWORD);
const customerExternalId = defineSearchAttributeKey('CustomerExternalId', SearchAttributeType.KEYWORD);
const deliveryState = defineSearchAttributeKey('DeliveryState', SearchAttributeType.KEYWORD);
const deadLetters = defineSearchAttributeKey('DeadLetters', SearchAttributeType.INT);

const searchAttributesOf = (start: LaneStart): Record<string, Payload> =>
  encodeUnifiedSearchAttributes(
    undefined,
    new TypedSearchAttributes([
      { key: destinationId, value: start.destinationId },
      { key: customerExternalId, value: start.customerExternalId },
      { key: deliveryState, value: 'Delivering' },
      { key: deadLetters, value: 0 },
    ]),
  );

/**
 * Stores a block in its lane's history by `signalWithStart`. The request id is ours, and the client's retries send the same
 * request again: after an unclear answer Temporal stores it once. (The client's own signalWithStart makes a new id a call.)
 * Rejects with `temporal_unavailable`: the block may or may not be stored, and its events' ids make a second POST harmless.
 */
export function blockSender(client: Client, taskQueue: string): SendBlock {
  const converter: LoadedDataConverter = client.options.loadedDataConverter;
  const identity = client.options.identity;
  const namespace = client.options.namespace;
  return async ({ workflowId, start }, block) => {
    const requestId = randomUUID();
    const [input, signalInput] = await Promise.all([
      encodeToPayloads(converter, start),
      encodeToPayloads(converter, block),
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
      signalName: laneSignals.enqueue,
      signalInput: { payloads: signalInput ?? [] },
      searchAttributes: { indexedFields: searchAttributesOf(start) },
    };
    try {
      const answer = await client.connection.withDeadline(Date.now() + signalTimeoutMs, () =>
        client.workflowService.signalWithStartWorkflowExecution(request),
      );
      return {
        runId: answer.runId ?? '',
        bytes: signalInput?.reduce((sum, { data }) => sum + (data?.length ?? 0), 0) ?? 0,
      };
    } catch (cause) {
      const remedy = 'Temporal did not confirm that it stored the event. Send the same POST again after a second.';
      throw new CausewayError('temporal_unavailable', remedy, { cause });
    }
  };
}

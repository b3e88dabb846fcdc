/** What a segment or a holder was started with, which is all that it holds. */
import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { decodeArrayFromPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import type { Block } from '../domain/block.ts';
import { isKeyError } from '../domain/encryptionCodec.ts';
import type { BodyError } from '../domain/failures.ts';
import type { SegmentStart } from '../domain/overflow.ts';
import { unlessNotFound } from './notFound.ts';

export type SegmentInput = { start: SegmentStart; blocks: Block[] };

/** Of that run, or of the latest. Rejects, never to be tried again, where it is gone or can't be read: {@link isLost}. */
export async function inputOf(temporal: Client, segmentId: string, runId?: string): Promise<SegmentInput> {
  const page = await unlessNotFound(() =>
    temporal.workflowService.getWorkflowExecutionHistory({
      namespace: temporal.options.namespace,
      execution: { workflowId: segmentId, ...(runId && { runId }) },
      maximumPageSize: 1,
    }),
  );
  if (!page) throw lost('SEGMENT_MISSING', `Temporal has no workflow ${segmentId}.`);
  const input = page.history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  return await decoded(temporal, input).catch((error: unknown) => {
    if (isKeyError(error)) throw error; // Another worker may have the key.
    throw lost('SEGMENT_UNREADABLE', `The input of workflow ${segmentId} can't be read: ${String(error)}`);
  });
}

/** Throws where it is no whole segment. */
async function decoded(temporal: Client, input: Parameters<typeof decodeArrayFromPayloads>[1]): Promise<SegmentInput> {
  // The types are those of our own workflow's signature; what is not so is found out next.
  const [start, ...blocks] = (await decodeArrayFromPayloads(temporal.options.loadedDataConverter, input)) as [
    SegmentStart?,
    ...Block[],
  ];
  const events = blocks.reduce((sum, { entries }) => sum + entries.length, 0);
  if (!start || events === 0 || events !== start.events) {
    throw new Error(`it holds ${events} events, not ${start?.events}`);
  }
  return { start, blocks };
}

export const isLost = (error: unknown): boolean => error instanceof ApplicationFailure && error.nonRetryable === true;

/** Another try would find the same: the lane has to stop. */
export const lost = (type: BodyError, message: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(message, type);

/** What overflow segments hold, read out of their histories. Asks Temporal alone. */
import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { decodeArrayFromPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import type { Block } from '../domain/block.ts';
import type { SegmentStart } from '../domain/overflow.ts';
import { isNotFound } from './notFound.ts';

/** The blocks of a segment, closed or not. Rejects with an `ApplicationFailure`: SEGMENT_MISSING or SEGMENT_UNREADABLE. */
export async function blocksIn(temporal: Client, segmentId: string): Promise<Block[]> {
  const page = await unlessNotFound(() =>
    temporal.workflowService.getWorkflowExecutionHistory({
      namespace: temporal.options.namespace,
      execution: { workflowId: segmentId },
      maximumPageSize: 1,
    }),
  );
  if (!page) throw lost('SEGMENT_MISSING', `Temporal has no workflow ${segmentId}.`);
  const input = page.history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  return await blocksFrom(temporal, input).catch((error: unknown) => {
    throw lost('SEGMENT_UNREADABLE', `The input of workflow ${segmentId} can't be read: ${String(error)}`);
  });
}

/** Signals a segment. One that was closed, by us or by a person, gets no signal; its history tells what it held all the same. */
export async function tellSegment(
  temporal: Client,
  segmentId: string,
  signal: string,
  ...args: unknown[]
): Promise<void> {
  await unlessNotFound(() => temporal.workflow.getHandle(segmentId).signal(signal, ...args));
}

/** Throws where it is no whole segment. */
async function blocksFrom(temporal: Client, input: Parameters<typeof decodeArrayFromPayloads>[1]): Promise<Block[]> {
  // The types are those of our own workflow's signature; what is not so is found out next.
  const [start, ...blocks] = (await decodeArrayFromPayloads(temporal.options.loadedDataConverter, input)) as [
    SegmentStart?,
    ...Block[],
  ];
  const events = blocks.reduce((sum, { entries }) => sum + entries.length, 0);
  if (events === 0 || events !== start?.events) throw new Error(`it holds ${events} events, not ${start?.events}`);
  return blocks;
}

async function unlessNotFound<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Whether a segment can't be read, now or later. */
export const isLost = (error: unknown): boolean => error instanceof ApplicationFailure && error.nonRetryable === true;

/** Another try would find the same: the lane has to stop. */
const lost = (type: string, message: string): ApplicationFailure => ApplicationFailure.nonRetryable(message, type);

import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { type AskWithin, laneSignaller } from '../activities/laneStarting.ts';
import { CausewayError } from '../domain/error.ts';
import { laneSignals } from '../domain/laneMessages.ts';
import type { SendBlock } from './laneWriter.ts';

/**
 * Stores a block in its lane's history. Rejects with `temporal_unavailable`: the block may or may not be stored, and its
 * events' ids make a second POST harmless.
 */
export function blockSender(client: Client, taskQueue: string, within?: AskWithin): SendBlock {
  const signal = laneSignaller(client, taskQueue, within);
  return async ({ workflowId, start }, block) => {
    try {
      const request = { workflowId, start, signal: laneSignals.enqueue, inputs: [block], requestId: randomUUID() };
      return await signal(request);
    } catch (cause) {
      const remedy = 'Temporal did not confirm that it stored the event. Send the same POST again after a second.';
      throw new CausewayError('temporal_unavailable', remedy, { cause });
    }
  };
}

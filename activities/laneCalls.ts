import { createHash, randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { encodeToPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { CausewayError } from '../domain/error.ts';
import { type LaneStatus, laneQueries, type laneSignals, type ParkedEvent } from '../domain/laneMessages.ts';
import { inGroups } from './inGroups.ts';
import { isNotFound } from './notFound.ts';

/** A lane that no worker has in memory is replayed before it answers. In ms. */
const queryTimeoutMs = 4_000;
const signalTimeoutMs = 5_000;
const queriesAtOnce = 20;

export type LaneSignalName = (typeof laneSignals)['replay' | 'discard' | 'pause' | 'resume'];

/** What operators ask of a lane, and tell it. */
export type LaneCalls = {
  /** Undefined where the lane does not answer: no worker has time for it. */
  status(workflowId: string): Promise<LaneStatus | 'gone' | undefined>;
  deadLetters(workflowId: string): Promise<ParkedEvent[] | 'gone' | undefined>;
  /** Whether a lane with this id is open and has the signal now. Rejects with `temporal_unavailable`: it may or may not be stored. */
  signal(workflowId: string, signal: LaneSignalName, sent: SentSignal): Promise<boolean>;
};

/**
 * `requestKey` names the request that asks for it: one that comes again is stored once in a run. `about` stands beside the input; a
 * lane of an older version does not look at it.
 */
export type SentSignal = { input: unknown; about?: unknown; requestKey?: string | undefined };

export function laneCalls(client: Client): LaneCalls {
  const { identity, namespace, loadedDataConverter } = client.options;
  const query = async <Answer>(workflowId: string, name: string): Promise<Answer | 'gone' | undefined> => {
    const asked = client.connection.withDeadline(Date.now() + queryTimeoutMs, () =>
      client.workflow.getHandle(workflowId).query<Answer>(name),
    );
    return await asked.catch((error: unknown) => (isNotFound(error) ? 'gone' : undefined));
  };
  return {
    status: (workflowId) => query(workflowId, laneQueries.status),
    deadLetters: (workflowId) => query(workflowId, laneQueries.deadLetters),
    async signal(workflowId, signalName, { input, about, requestKey }) {
      const inputs = about === undefined ? [input] : [input, about];
      const payloads = (await encodeToPayloads(loadedDataConverter, ...inputs)) ?? [];
      // The id is ours, so that it is the same when the client, or the sender, sends it again.
      const requestId = requestKey === undefined ? randomUUID() : digestOf([requestKey, signalName, workflowId]);
      const request = {
        ...{ namespace, identity, requestId, signalName },
        workflowExecution: { workflowId },
        input: { payloads },
      };
      try {
        await client.connection.withDeadline(Date.now() + signalTimeoutMs, () =>
          client.workflowService.signalWorkflowExecution(request),
        );
        return true;
      } catch (cause) {
        if (isNotFound(cause)) return false;
        const remedy = `Temporal did not confirm the signal to ${workflowId}. Send the same request again after a second.`;
        throw new CausewayError('temporal_unavailable', remedy, { cause });
      }
    },
  };
}

const digestOf = (parts: readonly string[]): string => createHash('sha256').update(JSON.stringify(parts)).digest('hex');

/** Asks lanes some at a time; the answers are in their order. */
export const askedOf = <Lane, Answer>(
  lanes: readonly Lane[],
  ask: (lane: Lane) => Promise<Answer>,
): Promise<Answer[]> => inGroups(lanes, queriesAtOnce, ask);

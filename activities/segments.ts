/** Reads and closes the overflow segments of lanes. Asks Temporal alone. */
import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { type Block, blockOf, type Delivery, deliveriesOf } from '../domain/block.ts';
import { type LettersSettled, lettersSettledType, type ReadBodies } from '../domain/bodies.ts';
import { segmentSignals } from '../domain/overflow.ts';
import { discardedBefore, landedBefore } from '../domain/settledBefore.ts';
import { inGroups } from './inGroups.ts';
import { unlessNotFound } from './notFound.ts';
import { inputOf, isLost, lost } from './segmentInput.ts';
import type { SettledBefore } from './settledBefore.ts';

export type SegmentActivity = {
  readSegment(request: { segmentId: string; laneRunId: string; taken: string[] }): Promise<Block>;
  closeSegments(request: { taken: string[] }): Promise<void>;
  readBodies(request: ReadBodies): Promise<Block>;
};

/** So many signals are under way at once. */
const toldAtOnce = 10;

export type SegmentDependencies = {
  temporal: Client;
  /** What a lane settled before a reset. */
  settledBefore: Pick<SettledBefore, 'of'>;
};

export function createSegmentActivities({ temporal, settledBefore }: SegmentDependencies): SegmentActivity {
  /** A segment that was closed, by us or by a person, gets no signal; its history tells what it held all the same. */
  const tell = async (segmentId: string, signal: string, ...args: unknown[]): Promise<void> => {
    await unlessNotFound(() => temporal.workflow.getHandle(segmentId).signal(signal, ...args));
  };
  const closeSegments: SegmentActivity['closeSegments'] = async ({ taken }) => {
    await inGroups(taken, toldAtOnce, (id) => tell(id, segmentSignals.taken));
  };
  return {
    async readSegment({ segmentId, laneRunId, taken }) {
      await closeSegments({ taken });
      // Before its events can be sent by anyone: so whoever looks for an event that the segment held finds the run.
      await tell(segmentId, segmentSignals.read, laneRunId);
      return await blockIn(temporal, segmentId);
    },
    closeSegments,
    async readBodies(request) {
      try {
        return await bodiesOf(temporal, request);
      } catch (error) {
        const settled = isLost(error) && (await settledOf(request, settledBefore));
        if (!settled) throw error;
        throw ApplicationFailure.nonRetryable('Delivered or given up before a reset.', lettersSettledType, settled);
      }
    },
  };
}

async function bodiesOf(temporal: Client, { holderId, runId, letters }: ReadBodies): Promise<Block> {
  const held = deliveriesOf(await blockIn(temporal, holderId, runId));
  const bodies = letters.flatMap(({ at, id, again }): Delivery[] => {
    const one = held[at];
    return one?.id === id && one.again === again ? [one] : [];
  });
  if (bodies.length === letters.length) return blockOf(bodies, Date.now(), 0);
  throw lost('SEGMENT_UNREADABLE', `Workflow ${holderId} holds other bodies than it should.`);
}

/** What was done with these letters before a reset; undefined where that is nothing, or nobody reset the lane. */
async function settledOf(
  { letters, resetRunId }: ReadBodies,
  settledBefore: SegmentDependencies['settledBefore'],
): Promise<LettersSettled | undefined> {
  if (resetRunId === undefined) return undefined;
  const known = await settledBefore.of(Context.current().info.workflowExecution?.workflowId ?? '', resetRunId);
  const delivered = landedBefore(letters, known).flatMap(({ positions }) => positions);
  const discarded = discardedBefore(letters, known);
  return delivered.length + discarded.length > 0 ? { delivered, discarded } : undefined;
}

/** The bodies that a holder has; undefined where it is gone. */
export async function bodiesIn(temporal: Client, holderId: string): Promise<Delivery[] | undefined> {
  try {
    return deliveriesOf(await blockIn(temporal, holderId));
  } catch (error) {
    if (error instanceof ApplicationFailure) return undefined;
    throw error;
  }
}

/** All that a segment or a holder has, in order. Rejects, never to be tried again, where it is gone. */
async function blockIn(temporal: Client, segmentId: string, runId?: string): Promise<Block> {
  const { blocks } = await inputOf(temporal, segmentId, runId);
  return blockOf(blocks.flatMap(deliveriesOf), Math.min(...blocks.map(({ acceptedAtMs }) => acceptedAtMs)), 0);
}

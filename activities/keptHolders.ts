/** Keeps the bodies of a reset lane's dead letters where retention deletes nothing. Asks Temporal alone. */
import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { deliveriesOf } from '../domain/block.ts';
import { type HolderRun, holderWorkflowType } from '../domain/bodies.ts';
import { isKeyError } from '../domain/encryptionCodec.ts';
import { segmentTaskQueue } from '../domain/overflow.ts';
import { beating } from './beating.ts';
import { inGroups } from './inGroups.ts';
import { unlessNotFound } from './notFound.ts';
import { inputOf, isLost, type SegmentInput } from './segmentInput.ts';

const heartbeatEveryMs = 3_000;
/** So many holders are looked at at once, each of up to a mebibyte. */
const keptAtOnce = 10;
/** It changes between a look and a start only where another attempt starts it, or somebody by hand. */
const looksMax = 3;

export type KeptHolders = {
  /** Sees to it that these holders are open, as other runs of theirs where they were closed; the runs that have the bodies, in order. */
  keepHolders(request: { holders: HolderRun[] }): Promise<string[]>;
};

export const createKeptHolders = (temporal: Client): KeptHolders => ({
  keepHolders: ({ holders }) =>
    beating(heartbeatEveryMs, () => inGroups(holders, keptAtOnce, (holder) => keptOpen(temporal, holder))),
});

async function keptOpen(temporal: Client, { holderId, runId }: HolderRun): Promise<string> {
  for (let looks = 0; looks < looksMax; looks++) {
    const openRunId = await openRunOf(temporal, holderId);
    if (openRunId === runId) return runId;
    const input = await inputOf(temporal, holderId, runId).catch(unlessUnreadable);
    if (!input) return runId; // It is gone already, or its key is away: who reads it is told, and nothing else waits for it.
    if (openRunId !== undefined) {
      const other = await inputOf(temporal, holderId, openRunId).catch(unlessUnreadable);
      return other && areSame(other, input) ? openRunId : runId;
    }
    const opened = await openedAgain(temporal, holderId, input);
    if (opened !== undefined) return opened;
  }
  throw new Error(
    `The holder ${holderId} is neither open nor closed for long enough to be opened: another try may do.`,
  );
}

async function openRunOf(temporal: Client, holderId: string): Promise<string | undefined> {
  const now = await unlessNotFound(() => temporal.workflow.getHandle(holderId).describe());
  return now?.status.name === 'RUNNING' ? now.runId : undefined;
}

/** The run; undefined where one was opened meanwhile, by an attempt that was given up. */
async function openedAgain(
  temporal: Client,
  holderId: string,
  { start, blocks }: SegmentInput,
): Promise<string | undefined> {
  const taskQueue = segmentTaskQueue(Context.current().info.taskQueue);
  const options = { workflowId: holderId, taskQueue, args: [start, ...blocks] };
  try {
    return (await temporal.workflow.start(holderWorkflowType, options)).firstExecutionRunId;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
    throw error;
  }
}

/** Whether both hold the same bodies at the same places. */
function areSame(one: SegmentInput, other: SegmentInput): boolean {
  const [bodies, others] = [one, other].map(({ blocks }) => blocks.flatMap(deliveriesOf));
  return (
    bodies?.length === others?.length &&
    bodies?.every(({ id, again, value }, at) => {
      const same = others?.[at];
      return same?.id === id && same.again === again && Buffer.compare(same.value, value) === 0;
    }) === true
  );
}

function unlessUnreadable(error: unknown): undefined {
  if (!isLost(error) && !isKeyError(error)) throw error;
}

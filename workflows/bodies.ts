import { ActivityFailure, ApplicationFailure, proxyActivities } from '@temporalio/workflow';
import type { Block } from '../domain/block.ts';
import {
  bodiesLost,
  bodyLost,
  type HolderRun,
  holdersKept,
  type LettersSettled,
  lettersSettled,
  lettersSettledType,
  type ReadBodies,
  toReadBodies,
} from '../domain/bodies.ts';
import type { DeadLetter } from '../domain/deadLetters.ts';
import type { LaneStart } from '../domain/lane.ts';
import { segmentWorkflowId } from '../domain/overflow.ts';
import type { LaneOutcomes } from './exporting.ts';
import { failureOf } from './failureOf.ts';
import type { LaneMemory } from './overflow.ts';

export type BodyActivities = {
  /** Reads bodies out of one holder, in the order of the request. */
  readBodies(request: ReadBodies): Promise<Block>;
  /** Sees to it that these holders are open; which of their runs have the bodies, in order. */
  keepHolders(request: { holders: HolderRun[] }): Promise<string[]>;
};

// It asks nothing but Temporal: what fails is tried again until it is there.
const { readBodies } = proxyActivities<BodyActivities>({
  startToCloseTimeout: '15 seconds',
  retry: { initialInterval: '200 ms', backoffCoefficient: 2, maximumInterval: '5 seconds' },
});

// It may have thousands to look at, of a lane that was reset.
const { keepHolders } = proxyActivities<BodyActivities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '10 seconds', // A killed worker's is tried again after that.
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
});

export const holderIdsOf =
  ({ destinationId, lane }: LaneStart, { state }: LaneMemory) =>
  (number: number): string =>
    segmentWorkflowId(destinationId, lane, state.overflow.name, number);

/** Opens holders again that a lane which was reset closed after that point. */
export async function keptOpen(start: LaneStart, lane: LaneMemory): Promise<void> {
  const { holders } = lane.state;
  const holderId = holderIdsOf(start, lane);
  const runIds = await keepHolders({
    holders: holders.map(({ number, runId }) => ({ holderId: holderId(number), runId })),
  });
  const kept = holders.map(({ number, runId }, n) => ({ number, runId: runIds[n] ?? runId }));
  lane.state = holdersKept(lane.state, kept);
}

/** The bodies of these letters, which lie in one holder; undefined where they are lost, and the letters parked again, or settled before a reset. */
export async function bodiesRead(
  start: LaneStart,
  lane: LaneMemory,
  letters: readonly DeadLetter[],
  outcomes: LaneOutcomes,
): Promise<Block | undefined> {
  const request = toReadBodies(lane.state, letters, holderIdsOf(start, lane));
  try {
    return await readBodies(request);
  } catch (error) {
    const before = lane.state;
    const settled = settledIn(error);
    if (settled) {
      lane.state = lettersSettled(before, letters, settled);
      return undefined;
    }
    lane.state = bodiesLost(before, letters, bodyLost(request.holderId, failureOf(error)), Date.now());
    outcomes.parked(before, lane.state);
    return undefined;
  }
}

function settledIn(error: unknown): LettersSettled | undefined {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  if (!(cause instanceof ApplicationFailure) || cause.type !== lettersSettledType) return undefined;
  const [settled] = cause.details ?? [];
  return settled as LettersSettled; // Of our own activity.
}

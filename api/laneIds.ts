import type { Destination } from '../domain/destination.ts';
import { CausewayError } from '../domain/error.ts';
import { type HashedNames, isStoredName, storedLane } from '../domain/hashedNames.ts';
import { laneWorkflowId } from '../domain/lane.ts';
import type { Waiting } from './laneChange.ts';

/** The workflow of a destination's lane, by the lane's name; or by what a list shows of one that did not say its name. */
export type LaneIds = (destinationId: string, lane: string) => Promise<string>;

export type LaneIdOptions = {
  destinations: { get(id: string): Promise<Pick<Destination, 'id' | 'hashesKeys' | 'ordering'> | undefined> };
  hashKey: { needed(): Promise<HashedNames> };
};

export const laneIds =
  ({ destinations, hashKey }: LaneIdOptions): LaneIds =>
  async (destinationId, lane) => {
    const destination = await destinations.get(destinationId);
    if (!destination?.hashesKeys || isStoredName(destination, lane)) return laneWorkflowId(destinationId, lane);
    return laneWorkflowId(destinationId, storedLane(destination, lane, await hashKey.needed()));
  };

/** What a lane holds; throws where that can't be known. */
export type HeldIn = (workflowId: string) => Promise<Waiting>;

/**
 * The workflow that who names a lane means to tell something. A destination's lanes had clear names before they were hashed, and a replay
 * of what was delivered then begins one anew: the one that holds something is meant. Throws `lane_is_two` where both do, and what
 * `heldIn` throws.
 */
export const laneToTell =
  (workflowIdOf: LaneIds, heldIn: HeldIn): LaneIds =>
  async (destinationId, lane) => {
    const current = await workflowIdOf(destinationId, lane);
    const earlier = laneWorkflowId(destinationId, lane);
    // Most have nothing there: the other is asked only where it matters.
    if (current === earlier || !holds(await heldIn(earlier))) return current;
    if (!holds(await heldIn(current))) return earlier;
    throw isTwo(lane, current, earlier);
  };

const holds = ({ events, pausedLanes }: Waiting): boolean => events + pausedLanes > 0;

function isTwo(lane: string, current: string, earlier: string): CausewayError {
  const stored = current.split(':').slice(2).join(':');
  const remedy = `Lane "${lane}" is two workflows that both hold something: ${current}, and ${earlier} from before its name was hashed, which a replay began anew. Nothing was changed. Name the first as lane "${stored}"; of the other, dead letters are replayed or discarded by their event ids, and it is paused or resumed by: temporal workflow signal --workflow-id '${earlier}' --name resume (or pause).`;
  return new CausewayError('lane_is_two', remedy);
}

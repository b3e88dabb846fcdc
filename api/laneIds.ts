import type { Destination } from '../domain/destination.ts';
import { type HashedNames, isStoredName, storedLane } from '../domain/hashedNames.ts';
import { laneWorkflowId } from '../domain/lane.ts';

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

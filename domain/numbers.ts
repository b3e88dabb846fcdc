/** What a sample of all lanes saw, for pages that show how it goes. Pure. */
import type { DeliveryState } from './lane.ts';

/** From the worst on. */
export const statesByConcern = [
  'Suspended',
  'Waiting',
  'Parked',
  'Paused',
  'Delivering',
] as const satisfies readonly DeliveryState[];

export type LaneCounts = { [state in DeliveryState]?: number };

export type OldestWaiting = { acceptedAt: string; destinationId: string; lane: string; state: DeliveryState };

export type Seen = {
  lanes: Required<LaneCounts>;
  deadLetters: number;
  /** Set where not all lanes with dead letters have been looked at yet. */
  deadLettersAtLeast?: true;
  suspendedDestinations: number;
  oldestWaiting?: OldestWaiting | undefined;
  /** Whether each destination in trouble is among those that were seen, in a pass over all lanes that ended lately. */
  isWhole: boolean;
};

/** A destination some of whose lanes do not simply deliver: how many are in each state. */
export type DestinationSeen = {
  destinationId: string;
  state: DeliveryState;
  deadLetters: number;
  lanes: LaneCounts;
  error?: { name: string; message: string } | undefined;
  since?: string | undefined;
};

export type SeenLane = { destinationId: string; state: DeliveryState; deadLetters: number };

/** Destinations with their lanes in trouble, the worst first. There may be a hundred thousand lanes, so sums are added up in place. */
export function destinationsIn(lanes: Iterable<SeenLane>): DestinationSeen[] {
  const found = new Map<string, DestinationSeen>();
  for (const { destinationId, state, deadLetters } of lanes) {
    const one = found.get(destinationId) ?? { destinationId, state, deadLetters: 0, lanes: {} };
    if (concernOf(state) < concernOf(one.state)) one.state = state;
    one.deadLetters += deadLetters;
    one.lanes[state] = (one.lanes[state] ?? 0) + 1;
    found.set(destinationId, one);
  }
  return [...found.values()].toSorted(
    (a, b) =>
      concernOf(a.state) - concernOf(b.state) ||
      b.deadLetters - a.deadLetters ||
      lanesIn(b.lanes) - lanesIn(a.lanes) ||
      (a.destinationId < b.destinationId ? -1 : 1),
  );
}

const concernOf = (state: DeliveryState): number => statesByConcern.indexOf(state);
export const lanesIn = (lanes: LaneCounts): number => Object.values(lanes).reduce((sum, count) => sum + count, 0);

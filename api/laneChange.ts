import { setTimeout as sleep } from 'node:timers/promises';
import type { Destination } from '../domain/destination.ts';
import { CausewayError } from '../domain/error.ts';
import type { StoredDestination } from '../store/destinationRow.ts';
import type { LaneHold } from '../store/laneHold.ts';
import { existing } from './storedDestination.ts';

/**
 * Which lane a key has may change only while its lanes are empty, or events of the key would overtake each other. So the
 * lanes are held: every API process sees the hold within a second and refuses new events. What is already on its way into
 * a lane either is stored within another second, hence seen by whoever asks the lanes then, or is not answered with a 202
 * (`movedMeanwhile`).
 */
const holdSeenMs = 1_000;
export const onTheWayMs = 1_000;
const holdMs = 60_000;
/** With less of the hold left than this, another process might take new events before it sees the change. */
const leftMsMin = 15_000;

export type LaneHolds = {
  get(id: string): Promise<StoredDestination | undefined>;
  holdLanes(id: string, holdMs: number): Promise<LaneHold | undefined>;
  releaseLanes(hold: LaneHold): Promise<void>;
};

export type LanesOfDestination = {
  /** What the lanes hold that the destination has; throws where that can't be known. */
  waiting(destination: Pick<Destination, 'id' | 'ordering' | 'hashesKeys'>): Promise<Waiting>;
};

/** How many events wait, dead letters included, and how many lanes are paused: a lane that comes after would not be. */
export type Waiting = { events: number; pausedLanes: number };

type LaneSettings = Pick<Destination, 'partitionKey' | 'ordering' | 'hashesKeys'>;

export const changesLanes = (before: LaneSettings, next: Partial<LaneSettings>): boolean =>
  (next.partitionKey ?? before.partitionKey) !== before.partitionKey ||
  (next.ordering ?? before.ordering).lanes !== before.ordering.lanes;

/** It begins once, beside what a person changes. */
const beganHashing = (before: LaneSettings, current: LaneSettings): boolean => before.hashesKeys !== current.hashesKeys;

/**
 * Runs `change` while the destination's lanes are held and empty, with the destination as it is then: its lanes may have been others
 * before the hold. Throws `destination_not_found`, `lanes_held`, `events_waiting`, `lanes_paused`, `lanes_unknown`, `lanes_not_held` (it
 * took too long) or what `change` throws; the lanes are then released, and nothing was changed.
 */
export async function withEmptyLanes<T>(
  id: string,
  holds: LaneHolds,
  lanes: LanesOfDestination,
  change: (hold: LaneHold, destination: StoredDestination) => Promise<T>,
): Promise<T> {
  const hold = await holds.holdLanes(id, holdMs);
  if (!hold) {
    throw new CausewayError('lanes_held', 'Another request is changing the lanes of this destination. Try again soon.');
  }
  try {
    await sleep(holdSeenMs + onTheWayMs);
    const destination = await existing(holds, id);
    const { events, pausedLanes } = await lanes.waiting(destination);
    if (events > 0) throw eventsWaiting(events);
    if (pausedLanes > 0) throw lanesPaused(pausedLanes);
    if (hold.until.getTime() - Date.now() < leftMsMin) {
      throw new CausewayError('lanes_not_held', 'Asking the lanes took too long. Nothing was changed; try again.');
    }
    return await change(hold, destination);
  } catch (error) {
    // A hold that can't be released ends by itself.
    await holds.releaseLanes(hold).catch(() => undefined);
    throw error;
  }
}

const eventsWaiting = (events: number): CausewayError =>
  new CausewayError(
    'events_waiting',
    `${events} ${events === 1 ? 'event waits' : 'events wait'} in the lanes of the destination, dead letters included, and would lose the order. Nothing was changed; try again once they are delivered or discarded.`,
  );

const lanesPaused = (count: number): CausewayError =>
  new CausewayError(
    'lanes_paused',
    `${count} ${count === 1 ? 'lane is' : 'lanes are'} paused by an operator, and those that come after would not be. Nothing was changed; resume them (causeway lanes shows which), then try again, or pause the destination instead.`,
  );

/** Whether nothing new may enter the destination's lanes now. */
export const isHeld = ({ lanesHeldUntil }: Destination, now: Date): boolean =>
  lanesHeldUntil !== undefined && new Date(lanesHeldUntil) > now;

/** Whether the lanes of a destination, as it was when an event was addressed, are being changed or were. */
export function movedMeanwhile(before: Destination, all: readonly Destination[], now: Date): boolean {
  const current = all.find(({ id }) => id === before.id);
  return (
    current !== undefined && (isHeld(current, now) || changesLanes(before, current) || beganHashing(before, current))
  );
}

/** Names and answers of a lane's signals and queries: what scripts and the CLI rely on. */
import type { Failed } from './attempt.ts';
import { eventIdPrefix } from './eventId.ts';
import type { DeliveryState } from './lane.ts';
import {
  type Counts,
  deliveryStateOf,
  type Held,
  heldBy,
  type LaneState,
  type Note,
  queuedBytes,
  queuedEvents,
} from './laneState.ts';

export const laneSignals = {
  enqueue: 'enqueue',
  replay: 'replay',
  discard: 'discard',
  pause: 'pause',
  resume: 'resume',
} as const;
export const laneQueries = { status: 'status', deadLetters: 'deadLetters' } as const;

export type LaneStatus = {
  state: DeliveryState;
  /** Events accepted and not yet delivered or parked, the batch on its way included. */
  waitingEvents: number;
  waitingBytes: number;
  deadLetters: number;
  /** Why nothing of what waits is being sent. */
  held?: Held | undefined;
  counts: Counts;
  suspended?: Failed | undefined;
  paused?: Note | undefined;
};

export type ParkedEvent = { eventId: string; partitionKey: string; bytes: number; parkedAt: string; error: Failed };

export const statusOf = (state: LaneState): LaneStatus => ({
  state: deliveryStateOf(state),
  waitingEvents: queuedEvents(state),
  waitingBytes: queuedBytes(state) + (state.sending?.bodies.length ?? 0),
  deadLetters: state.deadLetters.length,
  held: state.sending || state.queue.length === 0 ? undefined : heldBy(state),
  counts: state.counts,
  suspended: state.suspended,
  paused: state.paused,
});

export const parkedEventsOf = (state: LaneState): ParkedEvent[] =>
  state.deadLetters.map(({ delivery, parkedAtMs, error }) => ({
    eventId: eventIdPrefix + delivery.id,
    partitionKey: delivery.key,
    bytes: delivery.value.length,
    parkedAt: new Date(parkedAtMs).toISOString(),
    error,
  }));

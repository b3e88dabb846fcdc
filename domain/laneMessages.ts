/** Names and answers of a lane's signals and queries: what scripts and the CLI rely on. */
import type { Failed } from './attempt.ts';
import { lengthOf } from './deadLetters.ts';
import { eventIdPrefix } from './eventId.ts';
import type { DeliveryState } from './lane.ts';
import { type Hold, holdOf, holdRemedy } from './laneHold.ts';
import { type Counts, deliveryStateOf, type Held, heldBy, type LaneState, type Note } from './laneState.ts';
import { bytesOver, eventsIn, eventsOver, segmentCount, valueBytesIn } from './overflow.ts';

export const laneSignals = {
  enqueue: 'enqueue',
  replay: 'replay',
  discard: 'discard',
  /** A replay's: events that were delivered go once more. */
  resend: 'resend',
  pause: 'pause',
  resume: 'resume',
  /** The keeper's: the destination answers again. */
  wake: 'wake',
  /** The keeper's: the destination has been unusable for so long that it is itself at fault. */
  suspend: 'suspend',
} as const;
export const laneQueries = { status: 'status', deadLetters: 'deadLetters' } as const;

export type LaneStatus = {
  /** The lane's name, where its workflow's id has a hash of it. */
  lane?: string | undefined;
  state: DeliveryState;
  /** Events accepted and not yet delivered or parked, the batch on its way included. */
  waitingEvents: number;
  waitingBytes: number;
  /** Overflow segments, and how many of the events are in them or will be. */
  overflow?: { segments: number; events: number } | undefined;
  deadLetters: number;
  /** When the oldest of what waits was accepted, or parked where it was released since; absent where all of that lies in segments. */
  waitingSince?: string | undefined;
  /** Why nothing of what waits is being sent. */
  held?: Held | undefined;
  counts: Counts;
  /** Why the lane stands still for its destination's sake. */
  hold?: ShownHold | undefined;
  paused?: Note | undefined;
  /** Its destination takes long to answer: its batches wait in places of their own. */
  slow?: true | undefined;
  /** Its run is long: it continues as new at the next moment in which senders promise to send it nothing. */
  renewing?: true | undefined;
};

export type ShownHold = {
  kind: Hold['kind'];
  error: Failed;
  since: string;
  remedy: string;
  /** The lane tries by itself then, should nobody wake it before. */
  looksAt: string;
};

export type ParkedEvent = {
  /** As in {@link LaneStatus}. */
  lane?: string;
  eventId: string;
  partitionKey: string;
  bytes: number;
  parkedAt: string;
  error: Failed;
  /** The workflow in which its body lies, with others; absent where the lane itself has it. */
  bodyIn?: string;
};

/** What waits, in segments too, and the batch on its way. */
const waitingEvents = ({ queue, sending, released, overflow }: LaneState): number =>
  eventsIn(queue) + eventsIn(sending ? [sending] : []) + released.length + eventsOver(overflow);
const waitingBytes = ({ queue, sending, released, overflow }: LaneState): number =>
  valueBytesIn(queue) +
  valueBytesIn(sending ? [sending] : []) +
  released.reduce((sum, letter) => sum + lengthOf(letter), 0) +
  bytesOver(overflow);

export const statusOf = (state: LaneState): LaneStatus => ({
  state: deliveryStateOf(state),
  waitingEvents: waitingEvents(state),
  overflow: overflowOf(state),
  waitingBytes: waitingBytes(state),
  deadLetters: state.deadLetters.length,
  waitingSince: waitingSince(state),
  held: state.sending || waitingEvents(state) === 0 ? undefined : heldBy(state),
  counts: state.counts,
  hold: shownHold(holdOf(state)),
  paused: state.paused,
  ...(state.slow && { slow: true as const }),
});

function overflowOf({ overflow }: LaneState): LaneStatus['overflow'] {
  const segments = segmentCount(overflow);
  return segments === 0 ? undefined : { segments, events: eventsOver(overflow) };
}

function waitingSince({ queue, sending, released }: LaneState): string | undefined {
  const [first] = queue; // In the order of acceptance.
  const times = [first?.acceptedAtMs, sending?.acceptedAtMs, released[0]?.parkedAtMs].filter(
    (atMs) => atMs !== undefined,
  );
  return times.length === 0 ? undefined : iso(Math.min(...times));
}

const iso = (ms: number): string => new Date(ms).toISOString();

const shownHold = (hold: Hold | undefined): ShownHold | undefined =>
  hold && {
    kind: hold.kind,
    error: hold.error,
    since: iso(hold.sinceMs),
    remedy: holdRemedy(hold),
    looksAt: iso(hold.looksAtMs),
  };

export const parkedEventsOf = (state: LaneState, holderId: (number: number) => string): ParkedEvent[] =>
  state.deadLetters.map((letter) => {
    const { delivery, parkedAtMs, error } = letter;
    return {
      eventId: eventIdPrefix + delivery.id,
      partitionKey: delivery.key,
      bytes: lengthOf(letter),
      parkedAt: iso(parkedAtMs),
      error,
      ...('body' in delivery && { bodyIn: holderId(delivery.body.holder) }),
    };
  });

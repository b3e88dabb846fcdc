/** What a lane decides about its overflow: when a segment is opened, of what, and when one is read back. Pure. */
import { bytesOfKeys, keysIn, splitByKeys } from './aside.ts';
import type { Failed } from './attempt.ts';
import { type Block, blocksOf, deliveriesOf } from './block.ts';
import { blockedKeys } from './deadLetters.ts';
import { heldFor } from './laneHold.ts';
import { canSend, carriedBytes, carriedBytesMax, heldBy, type LaneState } from './laneState.ts';
import {
  blocksForSegment,
  eventsIn,
  firstSegment,
  isOverflowing,
  nothingAside,
  type Opening,
  type Overflow,
  passedOver,
  payloadBytesIn,
  segmentBytesMax,
  valueBytesIn,
  withoutFirst,
  withSegment,
} from './overflow.ts';

/** A lane that delivers holds so much before it overflows, in bytes of payloads: its worker has it in memory. */
export const queueBytesMax = 8 * 1024 * 1024;
/** With less than this in its queue, a lane reads the next segment: a batch should never have to wait for it. */
const readBelowBytes = 1024 * 1024;

/** How long the lane's run is: it should continue as new, or really must. */
export type RunLength = 'short' | 'long' | 'tooLong';

/** Where what goes to a segment is taken from: the tail, the end of the queue, or what is blocked of the queue. */
export type OverflowSource = 'tail' | 'queue' | 'blocked';

/** Held for a while, so that what waits is better off in segments: not for a part of its keys, the others go on. */
function isStopped(state: LaneState): boolean {
  const reason = heldBy(state)?.reason;
  return reason !== undefined && reason !== 'keysBlocked';
}

/**
 * From where the next segment is to be filled now, if from anywhere. A lane that delivers gets by without segments, until its
 * queue is really too much: what it can't carry into the next run it delivers first, as long as its run is not too long.
 */
export function toOverflow(state: LaneState, run: RunLength): OverflowSource | undefined {
  const { overflow, queue } = state;
  if (overflow.opening) return undefined;
  // What stood aside comes before the queue's events of its keys: the queue makes room.
  if (overflow.aside.returning) return queue.length > 0 && isOverflowing(overflow) ? 'queue' : undefined;
  if (payloadBytesIn(overflow.tail) >= segmentBytesMax) return 'tail';
  const blockedBytes = bytesOfKeys(queue, blockedKeys(state));
  if (blockedBytes >= segmentBytesMax) return 'blocked';
  const isIdle = !state.sending && !canSend(state);
  const isTooMuchToCarry = run !== 'short' && carriedBytes(state) > carriedBytesMax && (isIdle || run === 'tooLong');
  if (isTooMuchToCarry && overflow.tail.length > 0) return 'tail';
  if (queue.length === 0) return undefined;
  if (isTooMuchToCarry) return blockedBytes > 0 ? 'blocked' : 'queue';
  // Carried along through many runs, its events would be hard to find in the log.
  if (isIdle && isStopped(state) && isOverflowing(overflow) && run !== 'short') return 'queue';
  return payloadBytesIn(queue) > (isStopped(state) ? segmentBytesMax : queueBytesMax) ? 'queue' : undefined;
}

/** The state with a segment's worth of blocks taken out, to be opened. */
export function overflowed(
  state: LaneState,
  from: OverflowSource,
  newName: string,
  bytesMax = segmentBytesMax,
): LaneState {
  const { overflow } = state;
  const name = overflow.name || newName;
  const number = overflow.nextNumber;
  if (from === 'blocked') {
    const { taken: blocks, left } = splitByKeys(state.queue, blockedKeys(state), bytesMax);
    const aside = { ...overflow.aside, keys: [...new Set([...overflow.aside.keys, ...keysIn(blocks)])] };
    return {
      ...state,
      queue: left,
      overflow: { ...overflow, name, aside, opening: { number, place: 'aside', blocks } },
    };
  }
  if (from === 'queue' && isOverflowing(overflow)) {
    const count = blocksForSegment(state.queue.toReversed(), bytesMax);
    const opening: Opening = { number, place: 'front', blocks: state.queue.slice(-count) };
    return { ...state, queue: state.queue.slice(0, -count), overflow: { ...overflow, name, opening } };
  }
  const all = from === 'tail' ? overflow.tail : state.queue;
  const count = blocksForSegment(all, bytesMax);
  const opening: Opening = { number, place: 'back', blocks: all.slice(0, count) };
  const queue = from === 'tail' ? state.queue : [];
  return { ...state, queue, overflow: { ...overflow, name, opening, tail: all.slice(count) } };
}

/** The state once Temporal has started the segment. Its content leaves the state only now. */
export function opened(state: LaneState): LaneState {
  const { overflow } = state;
  const { opening } = overflow;
  if (!opening) return state;
  const next = { ...overflow, opening: undefined, nextNumber: opening.number + 1 };
  if (opening.place !== 'aside') return { ...state, overflow: { ...next, ...grown(overflow, opening) } };
  return { ...state, overflow: { ...next, aside: { ...overflow.aside, ...grown(overflow.aside, opening) } } };
}

const grown = ({ segments, events, bytes }: Pick<Overflow, 'segments' | 'events' | 'bytes'>, opening: Opening) => ({
  segments: withSegment(segments, opening),
  events: events + eventsIn(opening.blocks),
  bytes: bytes + valueBytesIn(opening.blocks),
});

/** Whether what stood aside can go back now: not while a segment is read or opened. */
export const toReturn = ({ queue, overflow }: LaneState): boolean =>
  overflow.aside.returning !== undefined &&
  overflow.opening === undefined &&
  (queue.length === 0 || !isOverflowing(overflow));

/** The state with what stood aside before everything else, but for the dead letters that were released. */
export function returned(state: LaneState): LaneState {
  const { queue, overflow } = state;
  const { aside, segments, events, bytes, tail } = overflow;
  return {
    ...state,
    queue: aside.returning ?? [],
    overflow: {
      ...overflow,
      segments: [...aside.segments, ...segments],
      events: aside.events + events,
      bytes: aside.bytes + bytes,
      tail: [...queue, ...tail], // One of them is empty.
      aside: nothingAside,
    },
  };
}

/**
 * The state where there is an open segment of that number: one that was opened after the point to which the lane was reset,
 * since when the lane has its events again. It is closed, and a later number tried: each that is met costs the history the
 * segment's content once more, so with each twice as many are passed over, and closed. `met`: how many it has met before.
 */
export function alreadyThere(state: LaneState, met: number): LaneState {
  const { overflow } = state;
  const { opening } = overflow;
  if (!opening) return state;
  const passed = passedOver(opening.number, met);
  const nextNumber = opening.number + passed.length;
  const taken = [...overflow.taken, ...passed];
  return { ...state, overflow: { ...overflow, nextNumber, taken, opening: { ...opening, number: nextNumber } } };
}

/** The segment to read now, if any. */
export function toRead(state: LaneState, run: RunLength): number | undefined {
  const { overflow, queue } = state;
  if (overflow.opening || overflow.aside.returning || run !== 'short' || isStopped(state)) return undefined;
  // What is blocked can't be sent, however much there is.
  const bytes = payloadBytesIn(queue) - bytesOfKeys(queue, blockedKeys(state));
  return bytes < readBelowBytes ? firstSegment(overflow) : undefined;
}

/** The state with what was read of the first segment at the end of the queue; the tail follows where that was the last one. */
export function readBack(state: LaneState, block: Block): LaneState {
  const { overflow } = state;
  const number = firstSegment(overflow);
  if (number === undefined) return state;
  const blocks = blocksOf(deliveriesOf(block), block.acceptedAtMs);
  const segments = withoutFirst(overflow.segments);
  const isLast = segments.length === 0;
  return {
    ...state,
    queue: [...state.queue, ...blocks, ...(isLast ? overflow.tail : [])],
    overflow: {
      ...overflow,
      segments,
      events: isLast ? 0 : overflow.events - block.entries.length,
      bytes: isLast ? 0 : overflow.bytes - valueBytesIn(blocks),
      tail: isLast ? [] : overflow.tail,
      taken: [...overflow.taken, number],
    },
  };
}

/** The state where the first segment can't be read: the lane stops, and skips nothing. */
export const lostSegment = (state: LaneState, error: Failed, nowMs: number): LaneState => ({
  ...state,
  overflow: { ...state.overflow, lost: heldFor('suspended', error, { resumed: undefined, nowMs }) },
});

/** So many are closed by one activity, which has some seconds for it. */
export const closedAtOnceMax = 100;

/** Whether segments are left to close that no reading of a next one would close. */
export const toClose = ({ overflow }: LaneState): boolean => overflow.taken.length > 0 && !isOverflowing(overflow);

/** The state once these were closed. */
export function closed(state: LaneState, numbers: readonly number[]): LaneState {
  const taken = state.overflow.taken.filter((number) => !numbers.includes(number));
  return { ...state, overflow: { ...state.overflow, taken } };
}

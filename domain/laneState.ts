/** What a lane knows and decides: pure, so that the workflow only waits, calls and remembers. */
import { areAllOfKeys, withReleased } from './aside.ts';
import type { Failed, Outcome } from './attempt.ts';
import { parkedOf, withFirst } from './batchEnd.ts';
import { type Block, blockOf, deliveriesOf, filterBlock } from './block.ts';
import { isAnyReleased, withoutUnusedHolders } from './bodies.ts';
import {
  blockedKeys,
  type DeadLetter,
  deadLetterBytes,
  deadLetterBytesMax,
  type Holder,
  heldLetterBytesMax,
  isFullOfLetters,
} from './deadLetters.ts';
import { DedupWindow } from './dedupWindow.ts';
import type { DeliveryState, LaneLimits } from './lane.ts';
import { type Hold, heldFor, holdFrom, holdOf, holdRemedy, type Resumed } from './laneHold.ts';
import type { ResendNote } from './laneSignals.ts';
import { isAnyAside, isOverflowing, noOverflow, type Overflow, overflowCarriedBytes } from './overflow.ts';
import { blockPayloadBytes } from './payloadSize.ts';
import {
  isTaken,
  lastResentAtMs,
  markedAgain,
  type ResentPart,
  resentKeptMs,
  resentPartBytes,
  withPart,
} from './resent.ts';

export type Note = { reason?: string | undefined; by?: string | undefined };

export type Counts = {
  accepted: number;
  repeated: number;
  delivered: number;
  parked: number;
  discarded: number;
  /** Delivered before, and taken in once more for a replay; absent before the first. */
  resent?: number | undefined;
};

export type LaneState = {
  /** Accepted, not delivered, in order. */
  queue: readonly Block[];
  /** What comes after the queue, where that is too much for it. */
  overflow: Overflow;
  /** What the running produce activity carries. */
  sending: Block | undefined;
  deadLetters: readonly DeadLetter[];
  /** Dead letters that someone replays and that are not sent yet, in order: before the queue. None where no body lies elsewhere. */
  released: readonly DeadLetter[];
  /** Those that `sending` is made of; none where it comes from the queue. */
  sendingLetters: readonly DeadLetter[];
  /** The workflows in which bodies of these lie. */
  holders: readonly Holder[];
  /** Whether a dead letter holds back later events of its key; the destination's setting as last heard. */
  onDeadLetter: 'continue' | 'block';
  /** Set while the lane stands still for its destination's sake. */
  hold: Hold | undefined;
  /** How the last hold ended, until something is settled. */
  resumed: Resumed | undefined;
  paused: Note | undefined;
  /** Whether the destination takes long to answer: its batches have places of their own, so that no other destination waits for them. */
  slow: boolean;
  /**
   * The run that a reset made, until all that its signals brought once more is settled: what was delivered before the reset is
   * not delivered again.
   */
  resetRunId: string | undefined;
  counts: Counts;
  seen: DedupWindow;
  /** The last part of each replay of delivered events. */
  resent: readonly ResentPart[];
  /** The last requests for a replay or discard, by their names: one that comes again is not followed again. */
  requests: readonly string[];
};

/**
 * A batch is what one produce activity gets: as many queued blocks as fit, for a cycle of the lane costs nearly the same for
 * few events and many (docs/decisions/batches.md). In bytes of the payload before compression; Temporal's limit is 2 MB.
 */
export const batchEventsMax = 2_400;
export const batchBytesMax = 1_700_000;

/**
 * A lane carries at most this much into a new run, in bytes; with more it delivers first. Temporal's limit is 2 MB for all that
 * a run is started with, and a lane over it could never continue.
 */
export const carriedBytesMax = 1_800_000;
/** Of the name of a request, in bytes. */
export const requestBytes = 32;
/** What is carried beside blocks, dead letters and ids: counts, a suspension or a pause, and the heads of payloads. */
const carriedOverheadBytes = 4 * 1024;

export const newLaneState = (limits: LaneLimits): LaneState => ({
  queue: [],
  overflow: noOverflow,
  sending: undefined,
  deadLetters: [],
  released: [],
  sendingLetters: [],
  holders: [],
  onDeadLetter: 'continue',
  hold: undefined,
  resumed: undefined,
  paused: undefined,
  slow: false,
  resetRunId: undefined,
  counts: { accepted: 0, repeated: 0, delivered: 0, parked: 0, discarded: 0 },
  seen: new DedupWindow(limits.dedupIdsMax, limits.dedupWindowMs),
  resent: [],
  requests: [],
});

/** The state with a block behind all that waits, less the events whose id the lane has seen. */
export function enqueued(state: LaneState, block: Block, nowMs: number): LaneState {
  const fresh = filterBlock(block, ({ id }) => !state.seen.isRepeat(id, nowMs));
  const { counts } = state;
  const accepted = counts.accepted + fresh.entries.length;
  const repeated = counts.repeated + block.entries.length - fresh.entries.length;
  const next = { ...state, counts: { ...counts, accepted, repeated } };
  return fresh.entries.length === 0 ? next : behindAll(next, fresh);
}

/** The state with events that were delivered behind all that waits, whatever the dedup window knows: once for each part. */
export function resent(state: LaneState, block: Block, note: ResendNote, nowMs: number): LaneState {
  if (isTaken(state.resent, note)) return state;
  const counts = { ...state.counts, resent: (state.counts.resent ?? 0) + block.entries.length };
  const next = { ...state, counts, resent: withPart(state.resent, note, nowMs) };
  return behindAll(next, markedAgain(block, note.replay));
}

function behindAll(state: LaneState, block: Block): LaneState {
  if (!isOverflowing(state.overflow)) return { ...state, queue: [...state.queue, block] };
  return { ...state, overflow: { ...state.overflow, tail: [...state.overflow.tail, block] } };
}

/** Why a lane with events in its queue sends none of them, and what ends that. */
export type Held = {
  reason: 'paused' | Hold['kind'] | 'deadLettersFull' | 'keysBlocked' | 'gathering';
  remedy: string;
};

/** Why none of the queue may be sent now, or undefined where some of it may. */
export function heldBy(state: LaneState): Held | undefined {
  if (state.paused) return { reason: 'paused', remedy: 'Signal resume.' };
  const hold = holdOf(state);
  if (hold) return { reason: hold.kind, remedy: holdRemedy(hold) };
  if (isAnyReleased(state)) return undefined; // Which makes the dead letters no more.
  if (isFullOfLetters(state)) return deadLettersFull;
  const blocked = blockedKeys(state);
  return blocked.size > 0 && areAllOfKeys(state.queue, blocked) ? keysBlocked : undefined;
}
const deadLettersFull: Held = {
  reason: 'deadLettersFull',
  remedy: `The lane has no room for further dead letters: those that it has take ${heldLetterBytesMax / 1024} KiB without their bodies, or ${deadLetterBytesMax / 1024} KiB with them. Signal replay or discard.`,
};
const keysBlocked: Held = {
  reason: 'keysBlocked',
  remedy: 'Every event that waits has the key of a dead letter, and onDeadLetter is "block". Signal replay or discard.',
};

/** Whether there is something that may be sent now. */
export const canSend = (state: LaneState): boolean =>
  !state.sending &&
  (state.queue.length > 0 || isAnyReleased(state)) &&
  !state.overflow.aside.returning &&
  heldBy(state) === undefined;

/** The state with the next batch taken out of the queue, in order: it is part of the state before anyone sends it. */
export function planned(state: LaneState): LaneState {
  const blocked = blockedKeys(state);
  const taken: Block[] = [];
  const left: Block[] = [];
  let events = 0;
  let bytes = 0;
  for (const [position, block] of state.queue.entries()) {
    const open = blocked.size === 0 ? block : filterBlock(block, ({ key }) => !blocked.has(key));
    const fits = events + open.entries.length <= batchEventsMax && bytes + blockPayloadBytes(open) <= batchBytesMax;
    if (open.entries.length > 0 && !fits && taken.length > 0) {
      left.push(...state.queue.slice(position));
      break;
    }
    if (open.entries.length > 0) taken.push(open);
    events += open.entries.length;
    bytes += blockPayloadBytes(open);
    if (open !== block) left.push(filterBlock(block, ({ key }) => blocked.has(key)));
  }
  return { ...state, queue: left, sending: joined(taken) };
}

function joined(blocks: readonly Block[]): Block | undefined {
  const [first] = blocks;
  if (!first || blocks.length === 1) return first;
  return blockOf(blocks.flatMap(deliveriesOf), Math.min(...blocks.map((block) => block.acceptedAtMs)), 0);
}

/** The state after a batch: what landed is counted, what was refused is parked, what is left stands first in the queue. */
export function settled(state: LaneState, outcome: Outcome, nowMs: number): LaneState {
  const sent = state.sending;
  if (!sent) return state;
  const landed = new Set(outcome.landed.flatMap(({ positions }) => positions));
  const errors = new Map(outcome.refused.map(({ position, error }) => [position, error]));
  const parked = parkedOf(state, sent, errors, nowMs);
  const discarded = new Set(outcome.discardedBefore);
  const isLeft = (at: number): boolean => !landed.has(at) && !parked.has(at) && !discarded.has(at);
  const left = filterBlock(sent, (_, at) => isLeft(at));
  const { counts } = state;
  const isProgress = left.entries.length < sent.entries.length;
  const resumed = isProgress ? undefined : state.resumed;
  const next: LaneState = {
    ...withFirst(
      state,
      left,
      state.sendingLetters.filter((_, at) => isLeft(at)),
    ),
    onDeadLetter: outcome.onDeadLetter ?? state.onDeadLetter,
    hold: holdFrom(outcome, resumed, nowMs),
    resumed,
    slow: outcome.slow ?? state.slow,
    deadLetters: parked.size === 0 ? state.deadLetters : [...state.deadLetters, ...parked.values()],
    counts: {
      ...counts,
      delivered: counts.delivered + landed.size,
      parked: counts.parked + parked.size,
      discarded: counts.discarded + discarded.size,
    },
  };
  // The destination's setting may be another now.
  return withoutReset(withoutUnusedHolders(withReleased(next, [], blockedKeys(next))), outcome);
}

/**
 * The state without its reset, once a batch of the run that the reset made has left nothing to settle: a reset run begins with
 * every signal that came after the reset point. What a batch tells that was copied from before it is another run's, or none's.
 */
const withoutReset = (state: LaneState, { resetRunId }: Outcome): LaneState =>
  resetRunId !== undefined &&
  resetRunId === state.resetRunId &&
  state.queue.length === 0 &&
  state.released.length === 0 &&
  !isOverflowing(state.overflow) &&
  !isAnyAside(state.overflow)
    ? { ...state, resetRunId: undefined }
    : state;

/** The state when the produce activity failed in a way that no table foresaw: nothing is lost, a person looks. */
export function interrupted(state: LaneState, error: Failed, nowMs: number): LaneState {
  if (!state.sending) return state;
  const hold = heldFor('suspended', error, { resumed: state.resumed, nowMs });
  return { ...withFirst(state, state.sending, state.sendingLetters), hold };
}

/** What the lane would carry into a new run, in bytes before compression: not less, and little more. */
export const carriedBytes = (state: LaneState): number =>
  carriedOverheadBytes +
  state.queue.reduce((sum, block) => sum + blockPayloadBytes(block), 0) +
  overflowCarriedBytes(state.overflow) +
  deadLetterBytes(state) +
  state.seen.carriedBytes +
  state.resent.length * resentPartBytes +
  state.requests.length * requestBytes;

/** Whether nothing is left to do or to remember at `nowMs`: the lane may close. */
export const isOver = (state: LaneState, nowMs: number): boolean =>
  state.queue.length === 0 &&
  !state.sending &&
  !isOverflowing(state.overflow) &&
  !isAnyAside(state.overflow) &&
  state.overflow.taken.length === 0 &&
  state.deadLetters.length === 0 &&
  state.released.length === 0 &&
  !state.paused &&
  !state.hold &&
  nowMs >= state.seen.endsAtMs() &&
  // A lane that began anew would take a replay's part once more.
  (state.resent.length === 0 || nowMs >= lastResentAtMs(state.resent) + resentKeptMs);

export function deliveryStateOf(state: LaneState): DeliveryState {
  if (state.paused) return 'Paused';
  const hold = holdOf(state);
  if (hold) return hold.kind === 'waiting' ? 'Waiting' : 'Suspended';
  return state.deadLetters.length > 0 ? 'Parked' : 'Delivering';
}

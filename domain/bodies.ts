/**
 * The bodies of a lane's dead letters. Whatever a person asks of dead letters is decided by what the lane keeps of each; where
 * their bodies are too much for it, those lie in holders, and are read when their letters are sent. Pure.
 */
import type { Failed } from './attempt.ts';
import { type Block, type BlockEntry, blockOf, blocksOf, type Delivery, deliveriesOf } from './block.ts';
import { blockedKeys, type DeadLetter, type HeldDelivery, type Holder, holderOf, lengthOf } from './deadLetters.ts';
import { batchBytesMax, batchEventsMax, type LaneState } from './laneState.ts';
import { passedOver, segmentBytesMax } from './overflow.ts';
import { deadLetterPayloadBytes } from './payloadSize.ts';

export const holderWorkflowType = 'holder';

type OwnLetter = DeadLetter & { delivery: Delivery };
const isOwn = (letter: DeadLetter): letter is OwnLetter => holderOf(letter) === undefined;

/** The letters whose bodies the next holder is to have: the oldest, as many as it takes. */
export function lettersToStore({ released, deadLetters }: LaneState): OwnLetter[] {
  const own = [...released, ...deadLetters].filter(isOwn);
  let bytes = 0;
  const over = own.findIndex((letter, n) => {
    bytes += deadLetterPayloadBytes(letter);
    return n > 0 && bytes > segmentBytesMax;
  });
  return over < 0 ? own : own.slice(0, over);
}

export const bodiesOf = (letters: readonly OwnLetter[]): Block[] =>
  blocksOf(
    letters.map(({ delivery }) => delivery),
    Math.min(...letters.map(({ parkedAtMs }) => parkedAtMs)),
  );

/** The state with a name for its segments and holders, which it may have. */
export const named = (state: LaneState, newName: string): LaneState =>
  state.overflow.name ? state : { ...state, overflow: { ...state.overflow, name: newName } };

/** The state once Temporal has started the holder: the bodies leave the lane only now. Some letters may be gone meanwhile. */
export function stored(state: LaneState, letters: readonly OwnLetter[], holder: Holder): LaneState {
  const moved = new Map<DeadLetter, DeadLetter>(
    letters.map((letter, at) => {
      const { id, key, value, again } = letter.delivery;
      const body = { holder: holder.number, at };
      const delivery: HeldDelivery = { id, key, length: value.length, ...(again !== undefined && { again }), body };
      return [letter, { ...letter, delivery }];
    }),
  );
  const withMoved = (some: readonly DeadLetter[]): DeadLetter[] => some.map((letter) => moved.get(letter) ?? letter);
  return withoutUnusedHolders({
    ...state,
    deadLetters: withMoved(state.deadLetters),
    released: withMoved(state.released),
    sendingLetters: withMoved(state.sendingLetters),
    holders: [...state.holders, holder],
    overflow: { ...state.overflow, nextNumber: holder.number + 1 },
  });
}

/**
 * The state where an open workflow has that number: one that was opened after the point to which the lane was reset, and others may
 * follow. Each that is met costs the history all bodies once more, so with each twice as many numbers are passed over, and
 * closed: none of them is this run's. `met`: how many it has met.
 */
export function numberTaken(state: LaneState, number: number, met: number): LaneState {
  const passed = passedOver(number, met);
  const { overflow } = state;
  return {
    ...state,
    overflow: { ...overflow, nextNumber: number + passed.length, taken: [...overflow.taken, ...passed] },
  };
}

/** The state in which holders that hold nothing of the lane's any more are to be closed. */
export function withoutUnusedHolders(state: LaneState): LaneState {
  if (state.holders.length === 0) return state;
  const used = new Set([...state.deadLetters, ...state.released, ...state.sendingLetters].map(holderOf));
  const holders = state.holders.filter(({ number }) => used.has(number));
  if (holders.length === state.holders.length) return state;
  const unused = state.holders.flatMap(({ number }) => (used.has(number) ? [] : [number]));
  return { ...state, holders, overflow: { ...state.overflow, taken: [...state.overflow.taken, ...unused] } };
}

/** A holder by its workflow and run. */
export type HolderRun = { holderId: string; runId: string };

/**
 * The state of a lane that was reset once these holders of its are open, some as other runs of theirs: it may have closed them after the point,
 * and retention would delete them. One that the lane needs no more by now is to be closed.
 */
export function holdersKept(state: LaneState, kept: readonly Holder[]): LaneState {
  const runIds = new Map(kept.map(({ number, runId }) => [number, runId]));
  const holders = state.holders.map((one) => ({ ...one, runId: runIds.get(one.number) ?? one.runId }));
  const { taken } = state.overflow;
  const isNeeded = (number: number): boolean => holders.some((one) => one.number === number);
  const unused = kept.flatMap(({ number }) => (isNeeded(number) || taken.includes(number) ? [] : [number]));
  return { ...state, holders, overflow: { ...state.overflow, taken: [...taken, ...unused] } };
}

/** Whether letters that were released may be sent now, which stand before the queue; those whose key is blocked wait. */
export function isAnyReleased(state: LaneState): boolean {
  const blocked = blockedKeys(state);
  return state.released.some(({ delivery }) => !blocked.has(delivery.key));
}

/** The first of them, as many as are to be read together and fit into a batch: of one holder, or the lane's own. */
export function lettersToSend(state: LaneState): DeadLetter[] {
  const blocked = blockedKeys(state);
  const letters: DeadLetter[] = [];
  let bytes = 0;
  for (const letter of state.released) {
    if (blocked.has(letter.delivery.key)) continue;
    bytes += lengthOf(letter);
    const [first] = letters;
    const isOver = letters.length === batchEventsMax || bytes > batchBytesMax;
    if (first && (isOver || holderOf(letter) !== holderOf(first))) break;
    letters.push(letter);
  }
  return letters;
}

/** The state with a batch of released letters. They keep their places in holders until it is settled. `read`: the bodies, in order. */
export function plannedLetters(state: LaneState, letters: readonly DeadLetter[], read?: Block): LaneState {
  const sent = new Set(letters);
  const deliveries = read ? deliveriesOf(read) : letters.filter(isOwn).map(({ delivery }) => delivery);
  const parkedAtMs = Math.min(...letters.map((letter) => letter.parkedAtMs));
  return {
    ...state,
    sending: blockOf(deliveries, parkedAtMs, 0),
    sendingLetters: letters,
    released: state.released.filter((letter) => !sent.has(letter)),
  };
}

/** The state where bodies can't be read: their letters are parked again, for that reason, and hold up nothing else. */
export function bodiesLost(state: LaneState, letters: readonly DeadLetter[], error: Failed, nowMs: number): LaneState {
  const lost = new Set(letters);
  return {
    ...state,
    released: state.released.filter((letter) => !lost.has(letter)),
    deadLetters: [...state.deadLetters, ...letters.map((letter) => ({ ...letter, parkedAtMs: nowMs, error }))],
    counts: { ...state.counts, parked: state.counts.parked + letters.length },
  };
}

/** What is asked of a holder: bodies by their positions there, and of whom they have to be. */
export type ReadBodies = {
  holderId: string;
  runId: string;
  letters: LetterAt[];
  /** As a batch has it (`ProduceRequest`): where a body is gone, what became of its letter before the reset is looked up. */
  resetRunId?: string;
};
export type LetterAt = Pick<BlockEntry, 'id' | 'again'> & { at: number };

/** What was done with some of the letters before a reset, by their positions among those asked for: their bodies are not needed. */
export type LettersSettled = { delivered: number[]; discarded: number[] };
/** A read fails so where the bodies are gone, and some of the letters settled; with these. */
export const lettersSettledType = 'SETTLED_BEFORE';

/** The state without the letters that were settled before a reset; the others are still to be read. */
export function lettersSettled(
  state: LaneState,
  letters: readonly DeadLetter[],
  { delivered, discarded }: LettersSettled,
): LaneState {
  const gone = new Set([...delivered, ...discarded].flatMap((at) => letters[at] ?? []));
  const { counts } = state;
  return withoutUnusedHolders({
    ...state,
    released: state.released.filter((letter) => !gone.has(letter)),
    counts: {
      ...counts,
      delivered: counts.delivered + delivered.length,
      discarded: counts.discarded + discarded.length,
    },
  });
}

/** For letters whose bodies lie in one holder. */
export function toReadBodies(
  { holders, resetRunId }: LaneState,
  letters: readonly DeadLetter[],
  holderId: (number: number) => string,
): ReadBodies {
  const held = letters.flatMap(({ delivery }) => ('body' in delivery ? [delivery] : []));
  const number = held[0]?.body.holder ?? -1;
  const runId = holders.find((one) => one.number === number)?.runId ?? '';
  const asked = held.map(({ id, again, body }) => ({ id, ...(again !== undefined && { again }), at: body.at }));
  return { holderId: holderId(number), runId, letters: asked, ...(resetRunId !== undefined && { resetRunId }) };
}

export const areHeld = (letters: readonly DeadLetter[]): boolean => letters.some((letter) => !isOwn(letter));

export const bodyLost = (holderId: string, { name, message }: Pick<Failed, 'name' | 'message'>): Failed => ({
  kind: 'recordAtFault',
  name,
  message,
  remedy: `The event's body was in workflow ${holderId}, which can't be read: find it (in an archive), then replay. Or, unless the event's log shows a delivery before a reset, send it anew with another idempotency key, and discard this one.`,
});

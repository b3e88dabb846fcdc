/** What a lane decides about dead letters that stand aside: when they go there, and what a replay or discard does. Pure. */
import { withReleased } from './aside.ts';
import { type Block, blocksOf } from './block.ts';
import { blockedKeys, deadLetterBytes, deadLetterBytesMax, isAnyLetterAside } from './deadLetters.ts';
import { letGo } from './laneHold.ts';
import type { Selected } from './laneSignals.ts';
import type { DeadLetter, LaneState } from './laneState.ts';
import {
  type Asked,
  askedIds,
  askedIdsMax,
  type LetterNote,
  type LettersAside,
  letterBlock,
  lettersIn,
  noLettersAside,
  type ToTell,
} from './lettersAside.ts';
import { isOverflowing, type Opening, segmentBytesMax } from './overflow.ts';
import { deadLetterPayloadBytes } from './payloadSize.ts';
import { holdsNumber, numbersIn, replacedIn, type SegmentRange, splitAt } from './segmentRanges.ts';

/** Segments that are told at once what became of their dead letters. */
const toldAtOnce = 50;

const withLetters = (state: LaneState, letters: Partial<LettersAside>): LaneState => ({
  ...state,
  overflow: { ...state.overflow, letters: { ...state.overflow.letters, ...letters } },
});

/** Whether dead letters are to go aside now. Not where all of those aside are to go: what was parked since would go with them. */
export const areTooManyLetters = (state: LaneState): boolean =>
  deadLetterBytes(state) >= deadLetterBytesMax &&
  !state.overflow.letters.asked.some(({ digests }) => digests === 'all');

/** The state with a segment's worth of the oldest dead letters taken out, to be opened. */
export function puttingLettersAside(state: LaneState, number: number, bytesMax = segmentBytesMax): LaneState {
  const { deadLetters, overflow, onDeadLetter } = state;
  const count = lettersForSegment(deadLetters, bytesMax);
  const taken = deadLetters.slice(0, count);
  if (taken.length === 0) return state;
  const { keys } = overflow.letters;
  const blocked = onDeadLetter === 'continue' ? keys : [...new Set([...keys, ...keysOf(taken)])];
  return {
    ...state,
    deadLetters: deadLetters.slice(count),
    overflow: {
      ...overflow,
      letters: { ...overflow.letters, keys: blocked },
      opening: { number, place: 'letters', blocks: [letterBlock(taken)] },
    },
  };
}

const keysOf = (letters: readonly DeadLetter[]): string[] => letters.map(({ delivery }) => delivery.key);

function lettersForSegment(letters: readonly DeadLetter[], bytesMax: number): number {
  let bytes = 0;
  const over = letters.findIndex((letter, n) => {
    bytes += deadLetterPayloadBytes(letter);
    return n > 0 && bytes > bytesMax;
  });
  return over < 0 ? letters.length : over;
}

/**
 * The state after a `replay` or `discard` that was done for the lane's own dead letters (`before`: as it was until then), where it may
 * be meant for some that stand aside too. Until that is done nothing is sent: what is replayed comes first, in order.
 */
export function askedOfAside(
  state: LaneState,
  before: Pick<LaneState, 'deadLetters'>,
  { digests, segments = [] }: Pick<Selected, 'digests' | 'segments'>,
  note: LetterNote,
): LaneState {
  if (!isAnyLetterAside(state.overflow)) return state;
  const { letters } = state.overflow;
  if (digests === 'all') {
    // None of them holds its key back any more: what stands aside for that may go back.
    const next = withLetters(state, { keys: [], asked: [...letters.asked, { ...note, digests }] });
    return withReleased(next, [], blockedKeys(next));
  }
  const own = new Set(before.deadLetters.map(({ delivery }) => delivery.id));
  const others = [...digests].filter((digest) => !own.has(digest));
  const heard = others.slice(0, Math.max(askedIdsMax - askedIds(letters.asked), 0));
  if (heard.length === 0) return state;
  const told = new Set(segments);
  const todo = numbersIn(letters.segments).filter((number) => told.has(number));
  const asked: Asked = { ...note, digests: heard, ...(todo.length > 0 && { todo }) };
  return withLetters(state, { asked: [...letters.asked, asked] });
}

/** What is to be done next about a replay or discard; undefined where something else has to be done first, or nothing. */
export type LetterStep =
  | { kind: 'all' }
  | { kind: 'find'; digests: readonly string[]; segments: readonly SegmentRange[] }
  | { kind: 'part'; number: number; asked: Asked }
  | { kind: 'done' };

export function nextLetterStep({ overflow, queue }: LaneState): LetterStep | undefined {
  const { letters, opening, aside } = overflow;
  const [asked] = letters.asked;
  if (!asked || opening || aside.returning || overflow.lost) return undefined;
  if (asked.digests === 'all') {
    return asked.kind === 'replay' && queue.length > 0 && isOverflowing(overflow) ? undefined : { kind: 'all' };
  }
  const number = asked.todo?.at(-1);
  if (asked.digests.length > 0 && number !== undefined) return { kind: 'part', number, asked };
  if (asked.digests.length === 0 || asked.isSearched || letters.segments.length === 0) return { kind: 'done' };
  return { kind: 'find', digests: asked.digests, segments: letters.segments };
}

/** Whether the queue has to make room: all dead letters that stand aside come before it. */
export const isToMakeRoom = ({ queue, overflow }: LaneState): boolean => {
  const [asked] = overflow.letters.asked;
  return asked?.kind === 'replay' && asked.digests === 'all' && queue.length > 0 && isOverflowing(overflow);
};

const withoutAsked = (state: LaneState): LaneState =>
  withLetters(state, { asked: state.overflow.letters.asked.slice(1) });

/** The state with all that stands aside before everything else, or given up; `done`: with nothing more to do for what was asked. */
export function allAsked(state: LaneState): LaneState {
  const [asked] = state.overflow.letters.asked;
  if (!asked) return state;
  const next = withoutAsked(state);
  const { letters, segments, events, bytes, tail } = next.overflow;
  if (asked.digests !== 'all' || letters.segments.length === 0) return next;
  const { digests: _, todo: _todo, isSearched: _searched, ...note } = asked;
  const toTell: ToTell[] = [...letters.toTell, { ...note, segments: letters.segments }];
  const left: LettersAside = { ...noLettersAside, keys: letters.keys, asked: letters.asked, toTell };
  if (note.kind === 'discard') {
    const discarded = next.counts.discarded + letters.count;
    return { ...next, counts: { ...next.counts, discarded }, overflow: { ...next.overflow, letters: left } };
  }
  return {
    ...next,
    queue: [],
    overflow: {
      ...next.overflow,
      segments: [...letters.segments, ...segments],
      events: events + letters.count,
      bytes: bytes + letters.bytes,
      tail: [...next.queue, ...tail], // One of them is empty.
      letters: left,
    },
  };
}

/** The state once it is known which segments hold some of what is asked for. */
export function foundLetters(state: LaneState, numbers: readonly number[]): LaneState {
  const [asked, ...others] = state.overflow.letters.asked;
  return asked ? withLetters(state, { asked: [{ ...asked, todo: numbers, isSearched: true }, ...others] }) : state;
}

/** The state once one of these segments was read: what was asked for is taken out, and the rest goes to another in its place. */
export function partedLetters(state: LaneState, number: number, block: Block): LaneState {
  const [asked, ...others] = state.overflow.letters.asked;
  if (!asked || asked.digests === 'all') return state;
  const { letters, nextNumber, taken } = state.overflow;
  const wanted = new Set(asked.digests);
  const all = lettersIn(block);
  const selected = all.filter(({ delivery }) => wanted.has(delivery.id));
  const todo = asked.todo?.filter((one) => one !== number);
  for (const { delivery } of selected) wanted.delete(delivery.id);
  const heard = withLetters(state, { asked: [{ ...asked, todo, digests: [...wanted] }, ...others] });
  if (selected.length === 0 || !holdsNumber(letters.segments, number)) return heard;
  const rest = all.filter((letter) => !selected.includes(letter));
  const stays = new Set(keysOf([...rest, ...state.deadLetters]));
  const freed = new Set(keysOf(selected).filter((key) => !stays.has(key)));
  const opening: Opening | undefined =
    rest.length === 0
      ? undefined
      : { number: nextNumber, place: 'letters', blocks: [letterBlock(rest)], instead: number };
  const next: LaneState = {
    ...heard,
    overflow: {
      ...heard.overflow,
      opening,
      taken: [...taken, number],
      letters: {
        ...heard.overflow.letters,
        segments: opening ? letters.segments : replacedIn(letters.segments, number),
        count: letters.count - all.length,
        bytes: letters.bytes - bytesOf(all),
        keys: freed.size === 0 ? letters.keys : letters.keys.filter((key) => !freed.has(key)),
      },
    },
  };
  return releasedOrGone(next, asked, selected);
}

const bytesOf = (letters: readonly DeadLetter[]): number => letterBlock(letters).bodies.length;

function releasedOrGone(state: LaneState, { kind }: Asked, selected: readonly DeadLetter[]): LaneState {
  if (kind === 'discard') {
    const discarded = state.counts.discarded + selected.length;
    return withReleased({ ...state, counts: { ...state.counts, discarded } }, [], blockedKeys(state));
  }
  const next = letGo(state, 'person');
  const deliveries = selected.map(({ delivery }) => delivery);
  const parkedAtMs = Math.min(...selected.map((letter) => letter.parkedAtMs));
  return withReleased(next, blocksOf(deliveries, parkedAtMs), blockedKeys(next));
}

/** The segments to tell next what became of all their dead letters, and what. */
export function nextToTell({ overflow }: LaneState): { note: ToTell; numbers: number[] } | undefined {
  const [note] = overflow.letters.toTell;
  return note && { note, numbers: numbersIn(splitAt(note.segments, toldAtOnce)[0]) };
}

/** The state once so many of them were told. */
export function toldLetters(state: LaneState, count: number): LaneState {
  const [first, ...others] = state.overflow.letters.toTell;
  if (!first) return state;
  const [, segments] = splitAt(first.segments, count);
  return withLetters(state, { toTell: segments.length === 0 ? others : [{ ...first, segments }, ...others] });
}

/**
 * Dead letters that stand aside: what a lane has of them over its bound lies in segments, the oldest first, and the lane carries
 * ranges and totals. docs/decisions/dead-letters-bounded.md. Pure.
 */
import { type Block, blockOf, deliveriesOf } from './block.ts';
import type { DeadLetter, Note } from './laneState.ts';
import { jsonBytes, once } from './payloadSize.ts';
import type { SegmentRange } from './segmentRanges.ts';

/** What someone did with dead letters, as it is said to their segments: `runId` is the lane's run that has the signal. */
export type LetterNote = Note & { kind: 'replay' | 'discard'; atMs: number; runId: string };

/** A replay or discard that is not done with yet for what stands aside. One after another, in the order of the signals. */
export type Asked = LetterNote & {
  /** By their ids' digests, those that were not found yet. */
  digests: readonly string[] | 'all';
  /** Segments that may hold some, in their order: the newest is looked at first. Absent: they are to be found out. */
  todo?: readonly number[] | undefined;
  /** Whether all were looked through: what was not found is not here. */
  isSearched?: boolean | undefined;
};

/** Segments whose log has to learn what became of all their dead letters; those that were discarded may close. */
export type ToTell = LetterNote & { segments: readonly SegmentRange[] };

export type LettersAside = {
  segments: readonly SegmentRange[];
  count: number;
  /** Of their values. */
  bytes: number;
  /** Keys that they hold back, where `onDeadLetter` was "block" as they were put aside. */
  keys: readonly string[];
  asked: readonly Asked[];
  toTell: readonly ToTell[];
};
export const noLettersAside: LettersAside = { segments: [], count: 0, bytes: 0, keys: [], asked: [], toTell: [] };

/** So many ids of replays and discards wait at the most for what stands aside; further ones are not heard. */
export const askedIdsMax = 30_000;
/** With more of blocked keys than this the lane parks no further ones, in bytes: they are carried from run to run. */
export const keysAsideBytesMax = 256 * 1024;

/** Dead letters as a block: each says in the index when it was parked, and why. */
export function letterBlock(letters: readonly DeadLetter[]): Block {
  const parkedAtMs = Math.min(...letters.map((letter) => letter.parkedAtMs));
  const { entries, ...block } = blockOf(
    letters.map(({ delivery }) => delivery),
    parkedAtMs,
    0,
  );
  const parkedAt = (n: number): Pick<DeadLetter, 'parkedAtMs' | 'error'>[] => {
    const letter = letters[n];
    return letter ? [{ parkedAtMs: letter.parkedAtMs, error: letter.error }] : [];
  };
  return { ...block, entries: entries.flatMap((entry, n) => parkedAt(n).map((parked) => ({ ...entry, parked }))) };
}

/** The dead letters in a block of a segment. */
export const lettersIn = (block: Block): DeadLetter[] =>
  deliveriesOf(block).flatMap((delivery, n) => {
    const parked = block.entries[n]?.parked;
    return parked ? [{ delivery, ...parked }] : [];
  });

export const askedIds = (asked: readonly Asked[]): number =>
  asked.reduce((sum, { digests }) => sum + (digests === 'all' ? 0 : digests.length), 0);

/** Keys, as they are carried: asked for often, and the list changes seldom. */
export const keysBytes = once((keys: readonly string[]) => jsonBytes(keys));

/** Of a note: reason and name have 1,000 characters at the most. */
const noteBytes = 6_200;
const rangeBytes = 40;

/** What is carried of it at the most, in bytes: an id's digest takes 25, a number 12. */
export const lettersCarriedBytes = ({ segments, keys, asked, toTell }: LettersAside): number =>
  segments.length * rangeBytes +
  keysBytes(keys) +
  askedIds(asked) * 25 +
  asked.reduce((sum, { todo }) => sum + noteBytes + (todo?.length ?? 0) * 12, 0) +
  toTell.reduce((sum, one) => sum + noteBytes + one.segments.length * rangeBytes, 0);

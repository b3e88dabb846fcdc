/** What a lane remembers of replays that sent it delivered events once more, so that no part of one is taken twice. Pure. */
import type { Block } from './block.ts';
import type { ResendNote } from './laneSignals.ts';

/** The last part of a replay that the lane took, and when, in ms since the epoch. */
export type ResentPart = Pick<ResendNote, 'replay' | 'round' | 'part'> & { atMs: number };

/** A part is remembered for a day after it came, and a replay is continued within less. In ms. */
export const resentKeptMs = 24 * 60 * 60 * 1_000;
export const continuableMs = 20 * 60 * 60 * 1_000;
/** So many replays are remembered, the latest ones; what is carried of each, in bytes. */
export const resentMax = 100;
export const resentPartBytes = 130;

/** Whether the lane has this part, or a later one of the same replay. */
export function isTaken(known: readonly ResentPart[], { replay, round, part }: ResendNote): boolean {
  const last = known.find((one) => one.replay === replay);
  return last !== undefined && (round < last.round || (round === last.round && part <= last.part));
}

export function withPart(
  known: readonly ResentPart[],
  { replay, round, part }: ResendNote,
  atMs: number,
): ResentPart[] {
  return [...known.filter((one) => one.replay !== replay), { replay, round, part, atMs }].slice(-resentMax);
}

/** The latest of them, in ms since the epoch; 0 where there is none. */
export const lastResentAtMs = (known: readonly ResentPart[]): number =>
  known.reduce((last, { atMs }) => Math.max(last, atMs), 0);

/** The block with its events marked as deliveries of their own. */
export const markedAgain = (block: Block, again: string): Block => ({
  ...block,
  quietMs: 0,
  entries: block.entries.map((entry) => ({ ...entry, again })),
});

/**
 * What a lane accepted in runs that a reset took back and that no run leads to which Temporal gave it again: between two resets of the
 * same run, for one. Temporal gives those signals to nobody; the lane asks for them. docs/decisions/reset.md. Pure.
 */
import { type Block, filterBlock } from './block.ts';
import type { ResendNote } from './laneSignals.ts';
import { type LaneState, resent } from './laneState.ts';
import { isOverflowing } from './overflow.ts';

/** A block that nothing came of; with the note of a replay where it was one. */
export type Stray = { block: Block; note?: ResendNote | undefined };
/** What strayed for the run that is named, the oldest first: a block for each of these, which has a note where it is a replay's. */
export type Strays = { runId: string; blocks: { note?: ResendNote | undefined }[] };

/** The state with what strayed in its place by the time of acceptance, less what the lane has. */
export function gathered(state: LaneState, { block, note }: Stray, nowMs: number): LaneState {
  if (note) return resent(state, block, note, nowMs);
  const fresh = filterBlock(block, ({ id }) => !state.seen.isRepeat(id, nowMs));
  if (fresh.entries.length === 0) return state;
  const { counts, overflow } = state;
  const next = { ...state, counts: { ...counts, accepted: counts.accepted + fresh.entries.length } };
  if (!isOverflowing(overflow)) return { ...next, queue: inPlace(state.queue, fresh) };
  return { ...next, overflow: { ...overflow, tail: inPlace(overflow.tail, fresh) } };
}

function inPlace(blocks: readonly Block[], block: Block): Block[] {
  const later = blocks.findIndex(({ acceptedAtMs }) => acceptedAtMs > block.acceptedAtMs);
  const at = later < 0 ? blocks.length : later;
  return [...blocks.slice(0, at), block, ...blocks.slice(at)];
}

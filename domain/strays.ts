/**
 * What a lane accepted in runs that a reset took back and that no run leads to which Temporal gave it again: between two resets of the
 * same run, for one. Temporal gives those signals to nobody; the lane asks for them. docs/decisions/reset.md. Pure.
 */
import { type Block, type BlockEntry, filterBlock } from './block.ts';
import type { ResendNote } from './laneSignals.ts';
import { type Held, type LaneState, resent } from './laneState.ts';
import { isOverflowing } from './overflow.ts';

/** Where a block belongs that strayed, by Temporal's order; the time of acceptance says only what that leaves open. */
export type StrayPlace = {
  /** Behind these events, by their digests, where the lane has them waiting. */
  after?: readonly string[] | undefined;
  /** Before this one: the first that the lane accepted since the reset. */
  before?: string | undefined;
};
/** A block that nothing came of; with the note of a replay where it was one. */
export type Stray = StrayPlace & { block: Block; note?: ResendNote | undefined };
/** `name` tells whether another worker finds the same block at the same position. */
export type StrayHead = StrayPlace & { note?: ResendNote | undefined; name?: string };
/** What strayed for the run that is named, in the order of acceptance: a block for each of these, which has a note where it is a replay's. */
export type Strays = { runId: string; blocks: StrayHead[] };

/** The type of the failure where a worker finds other blocks than the one that was asked first. */
export const straysChanged = 'STRAYS_CHANGED';

/** Why a lane that was reset sends nothing yet. */
export const gathering: Held = {
  reason: 'gathering',
  remedy:
    "The lane was reset, and before it sends anything it reads out of Temporal what it accepted since the reset point, and opens the holders of its dead letters again. Where that lasts, temporal workflow describe shows why: the last failure of its pending activity, 'strays', 'stray' or 'keepHolders', which is tried again every 30 s at the latest.",
};

/** The state with what strayed in its place, less what the lane has. */
export function gathered(state: LaneState, { block, note, ...place }: Stray, nowMs: number): LaneState {
  if (note) return resent(state, block, note, nowMs);
  const held = heldIds(state);
  // The window has forgotten what waits here for long, as a dead letter does.
  const fresh = filterBlock(block, ({ id }) => !state.seen.isRepeat(id, nowMs) && !held.has(id));
  if (fresh.entries.length === 0) return state;
  const { counts, overflow } = state;
  const next = { ...state, counts: { ...counts, accepted: counts.accepted + fresh.entries.length } };
  if (!isOverflowing(overflow)) return { ...next, queue: inPlace(state.queue, fresh, place) };
  return { ...next, overflow: { ...overflow, tail: inPlace(overflow.tail, fresh, place) } };
}

/** Events that the lane has in its memory. */
function heldIds({ queue, sending, deadLetters, released, overflow }: LaneState): Set<string> {
  const { opening, tail, aside } = overflow;
  const blocks = [...queue, ...(sending ? [sending] : []), ...(opening?.blocks ?? []), ...tail];
  const entries = [...blocks, ...(aside.returning ?? [])].flatMap((one) => one.entries.filter(isFirst));
  return new Set([...entries.map(({ id }) => id), ...[...deadLetters, ...released].map(({ delivery }) => delivery.id)]);
}

/** Not what a replay sends once more. */
const isFirst = ({ again }: BlockEntry): boolean => again === undefined;

function inPlace(blocks: readonly Block[], block: Block, { after = [], before }: StrayPlace): Block[] {
  const has = (ids: readonly string[]) => (one: Block) =>
    one.entries.some((entry) => isFirst(entry) && ids.includes(entry.id));
  const orEnd = (found: number): number => (found < 0 ? blocks.length : found);
  const later = orEnd(blocks.findIndex(({ acceptedAtMs }) => acceptedAtMs > block.acceptedAtMs));
  const since = before === undefined ? blocks.length : orEnd(blocks.findIndex(has([before])));
  const at = Math.max(blocks.findLastIndex(has(after)) + 1, Math.min(later, since));
  return [...blocks.slice(0, at), block, ...blocks.slice(at)];
}

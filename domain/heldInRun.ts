/** How an event stood when a run of its lane began: a run is started with all that the lane holds. Pure. */
import type { Failed } from './attempt.ts';
import type { Block, BlockEntry } from './block.ts';
import type { CarriedLane } from './carriedLane.ts';
import { restoredLetters } from './carriedLetters.ts';

export type HeldInRun =
  | { as: 'parked'; parkedAtMs: number; error: Failed }
  /** It waits in the lane's own memory; what is in segments is not looked at. */
  | { as: 'queued' }
  | { as: 'none' };

/** By the event's digest, from what the run was started with. */
export function heldInRun(
  digest: string,
  head: Pick<CarriedLane, 'queueBlocks' | 'overflow' | 'deadLetters' | 'letters'> | undefined,
  blocks: readonly Block[],
): HeldInRun {
  if (!head) return { as: 'none' };
  const isIt = ({ id }: Pick<BlockEntry, 'id'>): boolean => id === digest;
  const bodiesFrom = head.queueBlocks + (head.overflow?.tailBlocks ?? 0);
  const { deadLetters, released } = restoredLetters(head, blocks.slice(bodiesFrom));
  const letter = deadLetters.find(({ delivery }) => isIt(delivery));
  if (letter) return { as: 'parked', parkedAtMs: letter.parkedAtMs, error: letter.error };
  if (released.some(({ delivery }) => isIt(delivery))) return { as: 'queued' };
  return { as: blocks.slice(0, bodiesFrom).some(({ entries }) => entries.some(isIt)) ? 'queued' : 'none' };
}

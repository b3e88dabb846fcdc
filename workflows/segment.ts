import { condition, defineSignal, setHandler } from '@temporalio/workflow';
import type { Block } from '../domain/block.ts';
import { type SegmentStart, segmentSignals } from '../domain/overflow.ts';
import { anyInput } from '../domain/payloadConverter.ts';

export const segmentRead = defineSignal<unknown[]>(segmentSignals.read, { typeInfo: anyInput });
export const segmentTaken = defineSignal<unknown[]>(segmentSignals.taken, { typeInfo: anyInput });

/**
 * Holds blocks of a lane, in its input, for as long as it is open: retention deletes no open workflow. A `holder` is the same, for bodies
 * of dead letters.
 */
export async function segment(_start: SegmentStart, ...blocks: Block[]): Promise<void> {
  // Its history has them; a worker must not hold a whole backlog in memory.
  for (const block of blocks) Object.assign(block, { entries: [], bodies: new Uint8Array() });
  let isTaken = false;
  setHandler(segmentRead, () => undefined); // Said for the log, which looks at the history.
  setHandler(segmentTaken, (...inputs) => {
    if (inputs.length === 0) isTaken = true; // It has none: with one it is somebody's slip.
  });
  await condition(() => isTaken);
}

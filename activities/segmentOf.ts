/** Finds an event among a lane's overflow segments, of which there may be thousands. Asks Temporal alone. */
import type { Block } from '../domain/block.ts';

/** When it was accepted, which may be a little later than its block says. */
export type Looked = { digest: string; acceptedAtMs: number };

/** Where it would stand by its time, and its neighbours: clocks differ, and a block has the time of its oldest event. */
const neighbours = [0, -1, 1, -2];

/**
 * The number of the segment that has the event, of these, which stand in the order of acceptance; undefined where none has. They
 * are halved. `blocksOf` reads one; undefined where it is gone.
 */
export async function segmentWith(
  numbers: readonly number[],
  { digest, acceptedAtMs }: Looked,
  blocksOf: (number: number) => Promise<readonly Block[] | undefined>,
): Promise<number | undefined> {
  const kept = new Map<number, readonly Block[]>();
  const read = async (at: number): Promise<readonly Block[]> => {
    const number = numbers[at];
    const blocks = kept.get(at) ?? (number === undefined ? undefined : await blocksOf(number)) ?? [];
    kept.set(at, blocks);
    return blocks;
  };
  let low = 0;
  for (let high = numbers.length; low < high; ) {
    const middle = Math.floor((low + high) / 2);
    const [first] = await read(middle);
    if (first && first.acceptedAtMs > acceptedAtMs) high = middle;
    else low = middle + 1;
  }
  for (const step of neighbours) {
    const blocks = await read(low - 1 + step);
    if (blocks.some(({ entries }) => entries.some(({ id }) => id === digest))) return numbers[low - 1 + step];
  }
  return undefined;
}

/** Finds an event among a lane's overflow segments, of which there may be thousands. Asks Temporal alone. */
import type { Block } from '../domain/block.ts';
import type { SegmentRange } from '../domain/overflow.ts';

/** When it was accepted, which may be a little later than its block says. */
export type Looked = { digest: string; acceptedAtMs: number };

/** Where it would stand by its time, and its neighbours: clocks differ, and a block has the time of its oldest event. */
const neighbours = [0, -1, 1, -2];
/** Ranges that are looked at one by one. Each costs a read at least. */
const rangesMax = 200;

/**
 * The number of the segment that has the event, of these; undefined where none has. They stand in the order of acceptance, and are
 * halved. What came back from aside stands before what was accepted earlier, of other keys: so where there are several ranges, each is
 * halved by itself, too. `blocksOf` reads one; undefined where it is gone.
 */
export async function segmentWith(
  ranges: readonly SegmentRange[],
  looked: Looked,
  blocksOf: (number: number) => Promise<readonly Block[] | undefined>,
): Promise<number | undefined> {
  const kept = new Map<number, readonly Block[]>();
  const read = async (number: number): Promise<readonly Block[]> => {
    const blocks = kept.get(number) ?? (await blocksOf(number)) ?? [];
    kept.set(number, blocks);
    return blocks;
  };
  const found = await halved(ranges.flatMap(numbersIn), looked, read);
  if (found !== undefined || ranges.length === 1) return found;
  for (const range of ranges.slice(0, rangesMax)) {
    const number = await halved(numbersIn(range), looked, read);
    if (number !== undefined) return number;
  }
  return undefined;
}

const numbersIn = ({ from, count }: SegmentRange): number[] => Array.from({ length: count }, (_, n) => from + n);

async function halved(
  numbers: readonly number[],
  { digest, acceptedAtMs }: Looked,
  read: (number: number) => Promise<readonly Block[]>,
): Promise<number | undefined> {
  const readAt = async (at: number): Promise<readonly Block[]> => {
    const number = numbers[at];
    return number === undefined ? [] : await read(number);
  };
  let low = 0;
  for (let high = numbers.length; low < high; ) {
    const middle = Math.floor((low + high) / 2);
    const [first] = await readAt(middle);
    if (first && first.acceptedAtMs > acceptedAtMs) high = middle;
    else low = middle + 1;
  }
  for (const step of neighbours) {
    const blocks = await readAt(low - 1 + step);
    if (blocks.some(({ entries }) => entries.some(({ id }) => id === digest))) return numbers[low - 1 + step];
  }
  return undefined;
}

/** Finds an event among a lane's overflow segments, of which there may be thousands. Asks Temporal alone. */
import type { Block } from '../domain/block.ts';
import type { SegmentRange } from '../domain/overflow.ts';

/** When it was accepted, which may be a little later than its block says. */
export type Looked = { digest: string; acceptedAtMs: number };

/** Where it would stand by its time, and its neighbours: clocks differ, and a block has the time of its oldest event. */
const neighbours = [0, -1, 1, -2];
/** So many segments are read at the most for one event: each is an answer of up to a mebibyte. */
export const segmentReadsMax = 60;

/** So long segments are read for one event at the most, in ms; one that is begun may take its time of a call more. */
export const segmentReadsMs = 10_000;

/** Of a segment that was read no more is kept. `firstAtMs` is absent where it is gone. */
type Seen = { firstAtMs?: number | undefined; hasIt: boolean };
/** `unread`: it was in none of those that were read in the time there is, and there are more. */
type Answer = number | 'none' | 'unread';

/**
 * The number of the segment that has the event, of these lists. The segments of one stand in the order of acceptance, and are halved. What came back
 * from aside stands before what was accepted earlier, of other keys: so where a list has several ranges, each is halved by itself, too.
 */
export async function segmentWith(
  lists: readonly (readonly SegmentRange[])[],
  looked: Looked,
  blocksOf: (number: number) => Promise<readonly Block[] | undefined>,
): Promise<Answer> {
  const kept = new Map<number, Seen>();
  const endsAtMs = performance.now() + segmentReadsMs;
  const read = async (number: number): Promise<Seen | undefined> => {
    const known = kept.get(number);
    if (known || kept.size >= segmentReadsMax || performance.now() > endsAtMs) return known;
    const blocks = (await blocksOf(number)) ?? [];
    const hasIt = blocks.some(({ entries }) => entries.some(({ id }) => id === looked.digest));
    const seen = { firstAtMs: blocks[0]?.acceptedAtMs, hasIt };
    kept.set(number, seen);
    return seen;
  };
  const wholeLists = lists.map((ranges) => ranges.flatMap(numbersIn));
  const singleRanges = lists.filter(({ length }) => length > 1).flat();
  for (const numbers of [...wholeLists, ...singleRanges.map(numbersIn)]) {
    const answer = await halved(numbers, looked.acceptedAtMs, read);
    if (answer !== 'none') return answer;
  }
  return 'none';
}

const numbersIn = ({ from, count }: SegmentRange): number[] => Array.from({ length: count }, (_, n) => from + n);

async function halved(
  numbers: readonly number[],
  acceptedAtMs: number,
  read: (number: number) => Promise<Seen | undefined>,
): Promise<Answer> {
  let low = 0;
  for (let high = numbers.length; low < high; ) {
    const middle = Math.floor((low + high) / 2);
    const seen = await read(numbers[middle] ?? -1);
    if (!seen) return 'unread';
    if (seen.firstAtMs !== undefined && seen.firstAtMs > acceptedAtMs) high = middle;
    else low = middle + 1;
  }
  for (const step of neighbours) {
    const number = numbers[low - 1 + step];
    if (number === undefined) continue;
    const seen = await read(number);
    if (!seen) return 'unread';
    if (seen.hasIt) return number;
  }
  return 'none';
}

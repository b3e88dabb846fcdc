/** Numbers of segments, in order: as ranges, for there may be a great many. Pure. */

/** Segments with numbers one after another. */
export type SegmentRange = { from: number; count: number };

export const countOf = (ranges: readonly SegmentRange[]): number => ranges.reduce((sum, { count }) => sum + count, 0);

export const numbersIn = (ranges: readonly SegmentRange[]): number[] =>
  ranges.flatMap(({ from, count }) => Array.from({ length: count }, (_, n) => from + n));

export const holdsNumber = (ranges: readonly SegmentRange[], number: number): boolean =>
  ranges.some(({ from, count }) => number >= from && number < from + count);

export function withoutFirst(segments: readonly SegmentRange[]): SegmentRange[] {
  const [first, ...others] = segments;
  if (!first) return [];
  return first.count > 1 ? [{ from: first.from + 1, count: first.count - 1 }, ...others] : others;
}

/** The first so many of them, and the others. */
export function splitAt(ranges: readonly SegmentRange[], numbers: number): [SegmentRange[], SegmentRange[]] {
  const first: SegmentRange[] = [];
  const others: SegmentRange[] = [];
  let left = numbers;
  for (const { from, count } of ranges) {
    const taken = Math.min(count, left);
    if (taken > 0) first.push({ from, count: taken });
    if (taken < count) others.push({ from: from + taken, count: count - taken });
    left -= taken;
  }
  return [first, others];
}

/** The ranges with others at the place of one number. */
export function replacedIn(ranges: readonly SegmentRange[], number: number, ...by: SegmentRange[]): SegmentRange[] {
  return ranges.flatMap((range) => {
    const at = number - range.from;
    if (at < 0 || at >= range.count) return [range];
    const [before, from] = splitAt([range], at);
    return [...before, ...by, ...withoutFirst(from)];
  });
}

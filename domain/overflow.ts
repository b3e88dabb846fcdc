/**
 * What is over a lane's bound goes to segments: workflows of their own that hold it until the lane reads it back. In order
 * come the lane's queue, the segments (one that is being opened before or behind them), and the tail, which is in no segment
 * yet. There is a tail only while there are segments. What waits behind a dead letter of its key stands aside from all of that.
 */
import type { Block } from './block.ts';
import type { Hold } from './laneHold.ts';
import { blockPayloadBytes, jsonBytes } from './payloadSize.ts';

export const segmentWorkflowType = 'segment';
/** Segments have a queue of their own: a worker that caches none of them serves it, however many are open. */
export const segmentTaskQueue = (taskQueue: string): string => `${taskQueue}:segment`;
/** `read`: a run of the lane has read it; its input is that run's id. `taken`: the lane's history has all of it; it may close. */
export const segmentSignals = { read: 'read', taken: 'taken' } as const;

/** A segment holds at most this much, in bytes of payloads before compression (a single larger block goes alone). */
export const segmentBytesMax = 1024 * 1024;

/** What a segment is started with, before its blocks. */
export type SegmentStart = { laneWorkflowId: string; number: number; events: number };

/** Segments with numbers one after another. */
export type SegmentRange = { from: number; count: number };

export type Opening = { number: number; place: 'front' | 'back' | 'aside'; blocks: readonly Block[] };

/**
 * Segments with events of blocked keys, in order: each stands before all that waits of its key elsewhere. As soon as one of
 * these keys is free, all of it goes back in front of the other segments, and what is blocked by then is put aside again.
 */
export type Aside = {
  keys: readonly string[];
  segments: readonly SegmentRange[];
  events: number;
  bytes: number;
  /** Set while it is to go back: dead letters that were released, which come before it. */
  returning: readonly Block[] | undefined;
};
export const nothingAside: Aside = { keys: [], segments: [], events: 0, bytes: 0, returning: undefined };

export type Overflow = {
  /** Part of the segments' ids, so that a lane that was closed and began anew does not meet its old ones; '' before the first. */
  name: string;
  nextNumber: number;
  /** Those not read yet, in order. As ranges, and in total: there may be a great many. */
  segments: readonly SegmentRange[];
  events: number;
  bytes: number;
  opening: Opening | undefined;
  tail: readonly Block[];
  /** Segments whose events the lane has, or has no use for: they are to be closed. */
  taken: readonly number[];
  aside: Aside;
  /** Set where the next segment can't be read: the lane stands still, whatever becomes of its destination. */
  lost?: Hold | undefined;
};

export const noOverflow: Overflow = {
  name: '',
  nextNumber: 0,
  segments: [],
  events: 0,
  bytes: 0,
  opening: undefined,
  tail: [],
  taken: [],
  aside: nothingAside,
};

export const segmentWorkflowId = (destinationId: string, lane: string, name: string, number: number): string =>
  `overflow:${destinationId}:${lane}:${name}:${number}`;

/** Whether events wait outside of the queue, so that a new one must wait behind them. */
export const isOverflowing = ({ segments, opening }: Overflow): boolean =>
  segments.length > 0 || (opening !== undefined && opening.place !== 'aside');

export const isAnyAside = ({ aside }: Overflow): boolean => aside.keys.length > 0 || aside.returning !== undefined;

export const segmentCount = ({ segments, aside, opening }: Overflow): number =>
  [...segments, ...aside.segments].reduce((sum, { count }) => sum + count, opening ? 1 : 0);

export const eventsIn = (blocks: readonly Block[]): number =>
  blocks.reduce((sum, { entries }) => sum + entries.length, 0);
export const valueBytesIn = (blocks: readonly Block[]): number =>
  blocks.reduce((sum, { bodies }) => sum + bodies.length, 0);
export const payloadBytesIn = (blocks: readonly Block[]): number =>
  blocks.reduce((sum, block) => sum + blockPayloadBytes(block), 0);

/** Blocks that are in the lane's memory and not in its queue. */
const blocksOver = ({ opening, tail, aside }: Overflow): readonly Block[] => [
  ...(opening?.blocks ?? []),
  ...tail,
  ...(aside.returning ?? []),
];
export const eventsOver = (overflow: Overflow): number =>
  overflow.events + overflow.aside.events + eventsIn(blocksOver(overflow));
export const bytesOver = (overflow: Overflow): number =>
  overflow.bytes + overflow.aside.bytes + valueBytesIn(blocksOver(overflow));

/** The next segment to be read. */
export const firstSegment = ({ segments }: Overflow): number | undefined => segments[0]?.from;

export function withoutFirst(segments: readonly SegmentRange[]): SegmentRange[] {
  const [first, ...others] = segments;
  if (!first) return [];
  return first.count > 1 ? [{ from: first.from + 1, count: first.count - 1 }, ...others] : others;
}

export function withSegment(segments: readonly SegmentRange[], { number, place }: Opening): SegmentRange[] {
  if (place === 'front') return [{ from: number, count: 1 }, ...segments];
  const last = segments.at(-1);
  if (last?.from !== undefined && last.from + last.count === number) {
    return [...segments.slice(0, -1), { from: last.from, count: last.count + 1 }];
  }
  return [...segments, { from: number, count: 1 }];
}

/** More segments and holders than a lane is likely to meet: who skips so many meets hardly another one. */
const skipMax = 4_096;

/** The numbers from this one on that a lane passes over that has met so many of an earlier life of its, before this: twice as many each time. */
export const passedOver = (number: number, met: number): number[] =>
  Array.from({ length: Math.min(2 ** met, skipMax) }, (_, n) => number + n);

/** How many blocks from the front make one segment. */
export function blocksForSegment(blocks: readonly Block[], bytesMax: number): number {
  let bytes = 0;
  const over = blocks.findIndex((block, n) => {
    bytes += blockPayloadBytes(block);
    return n > 0 && bytes > bytesMax;
  });
  return over < 0 ? blocks.length : over;
}

/** What goes from run to run as JSON; the tail's blocks go beside it. No segment is being opened then, and nothing goes back. */
export type CarriedOverflow = Omit<Overflow, 'opening' | 'tail'> & { tailBlocks: number };

export function carriedOverflow({ opening: _, tail, ...rest }: Overflow, tailBlocks: number): CarriedOverflow {
  return { ...rest, tailBlocks };
}

export function restoredOverflow(carried: CarriedOverflow | undefined, tail: readonly Block[]): Overflow {
  if (!carried) return noOverflow;
  const { tailBlocks: _, ...rest } = carried;
  return { ...noOverflow, ...rest, opening: undefined, tail };
}

/** What is carried of it at the most, in bytes: `{"from":123456789,"count":123456789},` for a range. */
export const overflowCarriedBytes = ({ segments, taken, tail, aside }: Overflow): number =>
  (segments.length + aside.segments.length) * 40 + taken.length * 12 + payloadBytesIn(tail) + jsonBytes(aside.keys);

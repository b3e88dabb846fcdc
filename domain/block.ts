/**
 * A block is what one signal carries and what one produce activity gets: an index, and the bodies as bytes that
 * nobody parses on the way. `bodies` is the text of a JSON array (`[v1,v2,…]`, UTF-8), so that it can be read in the
 * Temporal UI; the index says how long each value is, hence where it lies.
 */
export type BlockEntry = {
  /** The event's id without its prefix: 128 bits, base64url, 22 characters. */
  id: string;
  /** The partition key, which is the record's key. */
  key: string;
  /** Length of the value in bytes. */
  length: number;
  /** The replay that sends an event once more which was delivered: a delivery of its own. */
  again?: string | undefined;
};

export type Block = {
  /** When the oldest event of the block was accepted by the API, in ms since the epoch. */
  acceptedAtMs: number;
  /** For how long after this block its sender promises to send the lane nothing more, in ms. */
  quietMs: number;
  entries: readonly BlockEntry[];
  bodies: Uint8Array;
};

/** A delivery on its way into a block. */
export type Delivery = { id: string; key: string; value: Uint8Array; again?: string | undefined };

/** A block is closed at this many events or bytes of values; a single larger event goes alone. */
export const blockEventsMax = 800;
export const blockBytesMax = 460 * 1024;

const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;

/** The size of a block's bodies, in bytes, for `count` values of `valueBytes` bytes in all. */
const bodiesBytes = (valueBytes: number, count: number): number => valueBytes + Math.max(count - 1, 0) + 2;

function joinBodies(values: readonly Uint8Array[]): Uint8Array {
  const total = values.reduce((sum, value) => sum + value.length, 0);
  const bodies = new Uint8Array(bodiesBytes(total, values.length));
  bodies[0] = openBracket;
  let at = 1;
  values.forEach((value, i) => {
    if (i > 0) bodies[at++] = comma;
    bodies.set(value, at);
    at += value.length;
  });
  bodies[at] = closeBracket;
  return bodies;
}

/** Written out: a workflow's bundle makes a loop of each spread, and there is one for every event. */
export const entryOf = (id: string, key: string, length: number, again?: string): BlockEntry =>
  again ? { id, key, length, again } : { id, key, length };

/** Makes a block of deliveries, in their order. */
export function blockOf(deliveries: readonly Delivery[], acceptedAtMs: number, quietMs: number): Block {
  return {
    acceptedAtMs,
    quietMs,
    entries: deliveries.map(({ id, key, value, again }) => entryOf(id, key, value.length, again)),
    bodies: joinBodies(deliveries.map(({ value }) => value)),
  };
}

/** The deliveries of a block, in order; the values are views of its bytes, not copies. */
export function deliveriesOf(block: Block): Delivery[] {
  let at = 1;
  return block.entries.map(({ id, key, length, again }) => {
    const value = block.bodies.subarray(at, at + length);
    at += length + 1;
    return again ? { id, key, value, again } : { id, key, value };
  });
}

/** Deliveries in blocks of the usual size, in order. */
export function blocksOf(deliveries: readonly Delivery[], acceptedAtMs: number): Block[] {
  const blocks: Block[] = [];
  let open: Delivery[] = [];
  let bytes = 0;
  for (const delivery of deliveries) {
    if (open.length > 0 && (open.length === blockEventsMax || bytes + delivery.value.length > blockBytesMax)) {
      blocks.push(blockOf(open, acceptedAtMs, 0));
      open = [];
      bytes = 0;
    }
    open.push(delivery);
    bytes += delivery.value.length;
  }
  if (open.length > 0) blocks.push(blockOf(open, acceptedAtMs, 0));
  return blocks;
}

/** Whether index and bodies fit each other: a block that came by hand may be of any shape. */
export function isWholeBlock(block: Block): boolean {
  if (block.entries.length === 0) return false;
  const total = block.entries.reduce((sum, entry) => sum + entry.length, 0);
  return (
    block.entries.every((entry) => entry.length > 0 && entry.id.length === 22) &&
    block.bodies.length === bodiesBytes(total, block.entries.length) &&
    block.bodies[0] === openBracket &&
    block.bodies[block.bodies.length - 1] === closeBracket
  );
}

/** Bytes of values in the block. */
export const blockBytes = (block: Block): number => block.bodies.length;

/** The block with only those entries that `keep` picks, unchanged (the same object) where that is all of them. */
export function filterBlock(block: Block, keep: (entry: BlockEntry, position: number) => boolean): Block {
  const kept = block.entries.map(keep);
  if (kept.every(Boolean)) return block;
  const deliveries = deliveriesOf(block).filter((_, i) => kept[i]);
  return blockOf(deliveries, block.acceptedAtMs, block.quietMs);
}

/** How many bytes the parts of a lane take in a payload. Parts never change, so each is measured once. */
import type { Block } from './block.ts';
import type { DeadLetter } from './laneState.ts';

export const jsonBytes = (value: unknown): number => new TextEncoder().encode(JSON.stringify(value)).length;

function once<T extends object>(measure: (part: T) => number): (part: T) => number {
  const known = new WeakMap<T, number>();
  return (part) => {
    const bytes = known.get(part) ?? measure(part);
    known.set(part, bytes);
    return bytes;
  };
}

/** What stands around a block's index and bodies, in bytes: `{"acceptedAtMs":…,"quietMs":…,"index":…,"events":…}`. */
const blockOverheadBytes = 100;

/** The payload of a block: its index, which has the keys, and its bodies. */
export const blockPayloadBytes = once(
  (block: Block) =>
    blockOverheadBytes +
    jsonBytes(block.entries.map(({ id, key, length, again }) => [id, key, length, ...(again ? [again] : [])])) +
    block.bodies.length,
);

/** A dead letter: its value and index entry, which go in a block, and its error. Two commas and the value's own. */
export const deadLetterPayloadBytes = once(
  ({ delivery: { id, key, value, again }, parkedAtMs, error }: DeadLetter) =>
    jsonBytes([id, key, value.length, ...(again ? [again] : [])]) + value.length + jsonBytes({ parkedAtMs, error }) + 3,
);

/** How many bytes the parts of a lane take in a payload. Parts never change, so each is measured once. */
import type { Block } from './block.ts';
import type { DeadLetter } from './deadLetters.ts';

export const textBytes = (text: string): number => new TextEncoder().encode(text).length;
export const jsonBytes = (value: unknown): number => textBytes(JSON.stringify(value));

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

/** `{"parkedAtMs":…,"error":…,"held":…},` without what is held. */
const heldOverheadBytes = 60;

/**
 * A dead letter: its value and index entry, which go in a block, and its error. Two commas and the value's own. Of one whose body
 * lies elsewhere without its error, which it shares with others.
 */
export const deadLetterPayloadBytes = once(({ delivery, parkedAtMs, error }: DeadLetter) => {
  const { id, key, again } = delivery;
  if ('body' in delivery) {
    const { holder, at } = delivery.body;
    return heldOverheadBytes + jsonBytes([id, key, delivery.length, holder, at, ...(again ? [again] : [])]);
  }
  const { length } = delivery.value;
  return jsonBytes([id, key, length, ...(again ? [again] : [])]) + length + jsonBytes({ parkedAtMs, error }) + 3;
});

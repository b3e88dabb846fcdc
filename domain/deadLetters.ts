/** What a lane keeps of each delivery that failed for good. Its body may lie elsewhere: docs/decisions/dead-letters-bounded.md. Pure. */
import type { Failed } from './attempt.ts';
import type { BlockEntry, Delivery } from './block.ts';
import type { LaneState } from './laneState.ts';
import { deadLetterPayloadBytes, textBytes } from './payloadSize.ts';

/** A delivery whose body lies in a holder, at this position among the bodies there. */
export type HeldDelivery = BlockEntry & { body: { holder: number; at: number } };
export type DeadLetter = { delivery: Delivery | HeldDelivery; parkedAtMs: number; error: Failed };

/** A workflow that holds bodies of dead letters: its number is in its id, and the run says which one it is where a reset made another. */
export type Holder = { number: number; runId: string };
/** What a lane carries of each holder at the most, in bytes: `{"number":123456789,"runId":"…"},`. */
const holderCarriedBytes = 80;

/** Dead letters are carried from run to run, so they are bounded, in bytes; the lane holds when they are more. */
export const deadLetterBytesMax = 512 * 1024;
/** … or when those whose bodies lie elsewhere are more than this: for others there must be room until theirs do. */
export const heldLetterBytesMax = 384 * 1024;
/** With so much of letters whose bodies the lane has, it gives these to a holder. */
const ownLetterBytesMax = 256 * 1024;

export const holderOf = ({ delivery }: DeadLetter): number | undefined =>
  'body' in delivery ? delivery.body.holder : undefined;
export const lengthOf = ({ delivery }: DeadLetter): number =>
  'body' in delivery ? delivery.length : delivery.value.length;

/** What these take when they are carried, and how much of it are letters whose body the lane itself has; in bytes. */
type Sizes = { all: number; own: number };
const known = new WeakMap<readonly DeadLetter[], Sizes>();

function sizesOf(letters: readonly DeadLetter[]): Sizes {
  const before = known.get(letters);
  if (before) return before;
  const sizes = { all: 0, own: 0 };
  const errors = new Set<string>();
  for (const letter of letters) {
    const bytes = deadLetterPayloadBytes(letter);
    sizes.all += bytes;
    if (holderOf(letter) === undefined) sizes.own += bytes;
    else errors.add(errorText(letter.error)); // Which is carried once.
  }
  for (const text of errors) sizes.all += textBytes(text);
  known.set(letters, sizes);
  return sizes;
}

const errorTexts = new WeakMap<Failed, string>();
/** The same for errors that say the same. */
export function errorText(error: Failed): string {
  const text = errorTexts.get(error) ?? JSON.stringify(error);
  errorTexts.set(error, text);
  return text;
}

type Letters = Pick<LaneState, 'deadLetters' | 'released' | 'holders'>;

export const deadLetterBytes = ({ deadLetters, released, holders }: Letters): number =>
  sizesOf(deadLetters).all + sizesOf(released).all + holders.length * holderCarriedBytes;

const ownLetterBytes = ({ deadLetters, released }: Letters): number => sizesOf(deadLetters).own + sizesOf(released).own;

/** Whether the lane has no room for further ones. */
export function isFullOfLetters(state: Letters): boolean {
  const bytes = deadLetterBytes(state);
  return bytes >= deadLetterBytesMax || bytes - ownLetterBytes(state) >= heldLetterBytesMax;
}

/** Whether bodies are to leave the lane: they are many, or all that it keeps of its dead letters is too much. */
export function isToStore(state: Letters): boolean {
  const own = ownLetterBytes(state);
  return own >= ownLetterBytesMax || (own > 0 && deadLetterBytes(state) >= deadLetterBytesMax);
}

/** Keys whose events wait behind a dead letter. */
export function blockedKeys({ onDeadLetter, deadLetters }: Pick<LaneState, 'onDeadLetter' | 'deadLetters'>) {
  if (onDeadLetter === 'continue') return noKeys;
  const keys = keysOfLetters.get(deadLetters) ?? new Set(deadLetters.map(({ delivery }) => delivery.key));
  keysOfLetters.set(deadLetters, keys); // The same set for the same letters: what blocks hold of it is then known.
  return keys;
}
const noKeys: ReadonlySet<string> = new Set();
const keysOfLetters = new WeakMap<readonly DeadLetter[], ReadonlySet<string>>();

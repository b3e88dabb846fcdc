/** What a lane has parked: how much it holds, what it holds back, and what of a batch is parked. Pure. */
import type { Outcome } from './attempt.ts';
import { type Block, deliveriesOf } from './block.ts';
import type { DeadLetter, LaneState } from './laneState.ts';
import { keysAsideBytesMax, keysBytes } from './lettersAside.ts';
import { eventsIn } from './overflow.ts';
import { deadLetterPayloadBytes } from './payloadSize.ts';

type Parking = Pick<LaneState, 'deadLetters' | 'overflow' | 'onDeadLetter'>;

/** What a lane holds of dead letters itself, in bytes: it carries them from run to run. What is over it goes aside. */
export const deadLetterBytesMax = 512 * 1024;

export const deadLetterBytes = ({ deadLetters }: Pick<Parking, 'deadLetters'>): number =>
  deadLetters.reduce((sum, letter) => sum + deadLetterPayloadBytes(letter), 0);

/** Blocks of dead letters that are on their way into a segment. */
const openingLetters = ({ opening }: Parking['overflow']): readonly Block[] =>
  opening?.place === 'letters' ? opening.blocks : [];

/** How many the lane has, those that stand aside included. */
export const deadLetterCount = ({ deadLetters, overflow }: Pick<Parking, 'deadLetters' | 'overflow'>): number =>
  deadLetters.length + overflow.letters.count + eventsIn(openingLetters(overflow));

/** Whether some stand aside, or are about to, or something is to be done about such. */
export const isAnyLetterAside = (overflow: Parking['overflow']): boolean =>
  overflow.letters.segments.length > 0 ||
  overflow.opening?.place === 'letters' ||
  overflow.letters.asked.length > 0 ||
  overflow.letters.toTell.length > 0;

/** Keys whose events wait behind a dead letter. */
export function blockedKeys({ onDeadLetter, deadLetters, overflow }: Parking): ReadonlySet<string> {
  if (onDeadLetter === 'continue') return noKeys;
  const aside = overflow.letters.keys;
  const known = keysOfLetters.get(deadLetters);
  if (known?.aside === aside) return known.keys;
  // The same set for the same letters: what blocks hold of it is then known.
  const keys = new Set([...deadLetters.map(({ delivery }) => delivery.key), ...aside]);
  keysOfLetters.set(deadLetters, { aside, keys });
  return keys;
}
const noKeys: ReadonlySet<string> = new Set();
const keysOfLetters = new WeakMap<readonly DeadLetter[], { aside: readonly string[]; keys: ReadonlySet<string> }>();

const areKeysFull = ({ overflow }: Parking): boolean => keysBytes(overflow.letters.keys) >= keysAsideBytesMax;

/** Whether it parks no further ones, for now or until a person does something. */
export const isFullOfLetters = (state: Parking): boolean =>
  deadLetterBytes(state) >= deadLetterBytesMax || areKeysFull(state);

/** Whether a batch has more dead letters than the lane may hold itself, so that they have to go aside. */
export function isParkingMuch(state: LaneState, outcome: Outcome): boolean {
  if (outcome.refused.length === 0) return false;
  const all = [...state.deadLetters, ...parkedOf(state, outcome, { nowMs: 0, goAside: true }).values()];
  return !areKeysFull(state) && deadLetterBytes({ deadLetters: all }) >= deadLetterBytesMax;
}

/**
 * What is parked of a batch, by its position. Where dead letters don't `goAside`, a lane that parked more than it can carry could
 * never continue: the rest waits in the queue, and is refused again.
 */
export function parkedOf(
  state: LaneState,
  { refused }: Pick<Outcome, 'refused'>,
  { nowMs, goAside }: { nowMs: number; goAside: boolean },
): Map<number, DeadLetter> {
  const parked = new Map<number, DeadLetter>();
  if (refused.length === 0 || !state.sending) return parked;
  const errors = new Map(refused.map(({ position, error }) => [position, error]));
  let bytes = deadLetterBytes(state);
  deliveriesOf(state.sending).forEach((delivery, position) => {
    const error = errors.get(position);
    if (!error || (bytes >= deadLetterBytesMax && !goAside)) return;
    // A copy: a view would keep the whole batch in memory.
    const letter = { delivery: { ...delivery, value: delivery.value.slice() }, parkedAtMs: nowMs, error };
    bytes += deadLetterPayloadBytes(letter);
    parked.set(position, letter);
  });
  return parked;
}

/** How the dead letters of a lane go from run to run: the bodies that the lane itself has as blocks, all else as JSON. Pure. */
import type { Failed } from './attempt.ts';
import { type Block, blocksOf, type Delivery, deliveriesOf } from './block.ts';
import type { CarriedLane } from './carriedLane.ts';
import { type DeadLetter, errorText, type Holder } from './deadLetters.ts';
import { unknownError } from './failures.ts';
import type { LaneState } from './laneState.ts';

/** `error`: its number among the errors, for many letters have the same. `held`: where its body lies in a holder. */
type CarriedLetter = {
  parkedAtMs: number;
  error: number;
  held?: Held;
};
type Held = [id: string, key: string, length: number, holder: number, at: number, again?: string];
export type CarriedLetters = {
  errors: Failed[];
  deadLetters: CarriedLetter[];
  released: CarriedLetter[];
  holders: readonly Holder[];
};
type Letters = Pick<LaneState, 'deadLetters' | 'released' | 'holders'>;

export function carriedLetters(
  { deadLetters, released, holders }: Letters,
  nowMs: number,
): Pick<CarriedLane, 'deadLetters' | 'letters'> & { bodies: Block[] } {
  const own = [...deadLetters, ...released].flatMap(({ delivery }) => ('body' in delivery ? [] : [delivery]));
  const bodies = blocksOf(own, nowMs);
  if (holders.length === 0 && released.length === 0) {
    return { deadLetters: deadLetters.map(({ parkedAtMs, error }) => ({ parkedAtMs, error })), bodies };
  }
  const errors = new Map<string, { error: Failed; number: number }>();
  const carried = ({ delivery, parkedAtMs, error }: DeadLetter): CarriedLetter => {
    const same = errors.get(errorText(error)) ?? { error, number: errors.size };
    errors.set(errorText(error), same);
    if (!('body' in delivery)) return { parkedAtMs, error: same.number };
    const { id, key, length, body, again } = delivery;
    const held: Held = [id, key, length, body.holder, body.at];
    if (again) held.push(again);
    return { parkedAtMs, error: same.number, held };
  };
  const letters = { deadLetters: deadLetters.map(carried), released: released.map(carried), holders };
  return { letters: { errors: [...errors.values()].map(({ error }) => error), ...letters }, bodies };
}

export function restoredLetters(
  { deadLetters = [], letters }: Pick<CarriedLane, 'deadLetters' | 'letters'>,
  bodies: readonly Block[],
): Letters {
  const own = bodies.flatMap(deliveriesOf);
  if (!letters) {
    return { deadLetters: deadLetters.flatMap((letter, n) => withBody(letter, own[n])), released: [], holders: [] };
  }
  let next = 0;
  const restored = ({ parkedAtMs, error, held }: CarriedLetter): DeadLetter[] => {
    const about = { parkedAtMs, error: letters.errors[error] ?? withoutError };
    if (!held) return withBody(about, own[next++]);
    const [id, key, length, holder, at, again] = held;
    return [{ ...about, delivery: { id, key, length, body: { holder, at }, ...(again && { again }) } }];
  };
  return {
    deadLetters: letters.deadLetters.flatMap(restored),
    released: letters.released.flatMap(restored),
    holders: letters.holders,
  };
}

const withBody = (about: Omit<DeadLetter, 'delivery'>, delivery: Delivery | undefined): DeadLetter[] =>
  delivery ? [{ ...about, delivery }] : [];

const withoutError: Failed = { kind: 'recordAtFault', name: unknownError, message: '', remedy: 'Report this.' };

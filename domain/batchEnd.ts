/** What a batch leaves: records that were refused, and events that are still to be sent. Pure. */
import type { Failed } from './attempt.ts';
import { type Block, deliveriesOf } from './block.ts';
import { type DeadLetter, deadLetterBytes, deadLetterBytesMax } from './deadLetters.ts';
import type { LaneState } from './laneState.ts';
import { deadLetterPayloadBytes } from './payloadSize.ts';

/** The dead letters that refused records of a batch become, by their positions. */
export function parkedOf(
  state: LaneState,
  sent: Block,
  errors: ReadonlyMap<number, Failed>,
  nowMs: number,
): Map<number, DeadLetter> {
  const parked = new Map<number, DeadLetter>();
  if (errors.size === 0) return parked;
  let bytes = deadLetterBytes(state);
  deliveriesOf(sent).forEach((delivery, position) => {
    const error = errors.get(position);
    if (!error) return;
    const before = state.sendingLetters[position]; // Its body lies where it lay.
    if (before) parked.set(position, { ...before, parkedAtMs: nowMs, error });
    // A lane that parked more than it can carry could never continue: the rest waits in the queue, and is refused again.
    if (before || bytes >= deadLetterBytesMax) return;
    // A copy: a view would keep the whole batch in memory.
    const letter = { delivery: { ...delivery, value: delivery.value.slice() }, parkedAtMs: nowMs, error };
    bytes += deadLetterPayloadBytes(letter);
    parked.set(position, letter);
  });
  return parked;
}

/** The state with what is left of a batch first in line, where it came from. */
export function withFirst(state: LaneState, left: Block, letters: readonly DeadLetter[]): LaneState {
  const rest = { ...state, sending: undefined, sendingLetters: [] };
  if (letters.length > 0) return { ...rest, released: [...letters, ...state.released] };
  return left.entries.length === 0 ? rest : { ...rest, queue: [left, ...state.queue] };
}

import { expect, test } from 'vitest';
import { type Block, blockOf } from '../../domain/block.ts';
import type { DeadLetter } from '../../domain/deadLetters.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { toOverflow, toRead } from '../../domain/laneOverflow.ts';
import { canSend, enqueued, heldBy, type LaneState, newLaneState } from '../../domain/laneState.ts';

const value = new TextEncoder().encode('{}');
const letter: DeadLetter = {
  delivery: { id: 'parked'.padEnd(22, '0'), key: 'bad', value },
  parkedAtMs: 0,
  error: { kind: 'recordAtFault', name: 'MESSAGE_TOO_LARGE', message: 'too large', remedy: '' },
};
let looks = 0;
/** A block that counts how often a key of it is looked at. */
function countingBlock(from: number, key: string): Block {
  const ids = Array.from({ length: 100 }, (_, n) => String(from + n).padStart(22, '0'));
  const block = blockOf(
    ids.map((id) => ({ id, key, value })),
    0,
    0,
  );
  const entries = block.entries.map((entry) => ({
    ...entry,
    get key() {
      looks++;
      return key;
    },
  }));
  return { ...block, entries };
}

test('a lane with a blocked key looks at each event of its queue once, however often it decides', () => {
  let state: LaneState = {
    ...newLaneState(defaultLaneLimits),
    onDeadLetter: 'block',
    deadLetters: [letter],
    queue: [countingBlock(0, 'bad'), countingBlock(100, 'good')],
  };
  const decide = (): void => {
    for (let n = 0; n < 50; n++) expect([canSend(state), toRead(state, 'short')]).toEqual([true, undefined]);
    expect(toOverflow(state, 'short')).toBeUndefined();
  };
  looks = 0;
  decide();
  const once = looks;
  expect(once).toBeLessThanOrEqual(2 * 200); // Of a blocked key the length is looked at, too.
  decide();
  expect(looks).toBe(once);

  state = enqueued(state, blockOf([{ id: 'new'.padEnd(22, '0'), key: 'good', value }], 1, 0), 1);
  decide();
  expect(looks).toBe(once); // What came is looked at, and nothing else.

  const all = { ...state, queue: [countingBlock(200, 'bad')] };
  expect(heldBy(all)?.reason).toBe('keysBlocked');
  expect(heldBy({ ...all, deadLetters: [] })).toBeUndefined(); // Other letters: it looks anew.
});

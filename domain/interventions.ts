/** What a person's `replay` and `discard` do to a lane with dead letters. Pure. */
import { withReleased } from './aside.ts';
import { blocksOf } from './block.ts';
import { withoutUnusedHolders } from './bodies.ts';
import { blockedKeys } from './deadLetters.ts';
import { letGo } from './laneHold.ts';
import { isSelected, type Selected } from './laneSignals.ts';
import type { LaneState } from './laneState.ts';

/** So many are remembered, the latest ones. */
export const requestsMax = 100;

/** Whether the lane has followed the request before. */
const isFollowed = ({ requests }: LaneState, { request }: Selected): boolean =>
  request !== undefined && requests.includes(request);

const withRequest = (state: LaneState, { request }: Selected): LaneState =>
  request === undefined ? state : { ...state, requests: [...state.requests, request].slice(-requestsMax) };

/** The state after `replay`: the dead letters that it names stand first in the queue, oldest first; a hold ends. */
export function replayed(before: LaneState, selected: Selected): LaneState {
  if (isFollowed(before, selected)) return before;
  const state = withRequest(before, selected);
  const released = state.deadLetters.filter(({ delivery }) => isSelected(selected, delivery.id));
  if (selected.digests !== 'all' && released.length === 0) return state; // It names none that is here.
  const rest: LaneState = {
    ...letGo(state, 'person'),
    deadLetters: state.deadLetters.filter(({ delivery }) => !isSelected(selected, delivery.id)),
  };
  const own = released.flatMap(({ delivery }) => ('body' in delivery ? [] : [delivery]));
  if (own.length < released.length || state.released.length > 0) {
    return withReleased({ ...rest, released: [...released, ...state.released] }, [], blockedKeys(rest));
  }
  const blocks = blocksOf(own, Math.min(...released.map(({ parkedAtMs }) => parkedAtMs)));
  return withReleased(rest, blocks, blockedKeys(rest));
}

/** The state after `discard`: the dead letters that it names are given up. */
export function discarded(before: LaneState, selected: Selected): LaneState {
  if (isFollowed(before, selected)) return before;
  const state = withRequest(before, selected);
  const deadLetters = state.deadLetters.filter(({ delivery }) => !isSelected(selected, delivery.id));
  const gone = state.deadLetters.length - deadLetters.length;
  const next = { ...state, deadLetters, counts: { ...state.counts, discarded: state.counts.discarded + gone } };
  return withoutUnusedHolders(withReleased(next, [], blockedKeys(next)));
}

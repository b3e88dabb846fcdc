/** The workflows that a worker runs. */
export { heldOutcomes } from './exporting.ts';
export { keeper } from './keeper.ts';
export { lane } from './lane.ts';
export { discardEvents, replayEvents } from './replay.ts';
export { segment, segment as holder } from './segment.ts';

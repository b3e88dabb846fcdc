/** The workflows that a worker runs. */
export { keeper } from './keeper.ts';
export { lane } from './lane.ts';
export { replayEvents } from './replay.ts';
export { segment } from './segment.ts';

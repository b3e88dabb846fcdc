/** The workflows that a worker runs. */
export { lane } from './lane.ts';
export { segment } from './segment.ts';

/** What a lane takes along into its next run, and how it goes on from that. Pure. */
import type { Failed } from './attempt.ts';
import { type Block, blocksOf, deliveriesOf } from './block.ts';
import { type CarriedLetters, carriedLetters, restoredLetters } from './carriedLetters.ts';
import { type CarriedDedupWindow, DedupWindow } from './dedupWindow.ts';
import type { LaneLimits } from './lane.ts';
import type { Hold, Resumed } from './laneHold.ts';
import type { Counts, LaneState, Note } from './laneState.ts';
import type { CarriedOutcomes } from './outcomes.ts';
import { type CarriedOverflow, carriedOverflow, restoredOverflow } from './overflow.ts';
import type { ResentPart } from './resent.ts';

/** What goes from run to run as JSON; blocks go beside it, each a payload of its own. */
export type CarriedLane = CarriedOutcomes & {
  seen: CarriedDedupWindow;
  counts: Counts;
  onDeadLetter: LaneState['onDeadLetter'];
  hold?: Hold | undefined;
  resumed?: Resumed | undefined;
  paused?: Note | undefined;
  slow?: true | undefined;
  resetRunId?: string | undefined;
  resent?: readonly ResentPart[] | undefined;
  requests?: readonly string[] | undefined;
  /** Of the blocks, the first so many are the queue; the overflow's tail follows; the others hold the dead letters' bodies. */
  queueBlocks: number;
  overflow?: CarriedOverflow | undefined;
  /** One for each body in the later blocks, in order. Absent where there are `letters`: code that knows none must not go on without them. */
  deadLetters?: { parkedAtMs: number; error: Failed }[];
  /** Where some body lies in a holder, or letters are released. */
  letters?: CarriedLetters;
};

export function carried(state: LaneState, nowMs: number, outcomes: CarriedOutcomes = {}): [CarriedLane, ...Block[]] {
  // Joined: thousands of small blocks would be thousands of payloads.
  const joinedUp = (blocks: readonly Block[]) =>
    blocksOf(blocks.flatMap(deliveriesOf), blocks[0]?.acceptedAtMs ?? nowMs);
  const queue = joinedUp(state.queue);
  const tail = joinedUp(state.overflow.tail);
  const { bodies, ...letters } = carriedLetters(state, nowMs);
  const head: CarriedLane = {
    ...outcomes,
    seen: state.seen.carried(nowMs),
    counts: state.counts,
    onDeadLetter: state.onDeadLetter,
    hold: state.hold,
    resumed: state.resumed,
    paused: state.paused,
    slow: state.slow ? true : undefined,
    resetRunId: state.resetRunId,
    resent: state.resent.length === 0 ? undefined : state.resent,
    requests: state.requests.length === 0 ? undefined : state.requests,
    queueBlocks: queue.length,
    overflow: state.overflow.name === '' ? undefined : carriedOverflow(state.overflow, tail.length),
    ...letters,
  };
  return [head, ...queue, ...tail, ...bodies];
}

export function restored(limits: LaneLimits, head: CarriedLane, blocks: readonly Block[]): LaneState {
  const bodiesFrom = head.queueBlocks + (head.overflow?.tailBlocks ?? 0);
  return {
    queue: blocks.slice(0, head.queueBlocks),
    overflow: restoredOverflow(head.overflow, blocks.slice(head.queueBlocks, bodiesFrom)),
    sending: undefined,
    sendingLetters: [],
    ...restoredLetters(head, blocks.slice(bodiesFrom)),
    onDeadLetter: head.onDeadLetter,
    hold: head.hold,
    resumed: head.resumed,
    paused: head.paused,
    slow: head.slow ?? false,
    resetRunId: head.resetRunId,
    resent: head.resent ?? [],
    requests: head.requests ?? [],
    counts: head.counts,
    seen: DedupWindow.from(head.seen, limits.dedupIdsMax, limits.dedupWindowMs),
  };
}

import { ApplicationFailure, patched, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { Block } from '../domain/block.ts';
import type { LaneStart } from '../domain/lane.ts';
import {
  allAsked,
  foundLetters,
  type LetterStep,
  nextLetterStep,
  nextToTell,
  partedLetters,
  toldLetters,
} from '../domain/laneLetters.ts';
import { lostSegment } from '../domain/laneOverflow.ts';
import type { LaneState } from '../domain/laneState.ts';
import type { LetterNote } from '../domain/lettersAside.ts';
import { type SegmentsOfLane, segmentWorkflowId } from '../domain/overflow.ts';
import type { LaneOutcomes } from './exporting.ts';
import { lossOf } from './segmentLoss.ts';

export type LetterActivities = {
  /** The numbers of those segments that hold dead letters with these ids, in their order. */
  findLetters(request: { of: SegmentsOfLane; digests: readonly string[] }): Promise<number[]>;
  /** Reads the dead letters of a segment, as one block, and notes in its history what is done with those that are asked for; closes `taken`. */
  readLetters(request: {
    segmentId: string;
    laneRunId: string;
    taken: string[];
    note: LetterNote;
    digests: readonly string[];
  }): Promise<Block>;
  /** Notes in the history of each what is done with all its dead letters, and closes it where they are given up; their ids, if wanted. */
  tellSegments(request: { of: SegmentsOfLane; note: LetterNote; withIds: boolean }): Promise<string[]>;
};

// They ask nothing but Temporal: what fails is tried again until it is there.
const retry = { initialInterval: '200 ms', backoffCoefficient: 2, maximumInterval: '5 seconds' } as const;
const { readLetters } = proxyActivities<LetterActivities>({ startToCloseTimeout: '15 seconds', retry });
const { findLetters, tellSegments } = proxyActivities<LetterActivities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '10 seconds', // A killed worker's is tried again after that.
  retry,
});

/** Lanes that older code began hold on to what they park, until their next run. */
export const putsLettersAside = (): boolean => patched('dead-letters-aside');

/** So many segments are asked for their dead letters' ids at once: an outcome is exported of each. */
const toldAtOnceWithIds = 4;

export type LettersOf = {
  start: LaneStart;
  lane: { state: LaneState };
  outcomes: LaneOutcomes;
  isRunShort(): boolean;
  /** Opens the segment that the state says is to be opened. */
  open(): Promise<void>;
};

/** What is to be done next about the dead letters that stand aside, if anything: each a step after which a new run may begin. */
export function nextOfLetters(of: LettersOf): (() => Promise<void>) | undefined {
  const { lane } = of;
  const step = nextLetterStep(lane.state);
  if (step && (step.kind === 'all' || step.kind === 'done' || of.isRunShort())) return () => taken(of, step);
  const isToTell = nextToTell(lane.state) !== undefined && of.isRunShort() && !of.outcomes.isFull;
  return isToTell ? () => tell(of) : undefined;
}

const segmentsOf = ({ start, lane }: LettersOf, segments: SegmentsOfLane['segments']): SegmentsOfLane => ({
  destinationId: start.destinationId,
  lane: start.lane,
  name: lane.state.overflow.name,
  segments,
});

async function taken(of: LettersOf, step: LetterStep): Promise<void> {
  const { lane } = of;
  if (step.kind === 'part') return await part(of, step);
  if (step.kind === 'find') {
    const { digests, segments } = step;
    const numbers = await findLetters({ of: segmentsOf(of, segments), digests });
    lane.state = foundLetters(lane.state, numbers);
  } else lane.state = allAsked(lane.state);
}

async function part(of: LettersOf, { number, asked }: LetterStep & { kind: 'part' }): Promise<void> {
  const { lane, outcomes, start } = of;
  const { name, taken: toClose } = lane.state.overflow;
  const idOf = (one: number): string => segmentWorkflowId(start.destinationId, start.lane, name, one);
  const { digests: wanted, todo: _todo, isSearched: _searched, ...note } = asked;
  if (wanted === 'all') throw ApplicationFailure.nonRetryable('All are asked for.', 'NOTHING_TO_PART');
  let block: Block;
  try {
    const { runId: laneRunId } = workflowInfo();
    const request = { segmentId: idOf(number), laneRunId, taken: toClose.map(idOf), note, digests: wanted };
    block = await readLetters(request);
  } catch (error) {
    lane.state = lostSegment(lane.state, lossOf(idOf(number), error), Date.now());
    return;
  }
  lane.state = partedLetters(lane.state, number, block);
  const isWanted = new Set(wanted);
  const found = block.entries.flatMap(({ id }) => (isWanted.has(id) ? [id] : []));
  outcomes.noted(note, found);
  await of.open();
}

async function tell(of: LettersOf): Promise<void> {
  const { lane, outcomes } = of;
  const next = nextToTell(lane.state);
  if (!next) return;
  const { segments: _, ...note } = next.note;
  const withIds = outcomes.areWanted;
  const numbers = withIds ? next.numbers.slice(0, toldAtOnceWithIds) : next.numbers;
  const segments = numbers.map((from) => ({ from, count: 1 }));
  const ids = await tellSegments({ of: segmentsOf(of, segments), note, withIds });
  outcomes.noted(note, ids);
  lane.state = toldLetters(lane.state, numbers.length);
}

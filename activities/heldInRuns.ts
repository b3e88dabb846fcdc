import type { Client } from '@temporalio/client';
import type { Block } from '../domain/block.ts';
import type { CarriedLane } from '../domain/carriedLane.ts';
import { type HeldInRun, heldInRun } from '../domain/heldInRun.ts';
import type { LaneStart } from '../domain/lane.ts';
import { segmentWorkflowId } from '../domain/overflow.ts';
import type { LaneHistories } from './laneHistory.ts';
import { startOf } from './laneRuns.ts';
import { type Looked, segmentWith } from './segmentOf.ts';
import type { ListRuns } from './settledBefore.ts';

/** Finds an event in a lane that has gone on for many runs, without reading them. Rejects with `temporal_unavailable`. */
export type HeldInRuns = {
  /** The lane's runs, the newest first, back to that one or 5,000 at the most. Rejects as `ListRuns` does. */
  runIds(workflowId: string, back: string): Promise<string[]>;
  /** How the run began with the event of that digest; undefined where retention has deleted the run. */
  heldAt(workflowId: string, runId: string, digest: string): Promise<HeldInRun | undefined>;
  /** Whether the event lies in a segment that the lane had when the run began; `unread` where the lane has more than are read. */
  isInSegment(workflowId: string, runId: string, looked: Looked): Promise<boolean | 'unread'>;
};

/** The blocks of the segment that has the event, of those that the lane had when the run began; undefined where none has, `unread` where there are more than are read. */
export type SegmentHolding = (
  workflowId: string,
  runId: string,
  looked: Looked,
) => Promise<readonly Block[] | undefined | 'unread'>;

const callTimeoutMs = 3_000;

export function heldInRuns(client: Client, histories: Pick<LaneHistories, 'decoded'>, runIds: ListRuns): HeldInRuns {
  const holding = segmentHolding(client, histories);
  return {
    runIds,
    async heldAt(workflowId, runId, digest) {
      const started = await startOf(client, { workflowId, runId }, callTimeoutMs);
      if (!started) return undefined;
      const [, head, ...blocks] = await histories.decoded<[LaneStart?, CarriedLane?, ...Block[]]>(
        started.input?.payloads,
      );
      return heldInRun(digest, head, blocks);
    },
    async isInSegment(...of) {
      const held = await holding(...of);
      return held === 'unread' ? held : held !== undefined;
    },
  };
}

/** Rejects with `temporal_unavailable`. */
export function segmentHolding(client: Client, histories: Pick<LaneHistories, 'decoded'>): SegmentHolding {
  return async (workflowId, runId, looked) => {
    const started = await startOf(client, { workflowId, runId }, callTimeoutMs);
    const input = started?.input?.payloads?.slice(0, 2);
    const [start, head] = await histories.decoded<[LaneStart?, CarriedLane?]>(input);
    const { name, segments = [], aside } = head?.overflow ?? {};
    if (!start || !name) return undefined;
    const blocksOf = async (number: number): Promise<Block[] | undefined> => {
      const segmentId = segmentWorkflowId(start.destinationId, start.lane, name, number);
      const opened = await startOf(client, { workflowId: segmentId, runId: '' }, callTimeoutMs);
      return opened && (await histories.decoded<Block[]>(opened.input?.payloads?.slice(1)));
    };
    const number = await segmentWith([segments, aside?.segments ?? []], looked, blocksOf);
    if (number === 'unread') return number;
    return number === 'none' ? undefined : await blocksOf(number);
  };
}

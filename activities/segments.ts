/** Reads and closes the overflow segments of lanes. Asks Temporal alone. */
import type { Client } from '@temporalio/client';
import { type Block, blockOf, deliveriesOf } from '../domain/block.ts';
import { segmentSignals } from '../domain/overflow.ts';
import { createLetterActivities, type LetterActivity } from './letters.ts';
import { blocksIn, tellSegment } from './segmentReading.ts';

export type SegmentActivity = LetterActivity & {
  readSegment(request: { segmentId: string; laneRunId: string; taken: string[] }): Promise<Block>;
  closeSegments(request: { taken: string[] }): Promise<void>;
};

export function createSegmentActivities({ temporal }: { temporal: Client }): SegmentActivity {
  const closeSegments: SegmentActivity['closeSegments'] = async ({ taken }) => {
    for (const segmentId of taken) await tellSegment(temporal, segmentId, segmentSignals.taken);
  };
  return {
    async readSegment({ segmentId, laneRunId, taken }) {
      await closeSegments({ taken });
      // Before its events can be sent by anyone: so whoever looks for an event that the segment held finds the run.
      await tellSegment(temporal, segmentId, segmentSignals.read, laneRunId);
      const blocks = await blocksIn(temporal, segmentId);
      return blockOf(blocks.flatMap(deliveriesOf), Math.min(...blocks.map(({ acceptedAtMs }) => acceptedAtMs)), 0);
    },
    closeSegments,
    ...createLetterActivities(temporal, closeSegments),
  };
}

import { ActivityFailure, ApplicationFailure, isCancellation } from '@temporalio/workflow';
import type { Failed } from '../domain/attempt.ts';

/** What a lane says of a segment that can't be read. Throws what ends the lane. */
export function lossOf(segmentId: string, error: unknown): Failed {
  if (isCancellation(error)) throw error;
  const cause = error instanceof ActivityFailure ? error.cause : error;
  return {
    kind: 'destinationAtFault',
    name: cause instanceof ApplicationFailure ? (cause.type ?? 'UNFORESEEN') : 'UNFORESEEN',
    message: cause instanceof Error ? cause.message : String(cause),
    remedy: `Events of this lane are in workflow ${segmentId}, which can't be read; nothing is skipped. Look for it in Temporal (its history, the namespace's retention, an archive), then signal resume.`,
  };
}

import type { LaneCalls } from '../activities/laneCalls.ts';
import type { Pause } from '../domain/destination.ts';
import type { Actor } from '../store/auditLog.ts';
import type { StoredDestination } from '../store/destinationRow.ts';
import { laneNotFound } from './interventions.ts';
import type { LaneIds } from './laneIds.ts';
import type { PauseRequest, Pausing } from './schemas/lanes.ts';

export type PausingOptions = {
  destinations: { setPaused(id: string, pause: Pause | undefined, by: Actor): Promise<StoredDestination> };
  lanes: Pick<LaneCalls, 'signal'>;
  workflowIdOf: LaneIds;
  /** Lets lanes that hold for the destination go on. Neither rejects nor keeps anyone waiting. */
  tellKeeper(destinationId: string, version: number): void;
};

export type PauseAsked = {
  destinationId: string;
  signal: 'pause' | 'resume';
  by: string;
  requestKey: string | undefined;
  actor: Actor;
};

/**
 * Pauses or resumes a destination or one of its lanes. A paused destination is a fact in the store that the produce activity
 * meets; the keeper ends it. Throws `destination_not_found`, `lane_not_found` or `temporal_unavailable`.
 */
export async function setPaused(
  { destinations, lanes, workflowIdOf, tellKeeper }: PausingOptions,
  { destinationId, signal, by, requestKey, actor }: PauseAsked,
  { lane, reason }: PauseRequest,
): Promise<Pausing> {
  const note = { ...(reason !== undefined && { reason }), by };
  if (lane !== undefined) {
    const isOpen = await lanes.signal(await workflowIdOf(destinationId, lane), signal, { input: note, requestKey });
    if (!isOpen) throw laneNotFound(lane);
    return { signal, of: 'lane', lane, ...note };
  }
  const pause = signal === 'pause' ? { since: new Date().toISOString(), ...note } : undefined;
  const { version } = await destinations.setPaused(destinationId, pause, actor);
  // Told in any case: a process that died after it had resumed the destination could not tell.
  if (signal === 'resume') tellKeeper(destinationId, version);
  return { signal, of: 'destination', ...note };
}

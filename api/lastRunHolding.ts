import type { HeldInRuns } from '../activities/heldInRuns.ts';
import type { LaneHistories } from '../activities/laneHistory.ts';
import type { HeldInRun } from '../domain/heldInRun.ts';

/** `passed`: so many runs before it, from the one that was asked for on, that nobody need read. */
export type LastRun = { runId: string; passed: number; as: 'parked' | 'queued' };

/**
 * The last run that began with the event as this one did: parked at that time, or waiting. In it, or later where it is the open one,
 * that ended. The runs in between are halved, for it lasts from one run to the next; of one that waits those near are looked at
 * first, for it may wait, be parked, and wait once more. Undefined where the lane's runs don't tell.
 */
export async function lastRunHolding(
  histories: HeldInRuns & Pick<LaneHistories, 'now'>,
  workflowId: string,
  runId: string,
  digest: string,
): Promise<LastRun | undefined> {
  const first = await histories.heldAt(workflowId, runId, digest);
  if (!first || first.as === 'none') return undefined;
  const isSame = async (id: string | undefined): Promise<boolean> =>
    id !== undefined && isHeldAlike(first, await histories.heldAt(workflowId, id, digest));
  const runs = await runsAfter(histories, workflowId, runId);
  let low = -1; // The one that was asked for.
  let high = runs.length;
  for (let step = 1; first.as === 'queued' && low + step < high; step *= 2) {
    if (await isSame(runs[low + step])) low += step;
    else high = low + step;
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await isSame(runs[middle])) low = middle;
    else high = middle;
  }
  return { runId: runs[low] ?? runId, passed: low + 1, as: first.as };
}

function isHeldAlike(one: HeldInRun, other: HeldInRun | undefined): boolean {
  if (one.as !== 'parked') return other?.as === one.as;
  return other?.as === 'parked' && other.parkedAtMs === one.parkedAtMs;
}

/** The lane's later runs, the oldest first, as far as visibility lists them. */
async function runsAfter(
  histories: HeldInRuns & Pick<LaneHistories, 'now'>,
  workflowId: string,
  runId: string,
): Promise<string[]> {
  const newestFirst = await histories.runIds(workflowId, runId);
  const at = newestFirst.indexOf(runId);
  // One that is not listed is newer than all, which visibility has not heard of yet, or older.
  if (at < 0 && (await histories.now(workflowId)).runId === runId) return [];
  return newestFirst.slice(0, at < 0 ? undefined : at).toReversed();
}

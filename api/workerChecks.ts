import type { Client } from '@temporalio/client';
import { identitiesIn, isThere, type PolledKind, type Poller, pollersOf } from '../activities/pollers.ts';
import { version, versionIn } from '../activities/version.ts';
import { keeperTaskQueue } from '../domain/keeper.ts';
import { slowTaskQueue } from '../domain/lane.ts';
import { exportTaskQueue } from '../domain/outcomes.ts';
import { segmentTaskQueue } from '../domain/overflow.ts';
import { type Found, failing, ok, warning } from './found.ts';

const startOne = 'Start a worker: npm run worker';

/** Who polls a task queue for one kind of task. */
export type Polled = { queue: string; kind: PolledKind; pollers: Poller[] };

/** Every task queue that a worker is to poll: for lanes, their batches to slow destinations, what is done for them, their overflow segments, and the export. */
const queuesOf = (taskQueue: string): [queue: string, kinds: PolledKind[]][] => [
  [taskQueue, ['workflows', 'activities']],
  [slowTaskQueue(taskQueue), ['activities']],
  [keeperTaskQueue(taskQueue), ['activities']],
  [segmentTaskQueue(taskQueue), ['workflows']],
  [exportTaskQueue(taskQueue), ['workflows', 'activities']],
];

/** Who polls them. Rejects where Temporal does not answer. */
export async function polledBy(temporal: Client, taskQueue: string): Promise<Polled[]> {
  const asked = queuesOf(taskQueue).flatMap(([queue, kinds]) =>
    kinds.map(async (kind): Promise<Polled> => ({ queue, kind, pollers: await pollersOf(temporal, queue, kind) })),
  );
  return await Promise.all(asked);
}

/** Whether each task queue has a worker. */
export function workerCheck(polled: readonly Polled[], nowMs: number): Found {
  const gaps = polled.filter(({ pollers }) => !pollers.some((one) => isThere(one, nowMs)));
  const queues = [...new Set(polled.map(({ queue }) => queue))];
  if (gaps.length === 0) {
    const fewest = Math.min(...polled.map(({ pollers }) => identitiesIn(pollers, nowMs).size));
    return ok(`${fewest} at least polled each of ${queues.join(', ')} lately`);
  }
  const lastMs = Math.max(...gaps.flatMap(({ pollers }) => pollers.map(({ atMs }) => atMs)));
  const last = Number.isFinite(lastMs)
    ? `; the last time somebody did was ${Math.round((nowMs - lastMs) / 1_000)} s ago`
    : '';
  const what = gaps.map(({ queue, kind }) => `${queue} (${kind})`).join(', ');
  const remedy =
    gaps.length === polled.length ? startOne : `A worker polls all of them: end those of another version. ${startOne}`;
  return failing(`nobody polls ${what}${last}`, remedy);
}

/** Whether the workers are of the API's version. */
export function workerVersionCheck(polled: readonly Polled[], nowMs: number): Found {
  const there = polled.flatMap(({ pollers }) => pollers.filter((one) => isThere(one, nowMs)));
  const builds = [...new Set(there.map(({ buildId }) => buildId))].toSorted();
  if (builds.length === 0) return warning('there is no worker to ask', startOne);
  if (builds.every((build) => versionIn(build) === version)) return ok(builds.join(', '));
  const remedy = 'Run API and workers of one version: what is new on one side the other does not know.';
  return warning(`the API has ${version}, workers ${builds.map(versionIn).join(', ')}`, remedy);
}

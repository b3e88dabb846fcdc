import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { msOf } from '../activities/laneHistory.ts';
import { version, versionIn } from '../activities/version.ts';
import { keeperTaskQueue } from '../domain/keeper.ts';
import { exportTaskQueue } from '../domain/outcomes.ts';
import { segmentTaskQueue } from '../domain/overflow.ts';
import { type Found, failing, ok, warning } from './found.ts';

const { TaskQueueType, DescribeTaskQueueMode } = proto.temporal.api.enums.v1;
const [workflows, activities] = [TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY];
/** A worker polls at least once a minute. Temporal lists for five who has: one that is dead by now is still among them. In ms. */
const pollsWithinMs = 75_000;
const startOne = 'Start a worker: npm run worker';

/** Who polls a task queue for one kind of task, and when each did last. */
export type Poller = { identity: string; buildId: string; atMs: number };
export type Polled = { queue: string; kind: 'workflows' | 'activities'; pollers: Poller[] };

/** Every task queue that a worker is to poll: for lanes, what is done for them, their overflow segments, and the export. */
const queuesOf = (taskQueue: string): [queue: string, kinds: (typeof workflows | typeof activities)[]][] => [
  [taskQueue, [workflows, activities]],
  [keeperTaskQueue(taskQueue), [activities]],
  [segmentTaskQueue(taskQueue), [workflows]],
  [exportTaskQueue(taskQueue), [workflows, activities]],
];

/** Who polls them. Rejects where Temporal does not answer. */
export async function polledBy({ workflowService, options }: Client, taskQueue: string): Promise<Polled[]> {
  const { namespace } = options;
  const described = queuesOf(taskQueue).map(async ([name, taskQueueTypes]) => {
    // The enhanced mode asks all partitions of the queue; the other one knows the polls that reached the first.
    const { versionsInfo } = await workflowService.describeTaskQueue({
      ...{ namespace, taskQueue: { name }, taskQueueTypes, reportPollers: true, versions: { unversioned: true } },
      apiMode: DescribeTaskQueueMode.DESCRIBE_TASK_QUEUE_MODE_ENHANCED,
    });
    return taskQueueTypes.map((type): Polled => {
      const pollers = Object.values(versionsInfo ?? {}).flatMap(({ typesInfo }) => typesInfo?.[type]?.pollers ?? []);
      return {
        ...{ queue: name, kind: type === workflows ? 'workflows' : 'activities' },
        pollers: pollers.map(({ identity, lastAccessTime, workerVersionCapabilities }) => ({
          ...{ identity: identity ?? '', atMs: msOf(lastAccessTime) },
          buildId: workerVersionCapabilities?.buildId ?? 'unknown',
        })),
      };
    });
  });
  return (await Promise.all(described)).flat();
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

const isThere = ({ atMs }: Poller, nowMs: number): boolean => nowMs - atMs <= pollsWithinMs;
const identitiesIn = (pollers: readonly Poller[], nowMs: number): Set<string> =>
  new Set(pollers.filter((one) => isThere(one, nowMs)).map(({ identity }) => identity));

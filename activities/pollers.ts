import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { msOf } from './historyEvent.ts';

const { TaskQueueType, DescribeTaskQueueMode } = proto.temporal.api.enums.v1;
const types = {
  workflows: TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
  activities: TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
} as const;
export type PolledKind = keyof typeof types;

/** Who polls a task queue, and when it did last. */
export type Poller = { identity: string; buildId: string; atMs: number };

/** A worker polls at least once a minute. Temporal lists for five who has: one that is dead by now is still among them. In ms. */
const pollsWithinMs = 75_000;
export const isThere = ({ atMs }: Poller, nowMs: number): boolean => nowMs - atMs <= pollsWithinMs;

/** The processes among them that are there. */
export const identitiesIn = (pollers: readonly Poller[], nowMs: number): Set<string> =>
  new Set(pollers.filter((one) => isThere(one, nowMs)).map(({ identity }) => identity));

/** Who polls a task queue for tasks of this kind. Rejects where Temporal does not answer. */
export async function pollersOf(
  { workflowService, options }: Client,
  taskQueue: string,
  kind: PolledKind,
): Promise<Poller[]> {
  const type = types[kind];
  // The enhanced mode asks all partitions of the queue; the other one knows the polls that reached the first.
  const { versionsInfo } = await workflowService.describeTaskQueue({
    ...{ namespace: options.namespace, taskQueue: { name: taskQueue }, taskQueueTypes: [type], reportPollers: true },
    ...{ versions: { unversioned: true }, apiMode: DescribeTaskQueueMode.DESCRIBE_TASK_QUEUE_MODE_ENHANCED },
  });
  const pollers = Object.values(versionsInfo ?? {}).flatMap(({ typesInfo }) => typesInfo?.[type]?.pollers ?? []);
  return pollers.map(({ identity, lastAccessTime, workerVersionCapabilities }) => ({
    ...{ identity: identity ?? '', atMs: msOf(lastAccessTime) },
    buildId: workerVersionCapabilities?.buildId ?? 'unknown',
  }));
}

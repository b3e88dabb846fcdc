import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import proto from '@temporalio/proto';
import { msOf } from '../activities/historyEvent.ts';
import { type PolledKind, pollersOf } from '../activities/pollers.ts';
import type { QueueBehind } from './lanesWaiting.ts';
import type { WorkersBehind } from './newLanes.ts';

const { TaskQueueType } = proto.temporal.api.enums.v1;
const types = {
  workflows: TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
  activities: TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
} as const;
const timeoutMs = 2_000;

/**
 * How far the workers of a task queue are behind. Workflow tasks of lanes that a worker keeps in memory have queues of their own,
 * and are not among these.
 */
export const workersBehind = (client: Client, name: string): (() => Promise<WorkersBehind>) => {
  const { connection, workflowService: service } = client;
  const of = async (kind: PolledKind): Promise<QueueBehind> => {
    const request = { namespace: client.options.namespace, taskQueue: { name }, taskQueueType: types[kind] };
    const [{ stats }, pollers] = await connection.withDeadline(Date.now() + timeoutMs, () =>
      Promise.all([service.describeTaskQueue({ ...request, reportStats: true }), pollersOf(client, name, kind)]),
    );
    const askedAtMs = Math.max(...pollers.map(({ atMs }) => atMs));
    return {
      waiting: Number(stats?.approximateBacklogCount ?? 0),
      oldestMs: stats?.approximateBacklogAge ? msOf(stats.approximateBacklogAge) : 0,
      takenPerSecond: stats?.tasksDispatchRate ?? 0,
      askedAgoMs: Number.isFinite(askedAtMs) ? Date.now() - askedAtMs : undefined,
    };
  };
  return async () => {
    const [workflows, activities] = await Promise.all([of('workflows'), of('activities')]);
    return { workflows, activities };
  };
};

/** Whether a lane runs. Rejects where Temporal does not answer. */
export const laneRuns =
  ({ connection, workflow }: Client) =>
  (workflowId: string): Promise<boolean> =>
    connection.withDeadline(Date.now() + timeoutMs, async () => {
      try {
        return (await workflow.getHandle(workflowId).describe()).status.name === 'RUNNING';
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      }
    });

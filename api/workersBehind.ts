import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import proto from '@temporalio/proto';
import { msOf } from '../activities/laneHistory.ts';
import { type PolledKind, pollersOf } from '../activities/pollers.ts';
import type { WorkersBehind } from './newLanes.ts';

const { TaskQueueType } = proto.temporal.api.enums.v1;
const types = {
  workflows: TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
  activities: TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
} as const;
const timeoutMs = 2_000;
/** By which those that are taken by nobody count as the longest wait. */
const leastPerSecond = 0.01;

/**
 * How far the workers of a task queue are behind: with what begins lanes, or with what lanes do, whichever is more. Tasks of lanes
 * that a worker keeps in memory have queues of their own, and are not among these.
 */
export const workersBehind = (client: Client, name: string): (() => Promise<WorkersBehind>) => {
  const { connection, workflowService: service } = client;
  const of = async (kind: PolledKind): Promise<WorkersBehind> => {
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
    const both = await Promise.all([of('workflows'), of('activities')]);
    const [one, other] = both;
    return delayOf(one) >= delayOf(other) ? one : other;
  };
};

const delayOf = ({ waiting, takenPerSecond }: WorkersBehind): number =>
  waiting / Math.max(takenPerSecond, leastPerSecond);

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

import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { WorkerConfig } from '../domain/config.ts';
import { dataConverter } from '../domain/dataConverter.ts';
import { CausewayError } from '../domain/error.ts';
import type { ProduceActivities } from '../workflows/lane.ts';

/** After this long a dead worker's lanes go to another one; Temporal's default is 10 s. */
const stickyTimeout = '2 seconds';

export type LaneWorkerOptions = {
  config: Pick<WorkerConfig, 'TEMPORAL_ADDRESS' | 'TEMPORAL_NAMESPACE' | 'TEMPORAL_TASK_QUEUE'>;
  activities: ProduceActivities;
};

/** A worker that runs lanes and their produce activities. Throws `temporal_unreachable` where nothing answers. */
export async function createLaneWorker({ config, activities }: LaneWorkerOptions): Promise<Worker> {
  const connection = await NativeConnection.connect({ address: config.TEMPORAL_ADDRESS }).catch((cause: unknown) => {
    const remedy = `No Temporal answers at ${config.TEMPORAL_ADDRESS}. Start it, or set TEMPORAL_ADDRESS to host:port.`;
    throw new CausewayError('temporal_unreachable', remedy, { cause });
  });
  return Worker.create({
    connection,
    namespace: config.TEMPORAL_NAMESPACE,
    taskQueue: config.TEMPORAL_TASK_QUEUE,
    workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)),
    activities,
    dataConverter,
    stickyQueueScheduleToStartTimeout: stickyTimeout,
    maxConcurrentActivityTaskExecutions: 200,
    maxConcurrentWorkflowTaskExecutions: 40,
    maxHeartbeatThrottleInterval: '1 second',
    defaultHeartbeatThrottleInterval: '1 second',
    shutdownGraceTime: '5 seconds',
  });
}

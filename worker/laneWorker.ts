import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { ProduceActivity } from '../activities/produce.ts';
import type { SegmentActivity } from '../activities/segments.ts';
import type { WorkerConfig } from '../domain/config.ts';
import { dataConverter } from '../domain/dataConverter.ts';
import { CausewayError } from '../domain/error.ts';

/** After this long a dead worker's lanes go to another one; Temporal's default is 10 s. */
const stickyTimeout = '2 seconds';

type TemporalConfig = Pick<WorkerConfig, 'TEMPORAL_ADDRESS' | 'TEMPORAL_NAMESPACE' | 'TEMPORAL_TASK_QUEUE'>;

/** The worker's connection. Throws `temporal_unreachable` where nothing answers. */
export async function connectWorker({ TEMPORAL_ADDRESS: address }: TemporalConfig): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect({ address });
  } catch (cause) {
    const remedy = `No Temporal answers at ${address}. Start it, or set TEMPORAL_ADDRESS to host:port.`;
    throw new CausewayError('temporal_unreachable', remedy, { cause });
  }
}

/** A worker that runs lanes, their segments and their activities. */
export function createLaneWorker(
  connection: NativeConnection,
  config: TemporalConfig,
  activities: ProduceActivity & SegmentActivity,
): Promise<Worker> {
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
    shutdownGraceTime: '5 seconds',
  });
}

import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { ProduceActivity } from '../activities/produce.ts';
import type { WorkerConfig } from '../domain/config.ts';
import { dataConverter } from '../domain/dataConverter.ts';
import { CausewayError } from '../domain/error.ts';

/** After this long a dead worker's lanes go to another one; Temporal's default is 10 s. */
const stickyTimeout = '2 seconds';
/**
 * Half of the polls are for lanes that no worker has in its cache, as after a worker's death; the SDK's default is a fifth. With two
 * such polls a waiting task was found two seconds later in 5 cases of 13: Temporal keeps a queue in four partitions.
 */
const freshPollRatio = 0.5;
/**
 * A worker that has just started replays as many lanes at once, in turns, and each must be through before its task's time is up
 * (`workflowTaskTimeout` in api/laneSignal.ts), or is replayed again: docs/decisions/killed-workers.md
 */
const workflowTasksMax = 8;

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

/** A worker that runs lanes and their produce activities. */
export function createLaneWorker(
  connection: NativeConnection,
  config: TemporalConfig,
  activities: ProduceActivity,
): Promise<Worker> {
  return Worker.create({
    connection,
    namespace: config.TEMPORAL_NAMESPACE,
    taskQueue: config.TEMPORAL_TASK_QUEUE,
    workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)),
    activities,
    dataConverter,
    stickyQueueScheduleToStartTimeout: stickyTimeout,
    nonStickyToStickyPollRatio: freshPollRatio,
    maxConcurrentActivityTaskExecutions: 200,
    maxConcurrentWorkflowTaskExecutions: workflowTasksMax,
    shutdownGraceTime: '5 seconds',
  });
}

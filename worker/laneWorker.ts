import { createHash } from 'node:crypto';
import { NativeConnection, Runtime, Worker, type WorkflowBundle } from '@temporalio/worker';
import type { ExportActivity } from '../activities/exporting.ts';
import type { KeeperActivity } from '../activities/keeper.ts';
import type { ProduceActivity } from '../activities/produce.ts';
import type { ReplayActivity } from '../activities/replay.ts';
import type { SegmentActivity } from '../activities/segments.ts';
import type { StrayActivity } from '../activities/strays.ts';
import { buildIdOf } from '../activities/version.ts';
import type { WorkerConfig } from '../domain/config.ts';
import { dataConverter, type OurDataConverter } from '../domain/dataConverter.ts';
import { CausewayError } from '../domain/error.ts';
import { keeperTaskQueue } from '../domain/keeper.ts';
import { slowTaskQueue } from '../domain/lane.ts';
import { exportTaskQueue } from '../domain/outcomes.ts';
import { segmentTaskQueue } from '../domain/overflow.ts';
import { workflowBundle } from './workflowBundle.ts';
import { WorkflowTaskSlots } from './workflowTaskSlots.ts';

/** After this long a dead worker's lanes go to another one; Temporal's default is 10 s. */
const stickyTimeout = '2 seconds';
/**
 * Half of the polls are for lanes that no worker has in its cache, as after a worker's death; the SDK's default is a fifth. With two
 * such polls a waiting task was found two seconds later in 5 cases of 13: Temporal keeps a queue in four partitions.
 */
const freshPollRatio = 0.5;
/**
 * A worker that has just started replays as many fresh lanes at once, in turns, and each must be through before its task's time is up (`workflowTaskTimeout` in
 * activities/laneStarting.ts), or is replayed again: docs/decisions/killed-workers.md. One that is in the cache needs no replay, and must not wait for those that do.
 */
const workflowTasksMax = { cached: 24, fresh: 8 };

/**
 * Where the worker is started without `workflowThreads.cjs`, which drops all such limits. A lane that is given 10,000 signals at once, by a reset, takes 6 s for them on a busy machine. The SDK's own bound is 5 s: over it Node
 * broke down, and with it every lane of the process (docs/decisions/reset.md).
 */
const isolateExecutionTimeout = '1 minute';

type TemporalConfig = Pick<WorkerConfig, 'TEMPORAL_ADDRESS' | 'TEMPORAL_NAMESPACE' | 'TEMPORAL_TASK_QUEUE'>;

/** What all workers of a process run. */
export type WorkerCode = {
  workflowBundle: WorkflowBundle;
  /** What the SDK gives by itself has its own version, and none of ours. Nothing is routed by it: `causeway doctor` and the UI show it. */
  buildId: string;
  dataConverter: OurDataConverter;
};
const digestChars = 12;

/** The worker's connection. Throws `temporal_unreachable` where nothing answers. */
export async function connectWorker({ TEMPORAL_ADDRESS: address }: TemporalConfig): Promise<NativeConnection> {
  try {
    // Large payloads come compressed (domain/compressionCodec.ts): to compress the requests again costs and gains nothing.
    return await NativeConnection.connect({ address, grpcCompression: { codec: 'none' } });
  } catch (cause) {
    const remedy = `No Temporal answers at ${address}. Start it, or set TEMPORAL_ADDRESS to host:port.`;
    throw new CausewayError('temporal_unreachable', remedy, { cause });
  }
}

/** The workflows' code, as the workers that run them want it. */
export const bundledWorkflows = (converter: OurDataConverter = dataConverter): ReturnType<typeof workflowBundle> =>
  workflowBundle(Runtime.instance().logger, undefined, converter.failureConverterPath);

/** The code, with what names it: a digest of megabytes, taken once. */
export async function workerCode(dataConverter: OurDataConverter): Promise<WorkerCode> {
  const bundle = await bundledWorkflows(dataConverter);
  const digest = createHash('sha256').update(bundle.code).digest('hex');
  return { workflowBundle: bundle, dataConverter, buildId: buildIdOf(digest.slice(0, digestChars)) };
}

/** So many batches are under way at once, and as many again to slow destinations; each has 1.7 MB of events at the most. */
const batchesMax = 200;

/** A worker that runs lanes and keepers, segments that were opened before those had a queue of their own, and the lanes' activities. */
export function createLaneWorker(
  connection: NativeConnection,
  config: TemporalConfig,
  code: WorkerCode,
  activities: ProduceActivity & SegmentActivity & StrayActivity,
): Promise<Worker> {
  return Worker.create({
    connection,
    namespace: config.TEMPORAL_NAMESPACE,
    taskQueue: config.TEMPORAL_TASK_QUEUE,
    ...code,
    activities,
    stickyQueueScheduleToStartTimeout: stickyTimeout,
    nonStickyToStickyPollRatio: freshPollRatio,
    tuner: {
      workflowTaskSlotSupplier: new WorkflowTaskSlots(workflowTasksMax),
      activityTaskSlotSupplier: { type: 'fixed-size', numSlots: batchesMax },
      // A lane has neither.
      localActivityTaskSlotSupplier: { type: 'fixed-size', numSlots: 1 },
      nexusTaskSlotSupplier: { type: 'fixed-size', numSlots: 1 },
    },
    ...{ isolateExecutionTimeout }, // Which the SDK's type of options lacks.
    shutdownGraceTime: '5 seconds',
  });
}

/**
 * A worker that runs batches to slow destinations. What they wait for is the broker, so that they need places and little else:
 * docs/decisions/slow-brokers.md
 */
export function createSlowWorker(
  connection: NativeConnection,
  config: TemporalConfig,
  code: WorkerCode,
  activities: ProduceActivity,
): Promise<Worker> {
  return Worker.create({
    connection,
    namespace: config.TEMPORAL_NAMESPACE,
    taskQueue: slowTaskQueue(config.TEMPORAL_TASK_QUEUE),
    buildId: code.buildId,
    dataConverter: code.dataConverter,
    activities,
    maxConcurrentActivityTaskExecutions: batchesMax,
    maxConcurrentActivityTaskPolls: 4,
    shutdownGraceTime: '5 seconds',
  });
}

/**
 * A worker that runs segments. They do nothing for hours, and there may be thousands: it keeps none in memory, and replays
 * the few events of one when that is read or closed (docs/decisions/overflow.md).
 */
export function createSegmentWorker(
  connection: NativeConnection,
  config: TemporalConfig,
  code: WorkerCode,
): Promise<Worker> {
  return Worker.create({
    connection,
    namespace: config.TEMPORAL_NAMESPACE,
    taskQueue: segmentTaskQueue(config.TEMPORAL_TASK_QUEUE),
    ...code,
    maxCachedWorkflows: 0,
    maxConcurrentWorkflowTaskExecutions: 2,
    maxConcurrentWorkflowTaskPolls: 2,
    shutdownGraceTime: '1 second',
  });
}

/** So many destinations that are down are watched at once by this process; others wait for minutes at the most. */
const watchedMax = 500;

/** A worker that runs the activities of keepers and replays, which may last for minutes: the others' places must not go to them. */
export function createKeeperWorker(
  connection: NativeConnection,
  config: TemporalConfig,
  code: WorkerCode,
  activities: KeeperActivity & ReplayActivity,
): Promise<Worker> {
  return Worker.create({
    connection,
    namespace: config.TEMPORAL_NAMESPACE,
    taskQueue: keeperTaskQueue(config.TEMPORAL_TASK_QUEUE),
    buildId: code.buildId,
    dataConverter: code.dataConverter,
    activities,
    maxConcurrentActivityTaskExecutions: watchedMax,
    maxConcurrentActivityTaskPolls: 2,
    shutdownGraceTime: '1 second',
  });
}

/** So many lanes give outcomes out of their hands at once in this process; most of them only keep their distance. */
const givingMax = 500;

/** A worker that exports outcomes, and runs the workflows that hold those which nobody takes: it keeps none of them in memory. */
export function createExportWorker(
  connection: NativeConnection,
  config: TemporalConfig,
  code: WorkerCode,
  activities: ExportActivity,
): Promise<Worker> {
  return Worker.create({
    connection,
    namespace: config.TEMPORAL_NAMESPACE,
    taskQueue: exportTaskQueue(config.TEMPORAL_TASK_QUEUE),
    ...code,
    activities,
    maxCachedWorkflows: 0,
    maxConcurrentWorkflowTaskExecutions: 2,
    maxConcurrentWorkflowTaskPolls: 2,
    maxConcurrentActivityTaskExecutions: givingMax,
    maxConcurrentActivityTaskPolls: 2,
    shutdownGraceTime: '1 second',
  });
}

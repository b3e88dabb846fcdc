import { Client } from '@temporalio/client';
import { pino } from 'pino';
import { createExportActivities, type ExportSettings } from '../activities/exporting.ts';
import { systemDistrust } from '../activities/kafka/systemAuthorities.ts';
import { createKeeperActivities } from '../activities/keeper.ts';
import { callKeeper, KeeperTelling, tellKeeperOfChange } from '../activities/keeperCall.ts';
import { createKeptHolders } from '../activities/keptHolders.ts';
import { laneCalls } from '../activities/laneCalls.ts';
import { LaneDirectory } from '../activities/laneDirectory.ts';
import { LaneHistories } from '../activities/laneHistory.ts';
import { type CustomerNames, laneList } from '../activities/laneList.ts';
import { laneRuns, runsListedBy } from '../activities/laneRuns.ts';
import { laneSignaller } from '../activities/laneStarting.ts';
import { runLister } from '../activities/listRuns.ts';
import { Outages } from '../activities/outages.ts';
import { Patience } from '../activities/patience.ts';
import { PayloadKeyWatch } from '../activities/payloadKeyWatch.ts';
import { Probing } from '../activities/probing.ts';
import { createProduceActivity, type ProduceDependencies } from '../activities/produce.ts';
import { createReplayActivities } from '../activities/replay.ts';
import { bodiesIn, createSegmentActivities } from '../activities/segments.ts';
import { SettledBefore } from '../activities/settledBefore.ts';
import { createStrayActivity } from '../activities/strays.ts';
import { VisibilityPace } from '../activities/visibilityPace.ts';
import { WorkersSeen } from '../activities/workersSeen.ts';
import { allowPrivateIn, readWorkerConfig, type WorkerConfig } from '../domain/config.ts';
import { dataConverterWith } from '../domain/dataConverter.ts';
import { CausewayError } from '../domain/error.ts';
import type { PayloadKeys } from '../domain/secretKeys.ts';
import { LettingGo } from '../store/lettingGo.ts';
import { usedEveryMs } from '../store/payloadKeys.ts';
import { readPayloadKeys, readSecretKeys } from '../store/secretKeys.ts';
import { openStore, type Store } from '../store/store.ts';
import {
  connectWorker,
  createExportWorker,
  createKeeperWorker,
  createLaneWorker,
  createSegmentWorker,
  createSlowWorker,
  workerCode,
} from './laneWorker.ts';
import { workerMetrics } from './metrics.ts';
import { serveMetrics } from './metricsServer.ts';

const sweepEveryMs = 30_000;

/** Runs a worker until this process is asked to stop. `brokers`: another Kafka client than the usual one under its producers. */
async function run({ brokers }: Pick<ProduceDependencies, 'brokers'>): Promise<void> {
  const config = readWorkerConfig(process.env);
  const logger = pino({ level: config.LOG_LEVEL, name: 'worker' });
  const secretKeys = await readSecretKeys(config);
  const payloadKeys = await readPayloadKeys(config);
  const distrust = systemDistrust();
  if (distrust !== undefined) logger.warn(distrust);
  const allowPrivate = allowPrivateIn(config);
  const store = await openStore({ databaseUrl: config.DATABASE_URL, secretKeys, logger, allowPrivate });
  await store.checkKeys();
  const { meter, exportMeter, keyAlarm, registry } = workerMetrics();
  const keyWatch = new PayloadKeyWatch({ logger, onAlarm: keyAlarm });
  await keyWatch.begin(usedEveryMs, () => keysAgree(store, payloadKeys, config).catch(unlessNotMigrated));
  const dataConverter = dataConverterWith(payloadKeys, { onKeyMissing: keyWatch.met });
  const connection = await connectWorker(config);
  const temporal = new Client({ connection, namespace: config.TEMPORAL_NAMESPACE, dataConverter });
  const { destinations, earlierCredentials } = store;
  const { CAUSEWAY_WAIT_AFTER_MS: waitAfterMs, CAUSEWAY_FAULT_AFTER_MS_MAX: faultAfterMsMax } = config;
  const workersSeen = new WorkersSeen(temporal, config.TEMPORAL_TASK_QUEUE);
  const outages = new Outages(waitAfterMs, () => workersSeen.count);
  const telling = new KeeperTelling((id, told) => callKeeper(temporal, config.TEMPORAL_TASK_QUEUE, id, ['held', told]));
  const sweeper = setInterval(() => {
    for (const memory of [outages, telling]) memory.sweep();
    void workersSeen.look();
  }, sweepEveryMs);
  const tellKeeper: KeeperTelling['held'] = (id, lane) => telling.held(id, lane);
  const patience = new Patience({ destinations, outages, tellKeeper, waitAfterMs });
  const settings = exportSettings(config);
  const histories = new LaneHistories(temporal);
  const settledBefore = new SettledBefore(histories, runsListedBy(temporal));
  const producing = createProduceActivity({
    ...{ destinations, temporal, patience, logger, meter, traffic: store.traffic, faultAfterMsMax },
    settledBefore,
    exportTo: settings?.customerExternalId,
    brokers,
  });
  const probing = new Probing();
  const lanes = new LaneDirectory(temporal);
  const keeping = createKeeperActivities({ destinations, lanes, outages, probing, logger, meter, faultAfterMsMax });
  const taskQueue = config.TEMPORAL_TASK_QUEUE;
  const replaying = replayActivities(temporal, histories, store, taskQueue);
  const exporting = createExportActivities({ settings, temporal, taskQueue, logger, meter: exportMeter });
  const code = await workerCode(dataConverter);
  const workers = await Promise.all([
    createLaneWorker(connection, config, code, {
      ...producing.activities,
      ...createSegmentActivities({ temporal, settledBefore }),
      ...createStrayActivity({ histories, runs: laneRuns(temporal) }),
      ...createKeptHolders(temporal),
    }),
    createSlowWorker(connection, config, code, producing.activities),
    createKeeperWorker(connection, config, code, { ...keeping, ...replaying }),
    createSegmentWorker(connection, config, code),
    createExportWorker(connection, config, code, exporting),
  ]);
  const { CAUSEWAY_WORKER_METRICS_HOST: host, CAUSEWAY_WORKER_METRICS_PORT: port } = config;
  const metricsServer = await serveMetrics({ host, port, registry, logger });
  const lettingGo = new LettingGo({
    ...{ earlierCredentials, destinations, users: [producing, probing], logger },
    tellKeeper: (id, version) => tellKeeperOfChange(temporal, id, version),
  });
  await lettingGo.start(); // Before it is given a batch.
  // A worker that does not run yet can't be shut down: nothing is waited for between this and its start.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => workers.map((worker) => worker.shutdown()));
  }
  void workersSeen.look(); // Who polled before; the next look finds this one too, and who comes later.
  logger.info({ taskQueue: config.TEMPORAL_TASK_QUEUE }, 'worker is running');
  await Promise.all(workers.map((worker) => worker.run()));
  clearInterval(sweeper);
  keyWatch.stop();
  producing.close();
  await lettingGo.stop();
  metricsServer.close();
  await store.close();
  await connection.close();
}

/** What all processes of an installation must have alike. */
async function keysAgree(store: Store, payloadKeys: PayloadKeys, config: WorkerConfig): Promise<void> {
  await store.payloadKeys.use(payloadKeys);
  await store.hashKey.agree(config.CAUSEWAY_HASH_KEYS);
}

/** A worker may start before the API has migrated the store: its keys are noted later. */
function unlessNotMigrated(error: unknown): void {
  if (!(error instanceof CausewayError && error.code === 'store_not_migrated')) throw error;
}

function replayActivities(
  temporal: Client,
  histories: LaneHistories,
  { destinations, eventIndex: index, hashKey }: Store,
  taskQueue: string,
) {
  const pace = new VisibilityPace();
  const customerNames: CustomerNames = (customer) => hashKey.customerNames(customer);
  return createReplayActivities({
    ...{ destinations, lanes: laneCalls(temporal), list: laneList(temporal, pace, { customerNames }), index },
    ...{ listRuns: runLister(temporal, pace, customerNames), histories },
    signal: laneSignaller(temporal, taskQueue),
    bodiesIn: (holderId) => bodiesIn(temporal, holderId),
  });
}

/** The variables are set together or not at all: config.ts sees to that. */
function exportSettings(config: WorkerConfig): ExportSettings | undefined {
  const { CAUSEWAY_EXPORT_CUSTOMER: customerExternalId, CAUSEWAY_EXPORT_API: apiUrl } = config;
  const { CAUSEWAY_EXPORT_API_KEY: apiKey } = config;
  return customerExternalId && apiUrl && apiKey ? { customerExternalId, apiUrl, apiKey } : undefined;
}

/** A process that is a worker: runs it, and ends with code 1 and what is wrong where it can't go on. */
export function runWorker(other: Pick<ProduceDependencies, 'brokers'> = {}): void {
  run(other).catch((error: unknown) => {
    console.error(error instanceof CausewayError ? `${error.code}: ${error.remedy}` : error);
    process.exit(1);
  });
}

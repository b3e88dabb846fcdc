import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import {
  apiProgram,
  newSettings,
  type ProgramCode,
  type ProgramSettings,
  workerFlags,
  workerProgram,
} from '../../../dev/programs.ts';
import { postgresDataDir, startOwnPostgres } from '../../../dev/servers/postgres.ts';
import { say } from '../../../dev/servers/progress.ts';
import { type Server, type ServerSpec, startServer, stoppedServer } from '../../../dev/servers/server.ts';
import { startOwnTemporal, type TemporalServer } from '../../../dev/servers/temporal.ts';
import { dataConverter } from '../../../domain/dataConverter.ts';
import { migrate } from '../../../store/migrate.ts';
import { type TestApi, testApi } from '../../harness/api.ts';
import type { FaultClient } from '../fault.ts';
import { type FaultBroker, startFaultBroker } from './broker.ts';
import { type FaultCluster, startFaultCluster } from './cluster.ts';
import { newWaysIn } from './waysIn.ts';

/** A Causeway and all that it stands on, to do harm to. */
export type Stand = {
  api: TestApi;
  apiProcess: Server;
  worker: Server;
  /** Is started by who needs it. */
  secondWorker: Server;
  temporal: TemporalServer;
  client: Client;
  broker: FaultBroker;
  /** Three brokers more, started when they are first asked for. */
  cluster(): Promise<FaultCluster>;
  /** Where the logs are; kept after `stop` where `keepLogs` says so. */
  dir: string;
  stop(options?: { keepLogs: boolean }): Promise<void>;
};

export type StandOptions = {
  /** What is under the workers' producers: `bench/clients` must have it, where it is not kafkajs. */
  client?: FaultClient;
  /** Settings of Temporal's server beside the usual ones, by name. */
  server?: Readonly<Record<string, string>>;
  /** What API and worker run, where it is not their sources. */
  code?: ProgramCode;
  /** Gets what stops the stand at once, before anything is started. */
  onStop?: (stop: Stand['stop']) => void;
};

/** How a worker with this client is started: with another entry, for no setting of Causeway's tells of other clients. */
function workerWith(client: FaultClient, settings: ProgramSettings, name?: string): ServerSpec {
  const spec = workerProgram(settings, name);
  return client === 'kafkajs' ? spec : { ...spec, args: [...workerFlags, 'bench/clients/worker.ts'] };
}

/** Starts all of it in a folder of its own. */
export async function startStand({
  client = 'kafkajs',
  server = {},
  code,
  onStop = () => {},
}: StandOptions = {}): Promise<Stand> {
  const dir = await mkdtemp(join(tmpdir(), 'causeway-faults-'));
  await chmod(dir, 0o711); // Postgres may run as another user.
  const logDir = join(dir, 'logs');
  const dataDir = await postgresDataDir(join(dir, 'postgres'), `faults-${process.pid}`);
  const toStop: (() => Promise<unknown>)[] = [];
  let stopping: Promise<void> | undefined;
  const stopAll = async (keepLogs: boolean) => {
    // The programs were started last, and finish what they hold while their servers are still there.
    for (const stop of toStop.splice(0).reverse()) await stop();
    const own = ['kafka', 'cluster', 'certificates', 'temporal.db'].map((name) => join(dir, name));
    const data = [dataDir, `${dataDir}.complete`, ...own];
    for (const path of keepLogs ? data : [...data, dir]) await rm(path, { recursive: true, force: true });
  };
  const stop: Stand['stop'] = ({ keepLogs } = { keepLogs: false }) => {
    stopping ??= stopAll(keepLogs);
    return stopping;
  };
  const keep = (end: () => Promise<unknown>) => void toStop.push(end);
  const kept = async <T extends Server>(starting: Promise<T>): Promise<T> => {
    const server = await starting;
    keep(() => server.stop());
    return server;
  };
  onStop(stop);
  try {
    say('Starting Temporal, Kafka, Postgres and a proxy for the fault run …');
    const ways = await newWaysIn(join(dir, 'certificates'));
    const [temporal, broker, postgres] = await Promise.all([
      kept(startOwnTemporal({ dbFile: join(dir, 'temporal.db'), logDir, dynamicConfig: { ...server } })),
      startFaultBroker(dir, ways, keep),
      kept(startOwnPostgres({ dataDir, logDir, password: 'causeway' })),
    ]);
    await migrate(postgres.databaseUrl);
    const own = newSettings({ databaseUrl: postgres.databaseUrl, temporal, logDir });
    const settings = code === undefined ? own : { ...own, code };
    const { url, spec } = await apiProgram(settings);
    const secondWorker = stoppedServer(workerWith(client, settings, 'worker-2'));
    keep(() => secondWorker.stop());
    const [apiProcess, worker] = await Promise.all([
      kept(startServer(spec)),
      kept(startServer(workerWith(client, settings))),
    ]);
    const connection = await Connection.connect({ address: temporal.address });
    keep(() => connection.close());
    let cluster: Promise<FaultCluster> | undefined;
    const startCluster = async (): Promise<FaultCluster> => {
      say('Starting three brokers more …');
      const started = await startFaultCluster(dir, ways);
      keep(() => started.stop());
      return started;
    };
    return {
      api: testApi(url, settings.apiKey),
      apiProcess,
      worker,
      secondWorker,
      temporal,
      client: new Client({ connection, namespace: temporal.namespace, dataConverter }),
      broker,
      cluster: () => {
        cluster ??= startCluster();
        return cluster;
      },
      dir,
      stop,
    };
  } catch (error) {
    await stop({ keepLogs: true });
    throw error;
  }
}

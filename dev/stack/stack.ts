import { join } from 'node:path';
import { migrate } from '../../store/migrate.ts';
import { apiProgram, type ProgramSettings, workerProgram } from '../programs.ts';
import { exists } from '../servers/install.ts';
import { startKafka } from '../servers/kafka.ts';
import { installParts } from '../servers/parts.ts';
import { portOr } from '../servers/ports.ts';
import { postgresDataDir, startPostgres } from '../servers/postgres.ts';
import { say } from '../servers/progress.ts';
import { type Server, startServer } from '../servers/server.ts';
import { startTemporal } from '../servers/temporal.ts';
import { removeStackFile, type StackAddresses, stackDir, writeStackFile } from './addresses.ts';
import { endLeftovers } from './leftovers.ts';
import { type StackSecrets, stackSecrets } from './secrets.ts';
import { supervise } from './supervise.ts';

export type Stack = { addresses: StackAddresses; stop(): Promise<void> };

const logDir = join(stackDir, 'logs');
const kafkaDir = join(stackDir, 'kafka');
const temporalFile = join(stackDir, 'temporal.db');
const wantedPorts = { api: 8080, temporal: 7233, temporalUi: 8233, kafka: 9092, postgres: 5432 };

type Keep = (name: string, server: Server) => void;

/** Waits for a server, says how long it took, and hands it on. */
async function up<T extends Server>(name: string, where: (server: T) => string, start: Promise<T>, keep: Keep) {
  const startedAt = performance.now();
  const server = await start;
  say(`  ${name} answers at ${where(server)} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
  keep(name, server);
  return server;
}

/** All of them, or the reason of one that failed, once each is up or has failed: none is left half started. */
async function allOf<T extends readonly Promise<unknown>[]>(starts: T) {
  const failed = (await Promise.allSettled(starts)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  return Promise.all(starts);
}

type Up = Omit<StackAddresses, 'apiKey'>;

/** Servers, store, programs: each starts as soon as what it needs is there. */
async function startAll(secrets: StackSecrets, keepServer: Keep, keepProgram: Keep): Promise<Up> {
  const dataDir = await postgresDataDir(join(stackDir, 'postgres'), secrets.id);
  await endLeftovers({ java: join(kafkaDir, 'server.properties'), temporal: temporalFile, postgres: dataDir });
  const apiPort = await portOr(wantedPorts.api, 'the API'); // Temporal's UI is told of it.
  say('Starting Temporal, Kafka and Postgres, then API and worker …');
  const startingTemporal = up(
    'Temporal',
    ({ address }) => address,
    startTemporal({
      dbFile: temporalFile,
      logDir,
      port: wantedPorts.temporal,
      uiPort: wantedPorts.temporalUi,
      uiCodecEndpoint: `http://127.0.0.1:${apiPort}/codec`,
    }),
    keepServer,
  );
  const startingPostgres = up(
    'Postgres',
    ({ databaseUrl }) => new URL(databaseUrl).host,
    startPostgres({ dataDir, logDir, port: wantedPorts.postgres, password: secrets.postgresPassword }),
    keepServer,
  ).then(async (postgres) => {
    await migrate(postgres.databaseUrl);
    say('  the store is up to date');
    return postgres;
  });
  const startingKafka = up(
    'Kafka',
    ({ brokers }) => brokers.join(),
    startKafka({ dataDir: kafkaDir, logDir, port: wantedPorts.kafka }),
    keepServer,
  );
  const startingPrograms = Promise.all([startingTemporal, startingPostgres]).then(([temporal, postgres]) =>
    startPrograms(
      {
        databaseUrl: postgres.databaseUrl,
        temporalAddress: temporal.address,
        temporalNamespace: temporal.namespace,
        taskQueue: process.env.TEMPORAL_TASK_QUEUE || 'causeway',
        secretKeys: secrets.secretKeys,
        apiKey: secrets.apiKey,
        logDir,
      },
      apiPort,
      keepProgram,
    ),
  );
  const starts = [startingTemporal, startingPostgres, startingKafka, startingPrograms] as const;
  const [temporal, postgres, kafka, api] = await allOf(starts);
  return {
    api,
    temporalAddress: temporal.address,
    temporalNamespace: temporal.namespace,
    temporalUi: temporal.uiUrl ?? null,
    kafkaBrokers: kafka.brokers,
    databaseUrl: postgres.databaseUrl,
  };
}

async function startPrograms(settings: ProgramSettings, apiPort: number, keep: Keep): Promise<string> {
  const { url, spec } = await apiProgram(settings, apiPort);
  const metricsPort = process.env.CAUSEWAY_WORKER_METRICS_PORT || '9464';
  const worker = workerProgram({ ...settings, env: { CAUSEWAY_WORKER_METRICS_PORT: metricsPort } });
  await allOf([
    up('the API', () => url, startServer(spec), keep),
    up('the worker', () => `task queue ${settings.taskQueue}`, startServer(worker), keep),
  ]);
  return url;
}

/**
 * Brings everything up, API and worker included, on the data of earlier starts. What dies is started again. When a part
 * can't be started, those that were are stopped, and the error is that part's.
 */
export async function startStack(): Promise<Stack> {
  await removeStackFile(); // Of a start that was killed.
  const servers: { stop(): Promise<void> }[] = [];
  const programs: { stop(): Promise<void> }[] = [];
  const stop = async () => {
    await removeStackFile();
    // Programs first: they finish what they hold while their servers are still there.
    await Promise.all(programs.map((program) => program.stop()));
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    const secrets = await stackSecrets(join(stackDir, 'secrets.json'), await exists(temporalFile));
    await installParts({ forTests: false });
    const keepIn = (list: { stop(): Promise<void> }[]) => (name: string, server: Server) => {
      list.push(supervise(name, server));
    };
    const { api, ...rest } = await startAll(secrets, keepIn(servers), keepIn(programs));
    const addresses: StackAddresses = { api, apiKey: secrets.apiKey, ...rest };
    await writeStackFile(addresses);
    return { addresses, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

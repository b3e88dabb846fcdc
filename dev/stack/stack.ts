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

async function startServers(secrets: StackSecrets, apiUrl: string, keep: Keep) {
  const dataDir = await postgresDataDir(join(stackDir, 'postgres'), secrets.id);
  await endLeftovers({ java: join(kafkaDir, 'server.properties'), temporal: temporalFile, postgres: dataDir });
  say('Starting Temporal, Kafka and Postgres …');
  const temporalOptions = {
    dbFile: temporalFile,
    logDir,
    port: wantedPorts.temporal,
    uiPort: wantedPorts.temporalUi,
    uiCodecEndpoint: `${apiUrl}/codec`,
  };
  const postgresOptions = { dataDir, logDir, port: wantedPorts.postgres, password: secrets.postgresPassword };
  const [temporal, kafka, postgres] = await allOf([
    up('Temporal', ({ address }) => address, startTemporal(temporalOptions), keep),
    up(
      'Kafka',
      ({ brokers }) => brokers.join(),
      startKafka({ dataDir: kafkaDir, logDir, port: wantedPorts.kafka }),
      keep,
    ),
    up('Postgres', ({ databaseUrl }) => new URL(databaseUrl).host, startPostgres(postgresOptions), keep),
  ] as const);
  return { temporal, kafka, postgres };
}

async function startPrograms(settings: ProgramSettings, apiPort: number, keep: Keep): Promise<string> {
  say('Starting API and worker …');
  const { url, spec } = await apiProgram(settings, apiPort);
  await allOf([
    up('the API', () => url, startServer(spec), keep),
    up('the worker', () => `task queue ${settings.taskQueue}`, startServer(workerProgram(settings)), keep),
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
    await installParts({ timeSkipping: false });
    const apiPort = await portOr(wantedPorts.api, 'the API');
    const { temporal, kafka, postgres } = await startServers(secrets, `http://127.0.0.1:${apiPort}`, (name, server) =>
      servers.push(supervise(name, server)),
    );
    say('Bringing the store up to date …');
    await migrate(postgres.databaseUrl);
    const settings: ProgramSettings = {
      databaseUrl: postgres.databaseUrl,
      temporalAddress: temporal.address,
      temporalNamespace: temporal.namespace,
      taskQueue: process.env.TEMPORAL_TASK_QUEUE || 'causeway',
      secretKeys: secrets.secretKeys,
      apiKey: secrets.apiKey,
      logDir,
    };
    const api = await startPrograms(settings, apiPort, (name, server) => programs.push(supervise(name, server)));
    const addresses: StackAddresses = {
      api,
      apiKey: secrets.apiKey,
      temporalAddress: temporal.address,
      temporalNamespace: temporal.namespace,
      temporalUi: temporal.uiUrl ?? null,
      kafkaBrokers: kafka.brokers,
      databaseUrl: postgres.databaseUrl,
    };
    await writeStackFile(addresses);
    return { addresses, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

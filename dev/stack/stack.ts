import { createHash } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrate } from '../../store/migrate.ts';
import { apiProgram, type ProgramSettings, workerProgram } from '../programs.ts';
import { startKafka } from '../servers/kafka.ts';
import { installParts } from '../servers/parts.ts';
import { portOr } from '../servers/ports.ts';
import { postgresDataDir, startPostgres } from '../servers/postgres.ts';
import { say } from '../servers/progress.ts';
import { type Server, startServer } from '../servers/server.ts';
import { startTemporal } from '../servers/temporal.ts';
import { stackSecrets } from './secrets.ts';
import { supervise } from './supervise.ts';

/** What scripts find in `.causeway/stack.json` while a stack is up. */
export type StackAddresses = {
  api: string;
  apiKey: string;
  temporalAddress: string;
  temporalNamespace: string;
  temporalUi: string | undefined;
  kafkaBrokers: string[];
  databaseUrl: string;
};

export type Stack = { addresses: StackAddresses; stop(): Promise<void> };

const root = fileURLToPath(new URL('../..', import.meta.url));
/** What a stack keeps from one start to the next. */
export const stackDir = join(root, '.causeway');
export const stackFile = join(stackDir, 'stack.json');
const logDir = join(stackDir, 'logs');
const ports = { api: 8080, temporal: 7233, temporalUi: 8233, kafka: 9092, postgres: 5432 };

type Stopper = { stop(): Promise<void> };

/** Says how long a start took. */
async function timed<T extends Server>(name: string, where: (server: T) => string, start: Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const server = await start;
  say(`  ${name} answers at ${where(server)} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
  return server;
}

/** Starts the three servers at once; each that is up is handed to `keep`, though another one may fail. */
async function startServers(postgresPassword: string, keep: (name: string, server: Server) => void) {
  const label = createHash('sha256').update(root).digest('hex').slice(0, 12);
  const dataDir = await postgresDataDir(join(stackDir, 'postgres'), label);
  const temporalFile = join(stackDir, 'temporal.db');
  const kept = <T extends Server>(name: string, where: (server: T) => string, start: Promise<T>) =>
    timed(name, where, start).then((server) => {
      keep(name, server);
      return server;
    });
  say('Starting Temporal, Kafka and Postgres …');
  const results = await Promise.allSettled([
    kept(
      'Temporal',
      ({ address }) => address,
      startTemporal({ dbFile: temporalFile, logDir, port: ports.temporal, uiPort: ports.temporalUi }),
    ),
    kept(
      'Kafka',
      ({ brokers }) => brokers.join(),
      startKafka({ dataDir: join(stackDir, 'kafka'), logDir, port: ports.kafka }),
    ),
    kept(
      'Postgres',
      ({ databaseUrl }) => new URL(databaseUrl).host,
      startPostgres({ dataDir, logDir, port: ports.postgres, password: postgresPassword }),
    ),
  ]);
  const [temporal, kafka, postgres] = results;
  if (temporal.status === 'fulfilled' && kafka.status === 'fulfilled' && postgres.status === 'fulfilled') {
    return { temporal: temporal.value, kafka: kafka.value, postgres: postgres.value };
  }
  throw results.find((result) => result.status === 'rejected')?.reason;
}

async function startPrograms(settings: ProgramSettings, keep: (name: string, server: Server) => void): Promise<string> {
  say('Starting API and worker …');
  const program = await apiProgram(settings, await portOr(ports.api, 'the API'));
  const starts = [
    timed('the API', () => program.url, startServer(program.spec)).then((server) => keep('The API', server)),
    timed('the worker', () => `task queue ${settings.taskQueue}`, startServer(workerProgram(settings))).then((server) =>
      keep('The worker', server),
    ),
  ];
  const failed = (await Promise.allSettled(starts)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  return program.url;
}

async function writeStackFile(addresses: StackAddresses): Promise<void> {
  await writeFile(`${stackFile}.new`, `${JSON.stringify(addresses, null, 2)}\n`, { mode: 0o600 });
  await rename(`${stackFile}.new`, stackFile);
}

/**
 * Brings everything up, API and worker included, on the data of earlier starts. What dies is started again. When a part
 * can't be started, those that were are stopped, and the error is that part's.
 */
export async function startStack(): Promise<Stack> {
  await mkdir(stackDir, { recursive: true });
  const servers: Stopper[] = [];
  const programs: Stopper[] = [];
  const stop = async () => {
    await rm(stackFile, { force: true });
    // Programs first: they finish what they hold while their servers are still there.
    await Promise.all(programs.map((program) => program.stop()));
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    const secrets = await stackSecrets(join(stackDir, 'secrets.json'));
    await installParts({ timeSkipping: false });
    const { temporal, kafka, postgres } = await startServers(secrets.postgresPassword, (name, server) =>
      servers.push(supervise(name, server)),
    );
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
    const api = await startPrograms(settings, (name, server) => programs.push(supervise(name, server)));
    const addresses: StackAddresses = {
      api,
      apiKey: secrets.apiKey,
      temporalAddress: temporal.address,
      temporalNamespace: temporal.namespace,
      temporalUi: temporal.uiUrl,
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

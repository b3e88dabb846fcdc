import { join } from 'node:path';
import { migrate } from '../../store/migrate.ts';
import { dashboardUpToDate } from '../dashboard/upToDate.ts';
import { apiProgram, type ProgramSettings, workerProgram } from '../programs.ts';
import { exists } from '../servers/install.ts';
import { type KafkaServer, startKafka } from '../servers/kafka.ts';
import { installParts } from '../servers/parts.ts';
import { portOr } from '../servers/ports.ts';
import { type PostgresServer, postgresDataDir, startPostgres } from '../servers/postgres.ts';
import { say } from '../servers/progress.ts';
import { foreignServer, type Server, startServer } from '../servers/server.ts';
import { startTemporal, type TemporalServer } from '../servers/temporal.ts';
import { startTokenServer } from '../servers/tokenServer.ts';
import { removeStackFile, type StackAddresses, stackDir, writeStackFile } from './addresses.ts';
import { writeCustomerFolders } from './customerFolders.ts';
import { type CustomerKafka, customerKafka, customerUsers } from './customerKafka.ts';
import { endLeftovers } from './leftovers.ts';
import { type StackSecrets, stackSecrets } from './secrets.ts';
import { supervise } from './supervise.ts';

export type Stack = { addresses: StackAddresses; stop(): Promise<void> };

const logDir = join(stackDir, 'logs');
const kafkaDir = join(stackDir, 'kafka');
const temporalFile = join(stackDir, 'temporal.db');
const wantedPorts = { api: 8080, temporal: 7233, temporalUi: 8233, kafka: 9092, tokens: 9095, postgres: 5432 };

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

/** Temporal, whose UI asks the API to decode what it shows. */
const startStackTemporal = (apiPort: number, keep: Keep): Promise<TemporalServer> =>
  up(
    'Temporal',
    ({ address }) => address,
    startTemporal({
      dbFile: temporalFile,
      logDir,
      port: wantedPorts.temporal,
      uiPort: wantedPorts.temporalUi,
      uiCodecEndpoint: `http://127.0.0.1:${apiPort}/codec`,
    }),
    keep,
  );

/** Postgres, with the store's tables. */
async function startStore(dataDir: string, secrets: StackSecrets, keep: Keep): Promise<PostgresServer> {
  const options = { dataDir, logDir, port: wantedPorts.postgres, password: secrets.postgresPassword };
  const where = ({ databaseUrl }: PostgresServer): string => new URL(databaseUrl).host;
  const postgres = await up('Postgres', where, startPostgres(options), keep);
  await migrate(postgres.databaseUrl);
  say('  the store is up to date');
  return postgres;
}

/** Kafka, and what a customer has beside it, where it is ours. */
async function startCustomersKafka(customer: CustomerKafka | undefined, keep: Keep): Promise<KafkaServer> {
  const options = { dataDir: kafkaDir, logDir, port: wantedPorts.kafka, ...customer?.kafka };
  const kafka = await up('Kafka', ({ brokers }) => brokers.join(), startKafka(options), keep);
  await customer?.grant(kafka.brokers);
  return kafka;
}

/** The token server for OAUTHBEARER; it is part of this process. */
async function startTokens({ secrets, files }: CustomerKafka, keep: Keep): Promise<string> {
  const { server, url } = await startTokenServer({
    tokenKey: secrets.tokenKey,
    clientId: customerUsers.oauth,
    clientSecrets: new Set([secrets.passwords.clientSecret]),
    files: { key: files.key, cert: files.cert },
    port: await portOr(wantedPorts.tokens, 'the token server'),
  });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= server.stop(); // It may be asked twice, and takes that for an error.
    return stopping;
  };
  keep('the token server', { ...foreignServer('The token server'), stop });
  return url;
}

type Up = Omit<StackAddresses, 'apiKey'>;

/** Servers, store, programs: each starts as soon as what it needs is there. */
async function startAll(secrets: StackSecrets, keepServer: Keep, keepProgram: Keep): Promise<Up> {
  const dataDir = await postgresDataDir(join(stackDir, 'postgres'), secrets.id);
  await endLeftovers({ java: join(kafkaDir, 'server.properties'), temporal: temporalFile, postgres: dataDir });
  const apiPort = await portOr(wantedPorts.api, 'the API'); // Temporal's UI is told of it.
  const customer = process.env.KAFKA_BROKERS ? undefined : await customerKafka(stackDir, kafkaDir);
  say('Starting Temporal, Kafka and Postgres, then API and worker …');
  const startingTemporal = startStackTemporal(apiPort, keepServer);
  const startingPostgres = startStore(dataDir, secrets, keepServer);
  const startingKafka = startCustomersKafka(customer, keepServer);
  const startingTokens = customer ? startTokens(customer, keepServer) : Promise.resolve(null);
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
        env: {
          ...(temporal.uiUrl !== undefined && { TEMPORAL_UI_URL: temporal.uiUrl }),
          ...(customer && { NODE_EXTRA_CA_CERTS: customer.files.trusted }),
        },
      },
      apiPort,
      keepProgram,
    ),
  );
  const starts = [startingTemporal, startingPostgres, startingKafka, startingPrograms, startingTokens] as const;
  const [temporal, postgres, kafka, api, tokenEndpoint] = await allOf(starts);
  if (customer && tokenEndpoint !== null) {
    await writeCustomerFolders(customer, { api, apiKey: secrets.apiKey, tokenEndpoint });
  }
  return {
    api,
    temporalAddress: temporal.address,
    temporalNamespace: temporal.namespace,
    temporalUi: temporal.uiUrl ?? null,
    kafkaBrokers: kafka.brokers,
    customerKafka: customer && tokenEndpoint !== null ? { ...customer.addresses, tokenEndpoint } : null,
    databaseUrl: postgres.databaseUrl,
  };
}

async function startPrograms(settings: ProgramSettings, apiPort: number, keep: Keep): Promise<string> {
  const { url, spec } = await apiProgram(settings, apiPort);
  const metricsPort = process.env.CAUSEWAY_WORKER_METRICS_PORT || String(await portOr(9464, "the worker's metrics"));
  const worker = workerProgram({ ...settings, env: { ...settings.env, CAUSEWAY_WORKER_METRICS_PORT: metricsPort } });
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
    await dashboardUpToDate();
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

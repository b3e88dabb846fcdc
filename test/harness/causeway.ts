import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { apiProgram, newSettings, workerProgram } from '../../dev/programs.ts';
import { dropDatabase, ensureDatabase } from '../../dev/servers/postgres.ts';
import { type Server, stoppedServer } from '../../dev/servers/server.ts';
import { migrate } from '../../store/migrate.ts';
import { type TestApi, testApi } from './api.ts';
import { type TestKafka, testKafka } from './kafka.ts';
import { track } from './running.ts';
import { sharedServers } from './sharedServers.ts';

export { until } from './until.ts';

export type CausewayOptions = {
  /** How many workers are started; with 0, `worker.start()` starts one later. */
  workers?: number;
  /** false: `apiProcess.start()` starts it later. */
  startApi?: boolean;
  /** More environment for API and workers. */
  env?: Record<string, string>;
  apiEnv?: Record<string, string>;
  workerEnv?: Record<string, string>;
  /** The customer whose events outcomes become; the workers POST them to this Causeway's own API. */
  exportTo?: string;
  /** Instead of the shared ones: for a test that stops and starts them. */
  temporal?: { address: string; namespace: string };
  kafka?: { brokers: string[] };
};

/** A process of Causeway, in the hands of a test. */
export type TestProcess = {
  readonly pid: number | undefined;
  /** Returns when it answers, or polls. */
  start(): Promise<void>;
  /** In good order. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
};

export type Causeway = {
  api: TestApi;
  apiProcess: TestProcess;
  /** The first of `workers`. */
  worker: TestProcess;
  workers: TestProcess[];
  kafka: TestKafka;
  temporal: { address: string; namespace: string; taskQueue: string };
  databaseUrl: string;
  /** Where the logs of its processes are. */
  logDir: string;
  /** Starts one more API process on the same database and task queue, with more environment; `stop` stops it too. */
  anotherApi(env?: Record<string, string>): Promise<TestApi>;
  /** Starts one more worker, with more environment, and hands it on once it polls; `stop` stops it too. */
  anotherWorker(env?: Record<string, string>): Promise<TestProcess>;
  /** POSTs a Kafka destination with a topic of its own; what is given wins. Throws unless it was made. */
  createDestination(overrides?: Record<string, unknown>): Promise<CreatedDestination>;
  /** Stops all, drops the database. */
  stop(): Promise<void>;
};

/** What the API answers for a destination, as far as tests look at it. */
export type CreatedDestination = {
  id: string;
  customerExternalId: string;
  topic: string;
  version: number;
  [field: string]: unknown;
};

function testProcess(server: Server): TestProcess {
  return {
    get pid() {
      return server.pid;
    },
    start: () => server.restart(),
    stop: () => server.stop(),
    kill: () => server.kill(),
  };
}

async function createDestination(
  api: TestApi,
  kafka: TestKafka,
  overrides: Record<string, unknown>,
): Promise<CreatedDestination> {
  const { status, text, body } = await api.request('POST', '/v1/destinations', {
    type: 'KAFKA',
    name: 'test destination',
    customerExternalId: `acct_${randomBytes(6).toString('hex')}`,
    brokers: kafka.brokers,
    topic: overrides.topic ?? (await kafka.newTopic()),
    partitionKey: 'customerExternalId',
    auth: { mode: 'NONE', tls: false },
    ...overrides,
  });
  if (status !== 201) throw new Error(`POST /v1/destinations answered ${status}: ${text}`);
  return body as CreatedDestination;
}

/**
 * Starts a Causeway of the test's own: a fresh database, its own task queue, API and worker as real processes. It shares
 * Temporal, Kafka and Postgres with the other tests, so ids and topics must be its own too.
 */
export async function startCauseway(options: CausewayOptions = {}): Promise<Causeway> {
  const servers = sharedServers();
  const name = `causeway_${randomBytes(6).toString('hex')}`;
  const databaseUrl = await ensureDatabase(servers.databaseUrl, name);
  await migrate(databaseUrl);
  const temporal = { ...servers.temporal, ...options.temporal, taskQueue: name };
  const own = newSettings({ databaseUrl, temporal, logDir: join(servers.dir, 'logs', name) }, name);
  const settings = { ...own, code: servers.code };
  const withEnv = (own: Record<string, string> = {}) => ({ ...settings, env: { ...options.env, ...own } });
  const count = options.workers ?? 1;
  const program = await apiProgram(withEnv(options.apiEnv));
  const exportEnv = options.exportTo && {
    CAUSEWAY_EXPORT_CUSTOMER: options.exportTo,
    CAUSEWAY_EXPORT_API: program.url,
    CAUSEWAY_EXPORT_API_KEY: settings.apiKey,
  };
  const workerEnv = { ...options.workerEnv, ...exportEnv };
  const apiServer = stoppedServer(program.spec);
  const workerServers = Array.from({ length: Math.max(1, count) }, (_, n) =>
    stoppedServer(workerProgram(withEnv(workerEnv), n === 0 ? 'worker' : `worker-${n + 1}`)),
  );
  const kafka = testKafka(options.kafka?.brokers ?? servers.kafka.brokers);
  const api = testApi(program.url, settings.apiKey);
  const moreApis: Server[] = [];
  const anotherApi = async (env: Record<string, string> = {}): Promise<TestApi> => {
    const { url, spec } = await apiProgram(withEnv({ ...options.apiEnv, ...env }));
    const server = stoppedServer({ ...spec, logFile: join(settings.logDir, `api-${moreApis.length + 2}.log`) });
    moreApis.push(server);
    await server.restart();
    return testApi(url, settings.apiKey);
  };
  const moreWorkers: Server[] = [];
  const anotherWorker = async (env: Record<string, string> = {}): Promise<TestProcess> => {
    const name = `worker-${workerServers.length + moreWorkers.length + 1}`;
    const server = stoppedServer(workerProgram(withEnv({ ...workerEnv, ...env }), name));
    moreWorkers.push(server);
    await server.restart();
    return testProcess(server);
  };
  const stop = track(`a Causeway (${name})`, async () => {
    await Promise.all([apiServer, ...moreApis, ...workerServers, ...moreWorkers].map((server) => server.stop()));
    await kafka.stop();
    await dropDatabase(servers.databaseUrl, name);
  });
  try {
    const started = workerServers.slice(0, count).map((server) => server.restart());
    if (options.startApi ?? true) started.push(apiServer.restart());
    await Promise.all(started);
  } catch (error) {
    await stop();
    throw error;
  }
  const workers = workerServers.map(testProcess);
  return {
    api,
    apiProcess: testProcess(apiServer),
    worker: workers[0] as TestProcess,
    workers,
    kafka,
    temporal,
    databaseUrl,
    logDir: settings.logDir,
    anotherApi,
    anotherWorker,
    createDestination: (overrides = {}) => createDestination(api, kafka, overrides),
    stop,
  };
}

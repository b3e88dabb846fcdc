import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { kafkaClassArchive, startKafka } from '../../dev/servers/kafka.ts';
import { postgresDataDir, startPostgres } from '../../dev/servers/postgres.ts';
import { say } from '../../dev/servers/progress.ts';
import type { Server } from '../../dev/servers/server.ts';
import { startTemporal } from '../../dev/servers/temporal.ts';
import { type SecuredKafka, secured } from '../harness/securedListeners.ts';
import { type BuiltPrograms, builtPrograms } from './builtPrograms.ts';
import { filesAtOnce } from './fileOrder.ts';

/** The servers that integration tests share: tests take them from `sharedServers()`. */
export type SharedServers = {
  /** One for each file of those that run at the same time: a namespace answers only so many calls of visibility a second. */
  temporals: { address: string; namespace: string }[];
  kafka: { brokers: string[]; secured: SecuredKafka | undefined };
  databaseUrl: string;
  /** How API, worker and command line are started. */
  code: BuiltPrograms;
  /** Where processes write their logs, and tests what must be gone afterwards. */
  dir: string;
};

declare module 'vitest' {
  interface ProvidedContext {
    servers: SharedServers;
  }
}

/** The folder of this run: dev/test.ts gives it, and keeps it when a test failed. */
async function runDir(): Promise<string> {
  const given = process.env.CAUSEWAY_TEST_DIR;
  const dir = given || (await mkdtemp(join(tmpdir(), 'causeway-test-')));
  await chmod(dir, 0o711); // Postgres may run as another user.
  return dir;
}

/** For Go: its garbage collector saves memory, of which there is enough, and costs CPU, of which there is not. */
const collectsSeldom = { GOGC: '400', GOMEMLIMIT: '1GiB' };

/** Temporals, one Kafka and one Postgres, all empty, for the whole run; answers what stops them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const root = project.vitest.getRootProject();
  if (root.getProvidedContext().servers) return async () => {}; // Another project of this run has started them.
  const dir = await runDir();
  const logDir = join(dir, 'logs');
  const dataDir = await postgresDataDir(join(dir, 'postgres'), `test-${process.pid}`);
  const kafkaWays = await secured(join(dir, 'certificates'));
  const started: Server[] = [];
  const kept = async <T extends Server>(starting: Promise<T>): Promise<T> => {
    const server = await starting;
    started.push(server);
    return server;
  };
  const stop = async () => {
    await Promise.all(started.map((server) => server.stop()));
    const data = [dataDir, `${dataDir}.complete`, join(dir, 'kafka'), join(dir, 'temporal')];
    for (const path of data) await rm(path, { recursive: true, force: true });
  };

  say('Starting Temporal, Kafka and Postgres for the tests …');
  const files = project.vitest.state.getPaths().length;
  const places = process.env.TEMPORAL_ADDRESS ? 1 : Math.min(filesAtOnce.integration, files);
  const temporals = Array.from({ length: places }, (_, n) =>
    kept(
      startTemporal({
        ...{ dbFile: join(dir, 'temporal', `${n}.db`), logDir: join(logDir, `temporal-${n}`) },
        env: collectsSeldom,
      }),
    ),
  );
  const startBroker = () => startKafka({ dataDir: join(dir, 'kafka'), logDir, ...kafkaWays.options });
  const kafka = kept(kafkaClassArchive().then(startBroker));
  const postgres = kept(startPostgres({ dataDir, logDir, password: 'causeway' }));
  const code = builtPrograms(join(dir, 'programs'));
  const results = await Promise.allSettled([...temporals, kafka, postgres, code]);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }

  const { brokers, pid } = await kafka;
  root.provide('servers', {
    temporals: (await Promise.all(temporals)).map(({ address, namespace }) => ({ address, namespace })),
    kafka: { brokers, secured: pid === undefined ? undefined : kafkaWays.of(brokers[0] ?? '') },
    databaseUrl: (await postgres).databaseUrl,
    code: await code,
    dir,
  });
  return stop;
}

import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startKafka } from '../../dev/servers/kafka.ts';
import { postgresDataDir, startPostgres } from '../../dev/servers/postgres.ts';
import { say } from '../../dev/servers/progress.ts';
import type { Server } from '../../dev/servers/server.ts';
import { startTemporal } from '../../dev/servers/temporal.ts';
import { type SecuredKafka, secured } from '../harness/securedListeners.ts';

/** The servers that all integration tests share. */
export type SharedServers = {
  temporal: { address: string; namespace: string };
  kafka: { brokers: string[]; secured: SecuredKafka | undefined };
  databaseUrl: string;
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

/** Starts one Temporal, Kafka and Postgres, empty, for the whole run; returns what stops them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = await runDir();
  const logDir = join(dir, 'logs');
  const dataDir = await postgresDataDir(join(dir, 'postgres'), `test-${process.pid}`);
  const kafkaWays = await secured(join(dir, 'certificates'));
  say('Starting Temporal, Kafka and Postgres for the tests …');
  const results = await Promise.allSettled([
    startTemporal({ dbFile: join(dir, 'temporal.db'), logDir }),
    startKafka({ dataDir: join(dir, 'kafka'), logDir, ...kafkaWays.options }),
    startPostgres({ dataDir, logDir, password: 'causeway' }),
  ]);
  const stop = async () => {
    const servers = results.flatMap((result): Server[] => (result.status === 'fulfilled' ? [result.value] : []));
    await Promise.all(servers.map((server) => server.stop()));
    const data = [dataDir, `${dataDir}.complete`, join(dir, 'kafka'), join(dir, 'temporal.db')];
    for (const path of data) await rm(path, { recursive: true, force: true });
  };
  const [temporal, kafka, postgres] = results;
  if (temporal.status === 'rejected' || kafka.status === 'rejected' || postgres.status === 'rejected') {
    await stop();
    throw results.find((result) => result.status === 'rejected')?.reason;
  }
  const { brokers } = kafka.value;
  project.provide('servers', {
    temporal: { address: temporal.value.address, namespace: temporal.value.namespace },
    kafka: { brokers, secured: kafka.value.pid === undefined ? undefined : kafkaWays.of(brokers[0] ?? '') },
    databaseUrl: postgres.value.databaseUrl,
    dir,
  });
  return stop;
}

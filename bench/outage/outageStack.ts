/** A stack of its own, parts of which may be killed. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { apiProgram, newSettings, workerProgram } from '../../dev/programs.ts';
import { ensureTopic, type KafkaServer, startOwnKafka } from '../../dev/servers/kafka.ts';
import { postgresDataDir, startPostgres } from '../../dev/servers/postgres.ts';
import { type Server, startServer, stoppedServer } from '../../dev/servers/server.ts';
import { startOwnTemporal } from '../../dev/servers/temporal.ts';
import { migrate } from '../../store/migrate.ts';
import { type TestApi, testApi } from '../../test/harness/api.ts';
import { type TestKafka, testKafka } from '../../test/harness/kafka.ts';

export type OutageStack = {
  api: TestApi;
  client: Client;
  temporalAddress: string;
  broker: KafkaServer;
  kafka: TestKafka;
  /** Not started yet: `restart` does. */
  worker: Server;
  /** Another one, with more environment; the same holds. */
  workerWith(env: Record<string, string>): Server;
};

const customerExternalId = 'acct_outage';
/** As the API's own: a page of a long run's history is larger than gRPC's default of 4 MiB. */
const largeAnswers = { 'grpc.max_receive_message_length': 128 * 1024 * 1024 };

async function broughtUp(started: Server[], dir: string): Promise<OutageStack> {
  const logDir = join(dir, 'logs');
  const kept = <T extends Server>(server: T): T => {
    started.push(server);
    return server;
  };
  const temporal = kept(await startOwnTemporal({ dbFile: join(dir, 'temporal.db'), logDir }));
  const broker = kept(await startOwnKafka({ dataDir: join(dir, 'kafka'), logDir }));
  const dataDir = await postgresDataDir(join(dir, 'postgres'), `outage-${process.pid}`);
  const postgres = kept(await startPostgres({ dataDir, logDir, password: 'causeway' }));
  await migrate(postgres.databaseUrl);
  const settings = newSettings({ databaseUrl: postgres.databaseUrl, temporal, logDir });
  const program = await apiProgram(settings);
  kept(await startServer(program.spec));
  const connection = await Connection.connect({ address: temporal.address, channelArgs: largeAnswers });
  return {
    api: testApi(program.url, settings.apiKey),
    client: new Client({ connection, namespace: temporal.namespace }),
    temporalAddress: temporal.address,
    broker,
    kafka: testKafka(broker.brokers),
    worker: kept(stoppedServer(workerProgram(settings))),
    workerWith: (env) => kept(stoppedServer(workerProgram({ ...settings, env }, 'other-worker'))),
  };
}

/** Gives such a stack to `use`, and removes it. */
export async function withOutageStack(use: (stack: OutageStack) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'causeway-outage-'));
  await chmod(dir, 0o711); // Postgres may run as another user.
  const started: Server[] = [];
  try {
    const stack = await broughtUp(started, dir);
    await use(stack);
    await stack.kafka.stop();
    await stack.client.connection.close();
  } finally {
    for (const server of started.reverse()) await server.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

/** A destination with a lane for each key of its events. */
export type Target = { id: string; topic: string; customerExternalId: string };

export async function newTarget({ api, broker }: OutageStack): Promise<Target> {
  const topic = 'outage';
  await ensureTopic(broker.brokers, topic, 4);
  const { body } = await api.request('POST', '/v1/destinations', {
    ...{ type: 'KAFKA', name: 'outage', customerExternalId, brokers: broker.brokers, topic },
    ...{ partitionKey: 'payload.key', auth: { mode: 'NONE' }, ordering: { lanes: 'key' }, producer: { lingerMs: 0 } },
  });
  if (typeof body !== 'object' || body === null || !('id' in body)) throw new Error('The destination was not made.');
  return { id: String(body.id), topic, customerExternalId };
}

/** `count` lanes' names, which are their keys. */
export const keysUpTo = (count: number): string[] => Array.from({ length: count }, (_, n) => `order-${n}`);

/** The n-th event of a key. */
export const event = ({ customerExternalId }: Target, key: string, n: number, textLength: number) => ({
  ...{ eventType: 'e', customerExternalId, idempotencyKey: `${key}#${n}` },
  payload: { key, text: 'x'.repeat(textLength) },
});

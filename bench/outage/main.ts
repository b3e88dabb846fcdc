/**
 * `node --import tsx bench/outage/main.ts [lanes [seconds]]`: many lanes with work for a destination whose broker is down. What they cost
 * while it lasts, and how long they take to deliver once it is back. On a stack of its own.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { apiProgram, newApiKey, newSecretKeys, workerProgram } from '../../dev/programs.ts';
import { ensureTopic, kafkaClient, startOwnKafka } from '../../dev/servers/kafka.ts';
import { postgresDataDir, startPostgres } from '../../dev/servers/postgres.ts';
import { say } from '../../dev/servers/progress.ts';
import { type Server, startServer } from '../../dev/servers/server.ts';
import { startOwnTemporal } from '../../dev/servers/temporal.ts';
import { eventDigest } from '../../domain/eventDigest.ts';
import { eventIdPrefix } from '../../domain/eventId.ts';
import { keeperWorkflowId } from '../../domain/keeper.ts';
import { laneWorkflowId } from '../../domain/lane.ts';
import { migrate } from '../../store/migrate.ts';
import { stateTransitionsOf } from '../../test/harness/transitions.ts';
import { percentile } from '../read/percentile.ts';

const lanes = Number(process.argv[2] ?? 10_000);
const measuredMs = Number(process.argv[3] ?? 60) * 1_000;
const postsAtOnce = 4;
const eventsOfPost = 50;
const topic = 'outage';
const customerExternalId = 'acct_outage';

const keys = Array.from({ length: lanes }, (_, n) => `order-${n}`);
const secondsSince = (ms: number): number => Math.round((performance.now() - ms) / 100) / 10;

type Call = (method: string, path: string, body?: unknown) => Promise<{ status: number; body: unknown }>;

const callerOf =
  (url: string, key: string): Call =>
  async (method, path, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };

/** Each key's event, sent until it is accepted. */
async function postAll(call: Call): Promise<void> {
  const batches: unknown[][] = [];
  for (let at = 0; at < keys.length; at += eventsOfPost) {
    batches.push(
      keys.slice(at, at + eventsOfPost).map((key) => ({
        eventType: 'e',
        customerExternalId,
        idempotencyKey: key,
        payload: { key, text: 'x'.repeat(400) },
      })),
    );
  }
  const next = batches.values();
  const post = async (): Promise<void> => {
    for (const batch of next) while ((await call('POST', '/v1/events/batch', batch)).status !== 202) await sleep(500);
  };
  await Promise.all(Array.from({ length: postsAtOnce }, post));
}

const lookUpsMax = 500;

/** How long `GET /v1/events/{id}` takes, one after the other, in ms: half of them less than the first, 99 of 100 less than the second. */
async function lookUps(call: Call): Promise<{ p50: number; p99: number; found: number }> {
  const step = Math.max(1, Math.floor(lanes / lookUpsMax));
  const chosen = keys.filter((_, n) => n % step === 0);
  const tookMs: number[] = [];
  for (const key of chosen) {
    const id = eventIdPrefix + eventDigest(customerExternalId, key);
    const sinceMs = performance.now();
    const { status } = await call('GET', `/v1/events/${id}`);
    if (status === 200) tookMs.push(performance.now() - sinceMs);
  }
  const sorted = Float64Array.from(tookMs).sort();
  return { p50: percentile(sorted, 50), p99: percentile(sorted, 99), found: tookMs.length };
}

async function untilTrue(what: string, is: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 20 * 60_000;
  while (!(await is())) {
    if (performance.now() > endMs) throw new Error(`Waited 20 minutes for ${what}.`);
    await sleep(1_000);
  }
}

async function run(started: Server[], dir: string): Promise<void> {
  const logDir = join(dir, 'logs');
  const kept = <T extends Server>(server: T): T => {
    started.push(server);
    return server;
  };
  const temporal = kept(await startOwnTemporal({ dbFile: join(dir, 'temporal.db'), logDir }));
  const kafka = kept(await startOwnKafka({ dataDir: join(dir, 'kafka'), logDir }));
  const dataDir = await postgresDataDir(join(dir, 'postgres'), `outage-${process.pid}`);
  const postgres = kept(await startPostgres({ dataDir, logDir, password: 'causeway' }));
  await migrate(postgres.databaseUrl);
  await ensureTopic(kafka.brokers, topic, 4);
  const settings = {
    databaseUrl: postgres.databaseUrl,
    temporalAddress: temporal.address,
    temporalNamespace: temporal.namespace,
    taskQueue: 'causeway',
    secretKeys: newSecretKeys(),
    apiKey: newApiKey(),
    logDir,
  };
  const api = await apiProgram(settings);
  kept(await startServer(api.spec));
  kept(await startServer(workerProgram(settings)));
  const call = callerOf(api.url, settings.apiKey);
  const connection = await Connection.connect({ address: temporal.address });
  const client = new Client({ connection, namespace: temporal.namespace });

  const created = await call('POST', '/v1/destinations', {
    type: 'KAFKA',
    name: 'outage',
    customerExternalId,
    brokers: kafka.brokers,
    topic,
    partitionKey: 'payload.key',
    auth: { mode: 'NONE' },
    ordering: { lanes: 'key' },
  });
  if (typeof created.body !== 'object' || created.body === null || !('id' in created.body)) throw new Error('No id.');
  const destinationId = String(created.body.id);
  const countIn = async (state: string): Promise<number> =>
    (await client.workflow.count(`DestinationId="${destinationId}" AND DeliveryState="${state}"`)).count;

  await kafka.kill();
  const postedMs = performance.now();
  await postAll(call);
  say(`${lanes} events in as many lanes accepted after ${secondsSince(postedMs)} s.`);
  await untilTrue('all lanes to wait', async () => (await countIn('Waiting')) === lanes);
  say(`All wait ${secondsSince(postedMs)} s after the first was sent.`);

  const ids = keys.map((key) => laneWorkflowId(destinationId, key));
  const keeper = [keeperWorkflowId(destinationId)];
  const before = await stateTransitionsOf(client, [...keeper, ...ids]);
  const keeperBefore = await stateTransitionsOf(client, keeper);
  await sleep(measuredMs);
  const keeperAfter = await stateTransitionsOf(client, keeper);
  const after = await stateTransitionsOf(client, [...keeper, ...ids]);
  const rate = ({ count: a, atMs: b }: typeof before, { count: c, atMs: d }: typeof before): string =>
    ((c - a) / ((d - b) / 1_000)).toFixed(2);
  say(
    `While it is down: ${rate(before, after)} state transitions a second in all, ${rate(keeperBefore, keeperAfter)} of them the keeper's.`,
  );

  const { p50, p99, found } = await lookUps(call);
  say(
    `GET /v1/events/{id} with ${lanes} lanes of the customer: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms over ${found} events.`,
  );

  await kafka.restart();
  const backMs = performance.now();
  const admin = kafkaClient(kafka.brokers).admin();
  await admin.connect();
  const arrived = async (): Promise<number> =>
    (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0);
  let firstMs: number | undefined;
  await untilTrue('all records', async () => {
    const count = await arrived();
    if (count > 0) firstMs ??= performance.now();
    return count >= lanes;
  });
  say(
    `The first record was there ${((firstMs ?? backMs) - backMs) / 1_000} s after the broker's return, the last after ${secondsSince(backMs)} s; ${await arrived()} records in all.`,
  );
  await untilTrue('no lane to wait', async () => (await countIn('Waiting')) === 0);
  const total = await stateTransitionsOf(client, [...keeper, ...ids]);
  say(`To wake them all and deliver: ${total.count - after.count} state transitions.`);
  await admin.disconnect();
  await connection.close();
}

async function main(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'causeway-outage-'));
  await chmod(dir, 0o711); // Postgres may run as another user.
  const started: Server[] = [];
  try {
    await run(started, dir);
  } finally {
    for (const server of started.reverse()) await server.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);

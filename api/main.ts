/** The API process: takes events in, and lets people manage destinations. */
import { pino } from 'pino';
import { systemDistrust } from '../activities/kafka/systemAuthorities.ts';
import { tellKeeperOfChange } from '../activities/keeperCall.ts';
import { PayloadKeyWatch } from '../activities/payloadKeyWatch.ts';
import { allowPrivateIn, readApiConfig } from '../domain/config.ts';
import { dataConverterWith } from '../domain/dataConverter.ts';
import { CausewayError } from '../domain/error.ts';
import { LettingGo } from '../store/lettingGo.ts';
import { migrate } from '../store/migrate.ts';
import { usedEveryMs } from '../store/payloadKeys.ts';
import { readPayloadKeys, readSecretKeys } from '../store/secretKeys.ts';
import { openStore } from '../store/store.ts';
import { assembled } from './assembled.ts';
import { listen } from './listen.ts';
import { ensureSearchAttributes } from './searchAttributes.ts';
import { connectTemporal } from './temporal.ts';

/** Requests under way when the process is told to stop may take this long, in ms. */
const shutdownMs = 10_000;

const namesInPayloads =
  'CAUSEWAY_HASH_KEYS hides partition keys and customers in ids and search attributes alone: set CAUSEWAY_PAYLOAD_KEYS, or they stand in payloads.';
const noApiKey =
  'There is no API key, so every request but /healthz and the pages about the API is answered 401: set CAUSEWAY_API_KEY to one ' +
  'of 20 to 200 characters, and start the API again.';

async function main(): Promise<void> {
  const config = readApiConfig(process.env);
  const logger = pino({ level: config.LOG_LEVEL, name: 'api' });
  const payloadKeys = await readPayloadKeys(config);
  const store = await openStore({
    databaseUrl: config.DATABASE_URL,
    secretKeys: await readSecretKeys(config),
    logger,
    allowPrivate: allowPrivateIn(config),
    eventIndexDays: config.CAUSEWAY_EVENT_INDEX_DAYS,
  });
  await store.checkKeys(); // Before anything is changed.
  await migrate(config.DATABASE_URL);
  const keyWatch = new PayloadKeyWatch({ logger });
  await keyWatch.begin(usedEveryMs, async () => {
    await store.payloadKeys.use(payloadKeys); // Before it writes in the clear what others encrypt.
    await store.hashKey.agree(config.CAUSEWAY_HASH_KEYS);
  });
  if (config.CAUSEWAY_HASH_KEYS && !payloadKeys.encrypting) logger.warn(namesInPayloads);
  const isKeyOver =
    config.CAUSEWAY_API_KEY && !(await store.apiKeys.ensure(config.CAUSEWAY_API_KEY, 'CAUSEWAY_API_KEY'));
  if (isKeyOver)
    logger.warn('CAUSEWAY_API_KEY names a key that was revoked, was rotated away or has expired: it opens nothing.');
  const temporal = await connectTemporal(config, [], dataConverterWith(payloadKeys, { onKeyMissing: keyWatch.met }));
  await ensureSearchAttributes(temporal);
  if (!(await store.apiKeys.exist())) logger.warn(noApiKey);
  const distrust = systemDistrust();
  if (distrust !== undefined) logger.warn(distrust);
  let connections = 0;
  const { app, writer, tests, sampler } = assembled(
    config,
    { logger, store, temporal, payloadKeys, keyWatch },
    () => connections,
  );
  const lettingGo = new LettingGo({
    ...{ earlierCredentials: store.earlierCredentials, destinations: store.destinations, users: [tests], logger },
    tellKeeper: (id, version) => tellKeeperOfChange(temporal, id, version),
  });
  await lettingGo.start(); // Before it is asked for a connection test.
  const onConnection = (): void => {
    connections++;
  };
  const at = { hostname: config.CAUSEWAY_API_HOST, port: config.CAUSEWAY_API_PORT };
  const server = await listen(app, { ...at, onConnection });
  sampler.start();
  logger.info({ url: `http://${config.CAUSEWAY_API_HOST}:${config.CAUSEWAY_API_PORT}` }, 'api is listening');

  const stop = async (): Promise<void> => {
    setTimeout(() => process.exit(1), shutdownMs).unref();
    await new Promise((resolve) => server.close(resolve));
    await writer.drained();
    await lettingGo.stop();
    await sampler.stop();
    await store.close();
    await temporal.connection.close();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());
}

main().catch((error: unknown) => {
  console.error(error instanceof CausewayError ? `${error.code}: ${error.remedy}` : error);
  process.exit(1);
});

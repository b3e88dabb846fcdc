/** The worker process: runs lanes and produces into customers' Kafka. */
import { pino } from 'pino';
import { createProduceActivities } from '../activities/produce.ts';
import { readWorkerConfig } from '../domain/config.ts';
import { CausewayError } from '../domain/error.ts';
import { openStore } from '../store/store.ts';
import { createLaneWorker } from './laneWorker.ts';

async function main(): Promise<void> {
  const config = readWorkerConfig(process.env);
  const logger = pino({ level: config.LOG_LEVEL, name: 'worker' });
  const store = await openStore({ databaseUrl: config.DATABASE_URL, secretKeys: config.CAUSEWAY_SECRET_KEYS, logger });
  const activities = createProduceActivities({ destinations: store.destinations, logger });
  const worker = await createLaneWorker({ config, activities, logger });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => worker.shutdown());
  logger.info({ taskQueue: config.TEMPORAL_TASK_QUEUE }, 'worker is running');
  await worker.run();
  await activities.close();
  await store.close();
}

main().catch((error: unknown) => {
  const text = error instanceof CausewayError ? `${error.code}: ${error.remedy}` : error;
  console.error(text);
  process.exit(1);
});

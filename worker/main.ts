/** The worker process: runs lanes and produces into customers' Kafka. */
import { Client } from '@temporalio/client';
import { pino } from 'pino';
import { createProduceActivity } from '../activities/produce.ts';
import { createSegmentActivities } from '../activities/segments.ts';
import { readWorkerConfig } from '../domain/config.ts';
import { dataConverter } from '../domain/dataConverter.ts';
import { CausewayError } from '../domain/error.ts';
import { openStore } from '../store/store.ts';
import { connectWorker, createLaneWorker } from './laneWorker.ts';

async function main(): Promise<void> {
  const config = readWorkerConfig(process.env);
  const logger = pino({ level: config.LOG_LEVEL, name: 'worker' });
  const store = await openStore({ databaseUrl: config.DATABASE_URL, secretKeys: config.CAUSEWAY_SECRET_KEYS, logger });
  const connection = await connectWorker(config);
  const temporal = new Client({ connection, namespace: config.TEMPORAL_NAMESPACE, dataConverter });
  const { activities, close } = createProduceActivity({ destinations: store.destinations, temporal, logger });
  const worker = await createLaneWorker(connection, config, {
    ...activities,
    ...createSegmentActivities({ temporal }),
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => worker.shutdown());
  logger.info({ taskQueue: config.TEMPORAL_TASK_QUEUE }, 'worker is running');
  await worker.run();
  close();
  await store.close();
  await connection.close();
}

main().catch((error: unknown) => {
  console.error(error instanceof CausewayError ? `${error.code}: ${error.remedy}` : error);
  process.exit(1);
});

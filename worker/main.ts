/** The worker process: runs lanes and produces into customers' Kafka. */
import { runWorker } from './runWorker.ts';

runWorker();

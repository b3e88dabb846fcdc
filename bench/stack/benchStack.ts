import { Connection } from '@temporalio/client';
import type { Processes } from '../cpu/cpuMeter.ts';
import { pidListeningOn } from '../cpu/listening.ts';

/** What the bench runs against. */
export type BenchStack = {
  kind: 'running' | 'own';
  api: string;
  apiKey: string;
  temporalAddress: string;
  temporalNamespace: string;
  taskQueue: string;
  kafkaBrokers: string[];
  databaseUrl: string;
  /** Nothing happens to a stack that somebody else started. */
  stop(): Promise<void>;
};

const portOf = (url: string, otherwise = 0): number => Number(new URL(url).port) || otherwise;

/** Temporal lists who polls a task queue, by pid and host. */
async function workerPid(stack: BenchStack): Promise<number | undefined> {
  const connection = await Connection.connect({ address: stack.temporalAddress, connectTimeout: '5 seconds' });
  try {
    const { pollers } = await connection.workflowService.describeTaskQueue({
      namespace: stack.temporalNamespace,
      taskQueue: { name: stack.taskQueue },
      taskQueueType: 1, // Workflow tasks.
    });
    // The latest first: a worker that died is listed for some minutes.
    const recent = [...(pollers ?? [])].sort(
      (a, b) => Number(b.lastAccessTime?.seconds ?? 0) - Number(a.lastAccessTime?.seconds ?? 0),
    );
    const pid = Number(/^(\d+)@/.exec(recent[0]?.identity ?? '')?.[1]);
    return Number.isInteger(pid) ? pid : undefined;
  } finally {
    await connection.close();
  }
}

/** The stack's processes, found by the ports they listen on and the queue they poll. */
export async function processesOf(stack: BenchStack): Promise<Processes> {
  const [api, worker, temporal, kafka, postgres] = await Promise.all([
    pidListeningOn(portOf(stack.api)),
    workerPid(stack),
    pidListeningOn(portOf(`http://${stack.temporalAddress}`)),
    pidListeningOn(portOf(`http://${stack.kafkaBrokers[0]}`)),
    pidListeningOn(portOf(stack.databaseUrl, 5432)),
  ]);
  return { api, worker, temporal, kafka, postgres };
}

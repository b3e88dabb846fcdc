/** The process of part (b) that sends signals. */
import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { serve } from '../child/serve.ts';
import { nowMs } from '../clock.ts';
import { eventMaker } from '../load/events.ts';

export type SignalJob = {
  address: string;
  namespace: string;
  taskQueue: string;
  /** To how many workflows; `'new'`: each signal to one of its own. */
  workflows: number | 'new';
  inFlight: number;
  seconds: number;
};
export type Signalled = { count: number; startedAtMs: number; endedAtMs: number };
export type SignallerMethods = { signal(job: SignalJob): Promise<Signalled> };

/** `signalWithStart`, so many at a time, each as soon as one was answered, for so long. */
async function signal(job: SignalJob): Promise<Signalled> {
  const connection = await Connection.connect({ address: job.address });
  const client = new Client({ connection, namespace: job.namespace });
  const tag = randomBytes(4).toString('hex');
  const maker = eventMaker(tag, 'acct_bench', 'customer');
  let begun = 0;
  let count = 0;
  const startedAtMs = nowMs();
  const loop = async () => {
    while (nowMs() - startedAtMs < job.seconds * 1_000) {
      const n = begun++;
      await client.workflow.signalWithStart('benchDrain', {
        workflowId: `bench:${tag}:${job.workflows === 'new' ? n : n % job.workflows}`,
        taskQueue: job.taskQueue,
        signal: 'event',
        signalArgs: [maker.textOf(n, maker.keyOf(n))],
      });
      count++;
    }
  };
  await Promise.all(Array.from({ length: job.inFlight }, loop));
  const endedAtMs = nowMs();
  await connection.close();
  return { count, startedAtMs, endedAtMs };
}

serve<SignallerMethods>({ signal });

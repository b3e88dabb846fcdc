/** The worker of part (b), a process of its own. */
import { fileURLToPath } from 'node:url';
import { DefaultLogger, type InjectedSinks, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { serve } from '../child/serve.ts';
import { nowMs } from '../clock.ts';
import type { DrainSinks } from './drainWorkflow.ts';

export type DrainWorkerMethods = {
  start(options: { address: string; namespace: string; taskQueue: string }): Promise<void>;
  /** Signals drained since the start, and when the last one was. */
  drained(nothing: undefined): Promise<{ count: number; lastAtMs: number }>;
};

let count = 0;
let lastAtMs = 0;

const sinks: InjectedSinks<DrainSinks> = {
  drained: {
    one: {
      fn: () => {
        count++;
        lastAtMs = nowMs();
      },
      callDuringReplay: false,
    },
  },
};

serve<DrainWorkerMethods>({
  start: async ({ address, namespace, taskQueue }) => {
    // Its warning that it has no activities is as it should be.
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    const connection = await NativeConnection.connect({ address });
    const worker = await Worker.create({
      connection,
      namespace,
      taskQueue,
      workflowsPath: fileURLToPath(new URL('./drainWorkflow.ts', import.meta.url)),
      sinks,
      // As the lanes' worker.
      maxConcurrentWorkflowTaskExecutions: 40,
    });
    void worker.run();
  },
  drained: async () => ({ count, lastAtMs }),
});

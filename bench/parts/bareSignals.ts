import { randomBytes } from 'node:crypto';
import { say } from '../../dev/servers/progress.ts';
import { until } from '../../dev/servers/until.ts';
import { type Child, startChild } from '../child/child.ts';
import { type CpuUse, type Processes, startCpuMeter } from '../cpu/cpuMeter.ts';
import type { DrainWorkerMethods } from '../signals/drainWorker.ts';
import type { SignallerMethods } from '../signals/signaller.ts';
import { processesOf } from '../stack/benchStack.ts';
import { endWorkflows } from '../stack/endWorkflows.ts';
import { calmly } from './calm.ts';
import type { Context } from './context.ts';

export type BareSignalsResult = CpuUse & {
  workflows: number | 'new';
  /** Stored and drained, over the time from the first signal to the last one drained. */
  drainedPerSecond: number;
  /** Stored, over the time in which signals were sent: higher where the worker falls behind. */
  storedPerSecond: number;
};

const inFlight = 64;
const drainedWithinMs = 120_000;

type Pair = { worker: Child<DrainWorkerMethods>; signaller: Child<SignallerMethods>; taskQueue: string };

async function measured(
  { stack }: Context,
  { worker, signaller, taskQueue }: Pair,
  processes: Processes,
  workflows: number | 'new',
  seconds: number,
): Promise<BareSignalsResult> {
  const before = (await worker.call('drained', undefined)).count;
  const cpu = await startCpuMeter({ ...processes, worker: worker.pid, signaller: signaller.pid });
  const { temporalAddress: address, temporalNamespace: namespace } = stack;
  const sent = await signaller.call('signal', { address, namespace, taskQueue, workflows, inFlight, seconds });
  const last = await until(
    'the signals to be drained',
    () => worker.call('drained', undefined),
    ({ count }) => count >= before + sent.count,
    { timeoutMs: drainedWithinMs, everyMs: 20 },
  );
  return {
    workflows,
    drainedPerSecond: (1_000 * sent.count) / (Math.max(last.lastAtMs, sent.endedAtMs) - sent.startedAtMs),
    storedPerSecond: (1_000 * sent.count) / (sent.endedAtMs - sent.startedAtMs),
    ...(await cpu()),
  };
}

/** (b) `signalWithStart` alone, 64 at a time, to workflows that only drain. */
export async function bareSignals(context: Context): Promise<BareSignalsResult[]> {
  const { stack, durations } = context;
  const { temporal } = await processesOf(stack);
  const taskQueue = `bench-${randomBytes(4).toString('hex')}`;
  const worker = startChild<DrainWorkerMethods>('signals/drainWorker.ts');
  const signaller = startChild<SignallerMethods>('signals/signaller.ts');
  try {
    await worker.call('start', { address: stack.temporalAddress, namespace: stack.temporalNamespace, taskQueue });
    const results: BareSignalsResult[] = [];
    for (const workflows of [inFlight, 'new'] as const) {
      const pair = { worker, signaller, taskQueue };
      await measured(context, pair, { temporal }, workflows, durations.warmUpS);
      const result = await calmly(context, () => measured(context, pair, { temporal }, workflows, durations.loadS));
      say(
        `  ${workflows === 'new' ? 'a new workflow each' : `${workflows} workflows`}: ${Math.round(result.storedPerSecond)}/s`,
      );
      results.push(result);
    }
    return results;
  } finally {
    await Promise.all([worker.stop(), signaller.stop()]);
    await endWorkflows(stack, "WorkflowType = 'benchDrain'");
  }
}

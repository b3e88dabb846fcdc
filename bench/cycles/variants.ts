import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ProducerSettings } from '../road/destination.ts';
import type { OtherWorker } from '../stack/ownStack.ts';

/** Options of the SDK's worker; null takes away what worker/laneWorker.ts gives. */
type Options = Readonly<Record<string, unknown>>;
export type Variant = { name: string; what: string; other: OtherWorker; producer: ProducerSettings };

/** So many slots for workflow tasks of cached and fresh lanes together, and for batches; as the SDK has them by itself where none are given. */
const sharedSlots = (tasks?: number): Options => ({
  tuner: null,
  ...(tasks !== undefined && { maxConcurrentWorkflowTaskExecutions: tasks, maxConcurrentActivityTaskExecutions: 200 }),
});
/** The bench's server hands activities out eagerly to a worker that asks for it; ours is not to, unless a variant says so. */
const notEager = { maxEagerActivityReservationsPerWorkflowTask: 0 };

const compressions = ['gzip', 'snappy', 'lz4', 'zstd'];

const options: Record<string, { what: string; options: Options; producer?: ProducerSettings }> = {
  now: { what: 'as worker/laneWorker.ts has it', options: {} },
  eager: {
    what: 'eager start of activities, which `system.enableActivityEagerExecution` of the server allows',
    options: { maxEagerActivityReservationsPerWorkflowTask: 3 },
  },
  'cache-2': { what: 'two workflows in the sticky cache', options: { maxCachedWorkflows: 2 } },
  'cache-100': { what: 'a hundred of them', options: { maxCachedWorkflows: 100 } },
  'sdk-slots': {
    what: "the SDK's own 40 and 100 slots, polls for lanes in no cache a fifth",
    options: { ...sharedSlots(), nonStickyToStickyPollRatio: 0.2 },
  },
  'slots-8': { what: '8 slots for workflow tasks of cached and fresh lanes together', options: sharedSlots(8) },
  'slots-16': { what: '16 of them', options: sharedSlots(16) },
  'polls-2': {
    what: 'two polls of either kind in place of 10',
    options: { maxConcurrentWorkflowTaskPolls: 2, maxConcurrentActivityTaskPolls: 2 },
  },
  autoscaling: {
    what: 'polls as many as Temporal advises, the same slots',
    options: {
      workflowTaskPollerBehavior: { type: 'autoscaling' },
      activityTaskPollerBehavior: { type: 'autoscaling' },
    },
  },
  tuner: {
    what: "slots by the SDK's resource-based tuner, up to 80 % of memory and 90 % of CPU",
    options: { tuner: { tunerOptions: { targetMemoryUsage: 0.8, targetCpuUsage: 0.9 } } },
  },
  ...Object.fromEntries(
    compressions.map((compression) => [
      compression,
      { what: `records compressed with ${compression}`, options: {}, producer: { compression } },
    ]),
  ),
};

export const variantList = Object.entries(options)
  .map(([name, { what }]) => `  ${name.padEnd(14)}${what}`)
  .join('\n');

const otherOptions = fileURLToPath(new URL('./otherOptions.cjs', import.meta.url));
const workerWith = (given: Options): OtherWorker => ({
  env: { CAUSEWAY_BENCH_WORKER_OPTIONS: JSON.stringify({ ...notEager, ...given }) },
  flags: ['--require', otherOptions],
});

/** The variant of this name; or the worker of another checkout, where it is the path of one. Undefined where it is neither. */
export async function variantOf(name: string): Promise<Variant | undefined> {
  const known = options[name];
  if (known) return { name, what: known.what, other: workerWith(known.options), producer: known.producer ?? {} };
  const isCheckout = await stat(join(name, 'worker', 'main.ts')).then(
    () => true,
    () => false,
  );
  if (!isCheckout) return undefined;
  return { name, what: `the worker of ${name}`, other: { ...workerWith({}), cwd: name }, producer: {} };
}

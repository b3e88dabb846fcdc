import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { VisibilityPace } from '../activities/visibilityPace.ts';
import { keeperTaskQueue } from '../domain/keeper.ts';
import { laneWorkflowType } from '../domain/lane.ts';
import type { Check } from './schemas/checks.ts';
import { missingSearchAttributes } from './searchAttributes.ts';

const callTimeoutMs = 4_000;
const retentionDaysMin = 7;
const secondsADay = 86_400;
const queueType = proto.temporal.api.enums.v1.TaskQueueType;

export type CheckDependencies = {
  temporal: Client;
  taskQueue: string;
  pace: VisibilityPace;
  store: { check(): Promise<void> };
};

type Found = Omit<Check, 'name'>;

/** What the API stands on, asked one by one: what is wrong, and what mends it. Never rejects. */
export async function runChecks({ temporal, taskQueue, pace, store }: CheckDependencies): Promise<Check[]> {
  const { namespace } = temporal.options;
  const ask = <T>(call: () => Promise<T>): Promise<T> =>
    temporal.connection.withDeadline(Date.now() + callTimeoutMs, call);
  const checks: [name: string, mend: string, run: () => Promise<Found>][] = [
    ['store', 'See that Postgres is up, and DATABASE_URL of the API is right.', () => storeCheck(store)],
    [
      'temporal',
      'See that Temporal is up, and TEMPORAL_ADDRESS of the API is right.',
      async () => ok(`server ${(await ask(() => temporal.workflowService.getSystemInfo({}))).serverVersion}`),
    ],
    [
      'namespace',
      `Make it: temporal operator namespace create --namespace ${namespace} --retention 30d`,
      () => ask(() => namespaceCheck(temporal)),
    ],
    ['search attributes', 'See that Temporal is up.', () => ask(() => attributeCheck(temporal))],
    ['worker', 'See that Temporal is up.', () => ask(() => workerCheck(temporal, taskQueue))],
    ['destinations', 'See that Temporal is up.', () => pace.shared('checks', () => ask(() => heldCheck(temporal)))],
  ];
  return await Promise.all(
    checks.map(async ([name, mend, run]) => {
      const found = await run().catch((error: unknown) => failing(messageOf(error), mend));
      return { name, ...found };
    }),
  );
}

const ok = (detail: string): Found => ({ status: 'ok', detail });
const warning = (detail: string, remedy: string): Found => ({ status: 'warning', detail, remedy });
const failing = (detail: string, remedy: string): Found => ({ status: 'failing', detail, remedy });
/** Our own texts and gRPC's short ones: neither holds a secret. */
const messageOf = (error: unknown): string => (error instanceof Error ? error.message.slice(0, 300) : 'no answer');

async function storeCheck(store: CheckDependencies['store']): Promise<Found> {
  await store.check();
  return ok('Postgres answers');
}

async function namespaceCheck({ workflowService, options: { namespace } }: Client): Promise<Found> {
  const { config } = await workflowService.describeNamespace({ namespace });
  const days = Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) / secondsADay;
  const detail = `${namespace}, keeps closed runs for ${days} days`;
  if (days >= retentionDaysMin) return ok(detail);
  const command = `temporal operator namespace update --namespace ${namespace} --retention 30d`;
  return warning(detail, `The delivery log goes back no further. To keep it longer: ${command}`);
}

async function attributeCheck(temporal: Client): Promise<Found> {
  const { missing, command } = await missingSearchAttributes(temporal);
  return missing.length === 0 ? ok('all are there') : failing(`missing: ${missing.join(', ')}`, `Run: ${command}`);
}

async function workerCheck({ workflowService, options: { namespace } }: Client, taskQueue: string): Promise<Found> {
  const queues = [
    { name: taskQueue, taskQueueType: queueType.TASK_QUEUE_TYPE_WORKFLOW },
    { name: taskQueue, taskQueueType: queueType.TASK_QUEUE_TYPE_ACTIVITY },
    { name: keeperTaskQueue(taskQueue), taskQueueType: queueType.TASK_QUEUE_TYPE_ACTIVITY },
  ];
  const pollers = await Promise.all(
    queues.map(async ({ name, taskQueueType }) => {
      const described = await workflowService.describeTaskQueue({ namespace, taskQueue: { name }, taskQueueType });
      return new Set((described.pollers ?? []).map(({ identity }) => identity));
    }),
  );
  // Temporal lists for some minutes who has polled: a worker that died just now is still among them.
  const fewest = Math.min(...pollers.map(({ size }) => size));
  if (fewest > 0) return ok(`${fewest} polled the task queue ${taskQueue} lately`);
  return failing(`nobody polls the task queue ${taskQueue}`, 'Start a worker: npm run worker');
}

async function heldCheck({ workflowService, options: { namespace } }: Client): Promise<Found> {
  const lanes = `WorkflowType="${laneWorkflowType}" AND ExecutionStatus="Running"`;
  const held = async (states: string): Promise<number> => {
    const query = `${lanes} AND DeliveryState IN (${states})`;
    return Number((await workflowService.countWorkflowExecutions({ namespace, query })).count ?? 0);
  };
  const [waiting, suspended] = [await held('"Waiting"'), await held('"Suspended"')];
  if (waiting + suspended === 0) return ok('no lane waits for its destination');
  const query = "DeliveryState IN ('Waiting', 'Suspended')";
  return warning(
    `${waiting} lanes wait for a destination that can't be reached, ${suspended} are suspended`,
    `See which, and then causeway lanes <destination>: temporal workflow list --query "${query}"`,
  );
}

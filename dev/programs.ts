import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { freePort } from './servers/ports.ts';
import type { ServerSpec } from './servers/server.ts';

/** What API and worker are told by their environment. */
export type ProgramSettings = {
  databaseUrl: string;
  temporalAddress: string;
  temporalNamespace: string;
  taskQueue: string;
  secretKeys: string;
  apiKey: string;
  logDir: string;
  env?: Record<string, string>;
  /** Where the sources are not run themselves. */
  code?: ProgramCode;
};

/** What Node is told to run: its flags and a file. */
export type ProgramCode = { api: readonly string[]; worker: readonly string[] };

/**
 * As `npm run api` and `npm run worker` have them. Blocks of events live for a cycle: in Node's young generation of 16 MB they were
 * copied again and again, and after an idle minute V8 keeps so small a heap that it collects all of it twice a second under load
 * (docs/decisions/garbage-collector.md). Whom the system trusts is trusted (docs/decisions/system-authorities.md).
 */
export const machineFlags = [
  '--max-semi-space-size=64',
  '--no-memory-reducer',
  '--heap-growing-percent=300',
  '--use-openssl-ca',
] as const;
/** With what loads TypeScript. */
export const nodeFlags = [...machineFlags, '--import', 'tsx'] as const;

/** The worker's own, whose threads run workflows (docs/decisions/workflow-threads.md). */
export const threadFlags = ['--require', './worker/workflowThreads.cjs'] as const;
export const workerFlags = [...nodeFlags, ...threadFlags] as const;

const sources: ProgramCode = { api: [...nodeFlags, 'api/main.ts'], worker: [...workerFlags, 'worker/main.ts'] };

const root = fileURLToPath(new URL('..', import.meta.url));

/** A key ring with one new key, as `CAUSEWAY_SECRET_KEYS` wants it. */
export const newSecretKeys = (): string => `k1:${randomBytes(32).toString('base64')}`;

/** A new API key, as `CAUSEWAY_API_KEY` wants it. */
export const newApiKey = (): string => `cw_${randomBytes(24).toString('base64url')}`;

/** Settings of a stack that nobody had before: with keys of its own. */
export const newSettings = (
  {
    databaseUrl,
    temporal,
    logDir,
  }: { databaseUrl: string; temporal: { address: string; namespace: string }; logDir: string },
  taskQueue = 'causeway',
): ProgramSettings => ({
  databaseUrl,
  temporalAddress: temporal.address,
  temporalNamespace: temporal.namespace,
  taskQueue,
  secretKeys: newSecretKeys(),
  apiKey: newApiKey(),
  logDir,
});

const shared = (settings: ProgramSettings): Record<string, string> => ({
  DATABASE_URL: settings.databaseUrl,
  TEMPORAL_ADDRESS: settings.temporalAddress,
  TEMPORAL_NAMESPACE: settings.temporalNamespace,
  TEMPORAL_TASK_QUEUE: settings.taskQueue,
  CAUSEWAY_SECRET_KEYS: settings.secretKeys,
  CAUSEWAY_ALLOW_PRIVATE_BROKERS: 'true', // The Kafka here is on loopback.
});

async function apiAnswers(url: string): Promise<void> {
  const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2_000) });
  if (response.status !== 200) throw new Error(`GET /healthz answered ${response.status}`);
}

const enums = proto.temporal.api.enums.v1;
const workflowTasks = enums.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW;

/** Temporal lists who polls a task queue; a worker is ready when it is on that list. */
async function workerPolls(settings: ProgramSettings, pid: number): Promise<void> {
  const connection = await Connection.connect({ address: settings.temporalAddress, connectTimeout: '2 seconds' });
  try {
    // The enhanced mode asks all partitions of the queue; the other one knows the polls that reached the first.
    const { versionsInfo } = await connection.workflowService.describeTaskQueue({
      namespace: settings.temporalNamespace,
      taskQueue: { name: settings.taskQueue },
      apiMode: enums.DescribeTaskQueueMode.DESCRIBE_TASK_QUEUE_MODE_ENHANCED,
      taskQueueTypes: [workflowTasks],
      versions: { unversioned: true },
      reportPollers: true,
    });
    const pollers = Object.values(versionsInfo ?? {}).flatMap(
      ({ typesInfo }) => typesInfo?.[workflowTasks]?.pollers ?? [],
    );
    const identities = pollers.map(({ identity }) => identity ?? '');
    if (!identities.some((identity) => identity.startsWith(`${pid}@`))) {
      throw new Error(`worker ${pid} does not poll ${settings.taskQueue} yet; these do: ${identities.join(', ')}`);
    }
  } finally {
    await connection.close();
  }
}

/** How the API is started, on a port that stays the same when it is started again. */
export async function apiProgram(settings: ProgramSettings, port?: number): Promise<{ url: string; spec: ServerSpec }> {
  const apiPort = port ?? (await freePort());
  const url = `http://127.0.0.1:${apiPort}`;
  const spec: ServerSpec = {
    name: 'the API',
    command: process.execPath,
    args: [...(settings.code ?? sources).api],
    cwd: root,
    env: {
      ...shared(settings),
      CAUSEWAY_API_HOST: '127.0.0.1',
      CAUSEWAY_API_PORT: String(apiPort),
      CAUSEWAY_API_KEY: settings.apiKey,
      ...settings.env,
    },
    logFile: `${settings.logDir}/api.log`,
    ready: () => apiAnswers(url),
  };
  return { url, spec };
}

/** How a worker is started. */
export function workerProgram(settings: ProgramSettings, name = 'worker'): ServerSpec {
  return {
    name: `the ${name}`,
    command: process.execPath,
    args: [...(settings.code ?? sources).worker],
    cwd: root,
    env: { ...shared(settings), CAUSEWAY_WORKER_METRICS_PORT: '0', ...settings.env }, // Several may run side by side.
    logFile: `${settings.logDir}/${name}.log`,
    stopWithinMs: 15_000,
    ready: (pid) => workerPolls(settings, pid),
  };
}

import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apiProgram, newSettings, workerProgram } from '../../dev/programs.ts';
import { startKafka } from '../../dev/servers/kafka.ts';
import { installParts } from '../../dev/servers/parts.ts';
import { postgresDataDir, startPostgres } from '../../dev/servers/postgres.ts';
import { say } from '../../dev/servers/progress.ts';
import { type Server, type ServerSpec, startServer } from '../../dev/servers/server.ts';
import {
  startOwnTemporal,
  startTemporal,
  type TemporalOptions,
  type TemporalServer,
} from '../../dev/servers/temporal.ts';
import { migrate } from '../../store/migrate.ts';
import type { BenchStack } from './benchStack.ts';

export type OwnStackOptions = {
  /** Whether API and worker are needed, or the servers alone. */
  programs: boolean;
  /** A folder for CPU profiles of API and worker. */
  profile: string | undefined;
  /** A Temporal of its own with these, whatever `TEMPORAL_ADDRESS` says. */
  temporal?: Pick<TemporalOptions, 'cli' | 'env' | 'dynamicConfig'>;
};

/** How a worker differs from the usual one. */
export type OtherWorker = { env: Record<string, string>; flags: readonly string[]; cwd?: string };

/** More of the programs, beside the first of each. */
export type More = {
  /** Resolves to its address once it answers. */
  api(): Promise<string>;
  worker(name: string): Promise<Server>;
  /** Ends the stack's own worker and starts this one in its place; resolves to its pid once it polls. */
  otherWorker(other: OtherWorker): Promise<number>;
};
export type OwnStack = BenchStack & { more: More };

const profiled = (spec: ServerSpec, dir: string | undefined): ServerSpec =>
  dir === undefined ? spec : { ...spec, args: ['--cpu-prof', `--cpu-prof-dir=${dir}`, ...spec.args] };

const workerAs = (spec: ServerSpec, { env, flags, cwd }: OtherWorker): ServerSpec => ({
  ...spec,
  args: [...flags, ...spec.args],
  env: { ...spec.env, ...env },
  ...(cwd !== undefined && { cwd }),
});

const temporalWith = (options: TemporalOptions, other: OwnStackOptions['temporal']): Promise<TemporalServer> =>
  other === undefined ? startTemporal(options) : startOwnTemporal({ ...options, ...other });

/** Brings up a stack in a folder of its own, and removes both when it is stopped. `keep` gets what stops it at once. */
export async function ownStack(
  { programs, profile, temporal: otherTemporal }: OwnStackOptions,
  keep: (stop: () => Promise<void>) => void,
): Promise<OwnStack> {
  await installParts({ forTests: false });
  const dir = await mkdtemp(join(tmpdir(), 'causeway-bench-'));
  await chmod(dir, 0o711); // Postgres may run as another user.
  const logDir = join(dir, 'logs');
  const dataDir = await postgresDataDir(join(dir, 'postgres'), `bench-${process.pid}`);
  const started: Server[] = [];
  let stopping: Promise<void> | undefined;
  const stopAll = async () => {
    // Programs were started last; they finish what they hold while their servers are still there.
    for (const server of started.splice(0).reverse()) await server.stop();
    for (const path of [dir, dataDir, `${dataDir}.complete`]) await rm(path, { recursive: true, force: true });
  };
  const stop = () => {
    stopping ??= stopAll();
    return stopping;
  };
  keep(stop);
  const kept = async <T extends Server>(start: Promise<T>): Promise<T> => {
    const server = await start;
    if (stopping) await server.stop();
    else started.push(server);
    return server;
  };
  say('Starting Temporal, Kafka and Postgres for the bench …');
  const [temporal, kafka, postgres] = await Promise.all([
    kept(temporalWith({ dbFile: join(dir, 'temporal.db'), logDir }, otherTemporal)),
    kept(startKafka({ dataDir: join(dir, 'kafka'), logDir })),
    kept(startPostgres({ dataDir, logDir, password: 'causeway' })),
  ]);
  await migrate(postgres.databaseUrl);
  const settings = newSettings({ databaseUrl: postgres.databaseUrl, temporal, logDir });
  const program = await apiProgram(settings);
  let worker: Server | undefined;
  if (programs) {
    say('Starting API and worker …');
    [, worker] = await Promise.all([
      kept(startServer(profiled(program.spec, profile))),
      kept(startServer(profiled(workerProgram(settings), profile))),
    ]);
  }
  const more: More = {
    api: async () => {
      const { url, spec } = await apiProgram(settings);
      await kept(startServer({ ...spec, logFile: `${spec.logFile}.${url.split(':').at(-1)}` }));
      return url;
    },
    worker: (name) => kept(startServer(workerProgram(settings, name))),
    otherWorker: async (other) => {
      await worker?.stop();
      worker = await kept(startServer(workerAs(workerProgram(settings), other)));
      return worker.pid ?? Number.NaN;
    },
  };
  return {
    more,
    kind: 'own',
    api: program.url,
    apiKey: settings.apiKey,
    temporalAddress: temporal.address,
    temporalNamespace: temporal.namespace,
    taskQueue: settings.taskQueue,
    kafkaBrokers: kafka.brokers,
    databaseUrl: postgres.databaseUrl,
    stop,
  };
}

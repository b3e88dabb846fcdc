import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import { searchAttributeTypes } from '../../domain/lane.ts';
import { installed, isInstalled, MissingTools, onPath, requireTools, run, saidVersion, type Tool } from './install.ts';
import { freePort, portOr } from './ports.ts';
import { longStep, say } from './progress.ts';
import { foreignServer, type Server, startServer } from './server.ts';
import { prepareNamespace } from './temporalNamespace.ts';

/** Of the CLI that is built where none is there. */
export const cliVersion = '1.5.1';
const sdkDownloadMsMax = 90_000;
const cliModule = `github.com/temporalio/cli/cmd/temporal@v${cliVersion}`;

export type TemporalServer = Server & { address: string; namespace: string; uiUrl: string | undefined };

export type TemporalOptions = {
  /** Where all state lies. Without it, it is in memory, and lost with the process. */
  dbFile?: string;
  logDir: string;
  /** The wanted port; a free one where busy or not given. */
  port?: number;
  /** The wanted port of the UI; no UI where not given. */
  uiPort?: number;
  /** Where the UI has payloads decoded. */
  uiCodecEndpoint?: string;
  /** Settings of the server, by name. */
  dynamicConfig?: Record<string, string>;
  /** Another build of the CLI than the usual one, and more of its environment. */
  cli?: string;
  env?: Record<string, string>;
};

/** Lets the SDK download the CLI it is made for; throws where it can't. */
async function sdkDownload(partial: string): Promise<void> {
  const script = fileURLToPath(new URL('./sdkDownload.ts', import.meta.url));
  const downloads = join(partial, 'download');
  await mkdir(downloads);
  // In a process of its own: a download that hangs can then be given up.
  await run(process.execPath, ['--import', 'tsx', script, downloads], { timeoutMs: sdkDownloadMsMax });
  const [binary] = await readdir(downloads);
  if (binary === undefined) throw new Error('The SDK downloaded nothing.');
  await rename(join(downloads, binary), join(partial, 'temporal'));
}

async function goBuild(partial: string): Promise<void> {
  await requireTools('go');
  await longStep(`Building Temporal's CLI ${cliVersion} from the Go registry`, 'about 3 minutes on 2 cores, once', () =>
    run('go', ['install', cliModule], { env: { GOBIN: partial }, timeoutMs: 60 * 60_000 }),
  );
}

const folder = `temporal-cli-${cliVersion}`;

/** The oldest server that will do, 1.x, which a CLI names beside its own version: one built from source has none. */
const wanted = { args: ['--version'], pattern: /Server 1\.(\d+)/, oldest: 29 };

async function usableOnPath(): Promise<string | undefined> {
  const found = await onPath('temporal');
  if (!found) return undefined;
  const { said, isEnough } = await saidVersion(found, wanted);
  if (isEnough) return found;
  say(`The temporal on PATH is passed over: it says "${said.trim()}", and Server 1.${wanted.oldest} is needed.`);
  return undefined;
}
let asked: Promise<string | undefined> | undefined;
const usableOnPathOnce = (): Promise<string | undefined> => {
  asked ??= usableOnPath();
  return asked;
};

/** What is needed where the CLI can't be downloaded. */
export const temporalBuildTools = async (): Promise<Tool[]> =>
  (await usableOnPathOnce()) || (await isInstalled(folder)) ? [] : ['go'];

/** The path of Temporal's CLI, whose `server start-dev` is the server: from PATH, the cache, a download or a build. */
export async function temporalCli(): Promise<string> {
  const found = await usableOnPathOnce();
  if (found) return found;
  const dir = await installed(folder, async (partial) => {
    const limit = `given up after ${sdkDownloadMsMax / 1000} s`;
    const downloaded = await longStep("Downloading Temporal's CLI", limit, () => sdkDownload(partial)).then(
      () => true,
      () => false,
    );
    await rm(join(partial, 'download'), { recursive: true, force: true });
    if (downloaded) return;
    say('  not reachable from here.');
    await goBuild(partial).catch((cause: unknown) => {
      if (cause instanceof MissingTools) throw cause;
      throw new Error('Temporal could be neither downloaded nor built.', { cause });
    });
  });
  return join(dir, 'temporal');
}

/**
 * A worker that is frozen or cut off keeps its polls open, and Temporal hands it task after task, each of which then times out. It is asked
 * for a sign of life every 2 s (60 by default) and its connections are closed after 3 more (docs/decisions/killed-workers.md).
 */
const noTasksForTheFrozen = { 'frontend.keepAliveTime': '"2s"', 'frontend.keepAliveTimeout': '"3s"' };

/**
 * The queue in which a lane's next workflow task or activity waits for being handed out is read 20 times a second at the most by default,
 * in each shard, and this server has one: each step of a busy lane waited for 40 ms (docs/decisions/cheap-cycles.md).
 */
const nextStepAtOnce = { 'history.transferProcessorMaxPollRPS': '200' };

/**
 * What has been handed out stays in the queue's memory until the server notes how far it is, every half minute by default, and each of those reads goes
 * through all of it. A workflow or run that was deleted is gone only then, too (docs/decisions/cheap-cycles.md).
 */
const handedOutIsForgotten = {
  'history.transferProcessorUpdateAckInterval': '"1s"',
  'history.timerProcessorUpdateAckInterval': '"1s"',
  'history.visibilityProcessorUpdateAckInterval': '"1s"',
};

const settings = { ...noTasksForTheFrozen, ...nextStepAtOnce, ...handedOutIsForgotten };

const startArguments = (ports: { grpc: number; ui: number | undefined }, options: TemporalOptions): string[] => [
  ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(ports.grpc), '--log-level', 'warn'],
  ...(ports.ui === undefined ? ['--headless'] : ['--ui-port', String(ports.ui)]),
  ...(options.uiCodecEndpoint === undefined ? [] : ['--ui-codec-endpoint', options.uiCodecEndpoint]),
  ...(options.dbFile === undefined ? [] : ['--db-filename', options.dbFile]),
  // A file that survives a killed process, at the speed of memory; a power cut may cost the last moments.
  ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL'],
  ...Object.entries({ ...settings, ...options.dynamicConfig }).flatMap(([name, value]) => [
    '--dynamic-config-value',
    `${name}=${value}`,
  ]),
  ...Object.entries(searchAttributeTypes).flatMap(([name, type]) => ['--search-attribute', `${name}=${type}`]),
];

async function foreignTemporal(address: string): Promise<TemporalServer> {
  const namespace = process.env.TEMPORAL_NAMESPACE || 'default';
  await prepareNamespace({ address, namespace });
  say(`Temporal: using ${address} (TEMPORAL_ADDRESS).`);
  return { ...foreignServer('Temporal'), address, namespace, uiUrl: process.env.TEMPORAL_UI_URL };
}

async function answers(address: string, namespace: string): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: '2 seconds' });
  try {
    await connection.workflowService.describeNamespace({ namespace });
  } finally {
    await connection.close();
  }
}

/** A Temporal of our own, whatever `TEMPORAL_ADDRESS` says; returns when the namespace answers. */
export async function startOwnTemporal(options: TemporalOptions): Promise<TemporalServer> {
  const command = options.cli ?? (await temporalCli());
  const grpc = options.port === undefined ? await freePort() : await portOr(options.port, 'Temporal');
  const ui = options.uiPort === undefined ? undefined : await portOr(options.uiPort, "Temporal's UI");
  if (options.dbFile !== undefined) await mkdir(dirname(options.dbFile), { recursive: true });
  const address = `127.0.0.1:${grpc}`;
  const namespace = 'default';
  const server = await startServer({
    name: 'Temporal',
    command,
    args: startArguments({ grpc, ui }, options),
    cwd: tmpdir(),
    env: options.env ?? {},
    logFile: join(options.logDir, 'temporal.log'),
    ready: () => answers(address, namespace),
  });
  // No search attributes here: `start-dev` has registered them from its arguments.
  await prepareNamespace({ address, namespace, retentionDays: 30, searchAttributes: false });
  const uiUrl = ui === undefined ? undefined : `http://127.0.0.1:${ui}`;
  return Object.assign(server, { address, namespace, uiUrl });
}

/** The Temporal at `TEMPORAL_ADDRESS`, or one of our own. */
export function startTemporal(options: TemporalOptions): Promise<TemporalServer> {
  const given = process.env.TEMPORAL_ADDRESS;
  return given ? foreignTemporal(given) : startOwnTemporal(options);
}

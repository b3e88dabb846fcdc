import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export type ProcessSpec = {
  /** For people: `Kafka`, `the worker`. */
  name: string;
  command: string;
  args: string[];
  env?: Record<string, string | undefined>;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** Its stdout and stderr are appended here. */
  logFile: string;
  /** What asks it to stop in good order. */
  stopSignal?: NodeJS.Signals;
  /** After this long without an end it is killed. */
  stopWithinMs?: number;
};

export type Exit = { code: number | null; signal: NodeJS.Signals | null };

export type Running = {
  pid: number;
  exited: Promise<Exit>;
  /** Asks it to stop, kills it when it does not, and returns once it is gone. */
  stop(): Promise<void>;
  /** SIGKILL, to the process and all in its group. */
  kill(): Promise<void>;
};

let watchdog: Writable | undefined;

/** The process that ends our children when we can't any more; started with the first child. */
function tellWatchdog(line: string): void {
  if (!watchdog) {
    const script = fileURLToPath(new URL('./watchdog.mjs', import.meta.url));
    const child = spawn(process.execPath, [script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    child.unref();
    watchdog = child.stdin;
    // A pipe to a child is a socket in Node and holds the event loop unless told otherwise.
    if ('unref' in child.stdin) (child.stdin as unknown as { unref(): void }).unref();
    child.stdin.on('error', () => {}); // It is a second net; without it we still stop our children ourselves.
  }
  watchdog.write(`${line}\n`);
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function spawned(child: ChildProcess, spec: ProcessSpec): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(new Error(`${spec.name} can't be started (${spec.command}).`, { cause })));
    child.once('spawn', () => resolve(child.pid as number));
  });
}

/**
 * Starts a process in a group of its own, so that Ctrl-C in the terminal reaches us alone and we stop it in order; it does
 * not outlive us, even when we are killed.
 */
export async function startProcess(spec: ProcessSpec): Promise<Running> {
  await mkdir(dirname(spec.logFile), { recursive: true });
  const log = await open(spec.logFile, 'a');
  const { command, args, cwd, uid, gid, stopSignal = 'SIGTERM', stopWithinMs = 10_000 } = spec;
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: { ...process.env, ...spec.env },
    ...(cwd === undefined ? {} : { cwd }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const pid = await spawned(child, spec).finally(() => log.close());
  tellWatchdog(`+ ${pid} ${stopSignal}`);
  void exited.then(() => tellWatchdog(`- ${pid}`));
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  const kill = async () => {
    if (!isOver()) signalGroup(pid, 'SIGKILL');
    await exited;
  };
  const stop = async () => {
    if (isOver()) return;
    child.kill(stopSignal); // To the process alone: it may have helpers that it wants to stop itself.
    const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), stopWithinMs);
    await exited;
    clearTimeout(timer);
    signalGroup(pid, 'SIGKILL'); // Helpers it left behind.
  };
  return { pid, exited, stop, kill };
}

/** The end of a log, for an error message. */
export async function logTail(logFile: string, lines = 12): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

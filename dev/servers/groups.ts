import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export type Exit = { code: number | null; signal: NodeJS.Signals | null };

/** A process that leads a group of its own, with all that it starts in turn. */
export type Group = {
  pid: number;
  child: ChildProcess;
  exited: Promise<Exit>;
  /** Asks it to stop, kills what does not, and returns once it is gone. */
  stop(): Promise<void>;
  /** SIGKILL, to the process and all in its group. */
  kill(): Promise<void>;
};

export type GroupSpec = {
  /** For people: `Kafka`, `the worker`. */
  name: string;
  command: string;
  args: readonly string[];
  options: SpawnOptions;
  /** What asks it to stop in good order. */
  stopSignal?: NodeJS.Signals;
  /** After this long without an end it is killed. */
  stopWithinMs?: number;
};

const live = new Map<number, Group & { stopSignal: NodeJS.Signals }>();
let isEnding = false;

/** A watchdog that was killed is replaced after this long, not at once: it might never live. */
const watchdogAgainMs = 1_000;
const lockAnswerMsMax = 10_000;

type Watchdog = { stdin: Writable; stdout: Readable };
let watchdog: Watchdog | undefined;
let lockName: string | undefined;

/** The process that ends our groups when we can't any more. */
function theWatchdog(): Watchdog {
  if (watchdog) return watchdog;
  const script = fileURLToPath(new URL('./watchdog.mjs', import.meta.url));
  const child = spawn(process.execPath, [script], { detached: true, stdio: ['pipe', 'pipe', 'ignore'] });
  const begun: Watchdog = { stdin: child.stdin, stdout: child.stdout };
  watchdog = begun;
  child.once('exit', () => {
    watchdog = undefined;
    setTimeout(tellAll, watchdogAgainMs).unref();
  });
  child.on('error', () => {}); // It is a second net; without it we still stop our children ourselves.
  child.stdin.on('error', () => {});
  child.unref();
  for (const pipe of [child.stdin, child.stdout]) {
    if (pipe instanceof Socket) pipe.unref(); // It would hold the event loop.
  }
  return begun;
}

const tell = (line: string): void => void theWatchdog().stdin.write(`${line}\n`);

function tellAll(): void {
  for (const { pid, stopSignal } of live.values()) tell(`+ ${pid} ${stopSignal}`);
  if (lockName !== undefined) tell(`lock ${lockName}`);
}

/**
 * Has the watchdog hold a lock for as long as we or anything that we started lives. The answer is its own: `held`, `running`
 * or `ending` (of another process that holds it, or whose groups are being ended).
 */
export async function lockUntilAllEnded(name: string): Promise<string> {
  const { stdout } = theWatchdog();
  let timer: NodeJS.Timeout | undefined;
  const answer = new Promise<string>((resolve, reject) => {
    stdout.once('data', (data) => resolve(String(data).trim()));
    timer = setTimeout(
      () => reject(new Error(`No answer from watchdog.mjs in ${lockAnswerMsMax} ms.`)),
      lockAnswerMsMax,
    );
  });
  tell(`lock ${name}`);
  const said = await answer.finally(() => clearTimeout(timer));
  if (said === 'held') lockName = name;
  return said;
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // Gone already is what we want.
  }
}

function spawned(child: ChildProcess, { name, command }: GroupSpec): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(new Error(`${name} can't be started (${command}).`, { cause })));
    child.once('spawn', () => resolve(child.pid as number)); // After "spawn" there is a pid.
  });
}

/**
 * Starts a process in a group of its own, so that Ctrl-C in the terminal reaches us alone and we stop it in order. It does
 * not outlive us, even when we are killed.
 */
export async function startGroup(spec: GroupSpec): Promise<Group> {
  if (isEnding) throw new Error(`${spec.name} is not started: everything is being stopped.`);
  const { command, args, options, stopSignal = 'SIGTERM', stopWithinMs = 10_000 } = spec;
  const child = spawn(command, args, { ...options, detached: true });
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const pid = await spawned(child, spec);
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  const kill = async () => {
    if (!isOver()) send(-pid, 'SIGKILL');
    await exited;
  };
  const stop = async () => {
    if (isOver()) return;
    send(pid, stopSignal); // To the process alone: it may have helpers that it wants to stop itself.
    const timer = setTimeout(() => send(-pid, 'SIGKILL'), stopWithinMs);
    await exited;
    clearTimeout(timer);
    send(-pid, 'SIGKILL'); // Helpers it left behind.
  };
  const group = { pid, child, exited, stop, kill, stopSignal };
  live.set(pid, group);
  tell(`+ ${pid} ${stopSignal}`);
  void exited.then(() => {
    live.delete(pid);
    tell(`- ${pid}`);
  });
  return group;
}

/** Whether everything is being stopped, so that nothing need be started again. */
export const areGroupsEnding = (): boolean => isEnding;

/**
 * Stops every group that lives, the newest first, for it stands on the older ones, and lets no other be started: for the end
 * of this process.
 */
export async function endAllGroups(): Promise<void> {
  isEnding = true;
  for (const group of [...live.values()].reverse()) await group.stop();
}

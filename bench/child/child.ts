import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { workerFlags } from '../../dev/programs.ts';

/** What a process of the bench can be asked: one argument in, a promise out. */
export type Methods = Record<string, (argument: never) => Promise<unknown>>;

export type Call = { id: number; method: string; argument: unknown };
export type Reply = { id: number; result?: unknown; error?: string };

export type Child<M extends Methods> = {
  readonly pid: number;
  call<K extends keyof M & string>(method: K, argument: Parameters<M[K]>[0]): ReturnType<M[K]>;
  /** Returns once it is gone. */
  stop(): Promise<void>;
};

type Open = { resolve: (result: unknown) => void; reject: (error: Error) => void };

const root = fileURLToPath(new URL('../..', import.meta.url));
const running = new Set<() => Promise<void>>();

/** Ends every process of the bench that still runs. */
export const stopChildren = async (): Promise<void> => {
  await Promise.all([...running].map((stop) => stop()));
};

/** A process that was told to end is killed after this long, in ms. */
const endWithinMs = 10_000;

/** Starts one process of the bench; it ends with us, for its channel closes. `profile`: a folder for its CPU profile. */
export function startChild<M extends Methods>(script: string, profile?: string): Child<M> {
  const child = fork(fileURLToPath(new URL(script, new URL('../', import.meta.url))), [], {
    cwd: root,
    execArgv: [...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]), ...workerFlags],
    serialization: 'advanced', // Typed arrays go as they are.
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const open = new Map<number, Open>();
  const exited = once(child, 'exit');
  let calls = 0;
  child.on('message', ({ id, result, error }: Reply) => {
    const call = open.get(id);
    open.delete(id);
    if (error === undefined) call?.resolve(result);
    else call?.reject(new Error(`${script}: ${error}`));
  });
  const failAll = (why: string) => {
    for (const { reject } of open.values()) reject(new Error(`${script} ${why}`));
    open.clear();
  };
  child.on('error', (error) => failAll(`failed: ${error.message}`));
  child.on('exit', (code, signal) => failAll(`ended with ${signal ?? `code ${code}`}`));
  const stop = async () => {
    running.delete(stop);
    if (child.exitCode !== null || child.signalCode !== null) return;
    if (child.connected) child.disconnect();
    const timer = setTimeout(() => child.kill('SIGKILL'), endWithinMs);
    await exited;
    clearTimeout(timer);
  };
  running.add(stop);
  return {
    pid: child.pid ?? 0,
    call: (method, argument) => {
      const id = calls++;
      const answer = new Promise<unknown>((resolve, reject) => open.set(id, { resolve, reject }));
      const call: Call = { id, method, argument };
      if (child.connected) child.send(call);
      else failAll('has ended');
      // The other side serves the same methods: see serve().
      return answer as ReturnType<M[typeof method]>;
    },
    stop,
  };
}

import type { Exit, Group } from './groups.ts';
import { logTail, type ProcessSpec, startProcess } from './process.ts';
import { until } from './until.ts';

/** A server that was started, or one that was there already and is only used. */
export type Server = {
  /** Undefined where the server is not ours, or is down. */
  readonly pid: number | undefined;
  /** In good order. Nothing happens where the server is not ours. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data, stopping it first where it runs. */
  restart(): Promise<void>;
  /** Calls back when it ends without being asked to; one listener, the last one given. */
  onDeath(listener: (how: string) => void): void;
};

export type ServerSpec = ProcessSpec & {
  /** Resolves when the protocol answered; a throw is "not yet". */
  ready: (pid: number) => Promise<unknown>;
  readyWithinMs?: number;
};

const howItEnded = ({ code, signal }: Exit): string => signal ?? `code ${code}`;

/** Returns when the protocol answers; throws, with the end of the log, when the process ends first or time is over. */
async function untilReady(spec: ServerSpec, group: Group): Promise<void> {
  const over = new AbortController();
  const died = group.exited.then((exit) => {
    over.abort();
    return `it ended with ${howItEnded(exit)}`;
  });
  const probe = async () => {
    await spec.ready(group.pid);
    return true;
  };
  const timeoutMs = spec.readyWithinMs ?? 60_000;
  const ready = until(spec.name, probe, Boolean, { timeoutMs, signal: over.signal }).then(
    () => undefined,
    (error: Error) => (over.signal.aborted ? died : error.message),
  );
  const problem = await Promise.race([ready, died]);
  if (problem === undefined) return;
  await group.kill();
  // What happened is in the first line, so that who has seen the log's end need not see it again.
  throw new Error(`${spec.name} did not start: ${problem} (log: ${spec.logFile})\n${await logTail(spec.logFile)}`);
}

/** A server that is not started yet: `restart` starts it. */
export function stoppedServer(spec: ServerSpec): Server {
  let group: Group | undefined; // While it starts, too: a stop ends it then.
  let died: (how: string) => void = () => {};
  const end = async (how: 'stop' | 'kill') => {
    const ended = group;
    group = undefined;
    await ended?.[how]();
  };
  const begin = async () => {
    const begun = await startProcess(spec);
    group = begun;
    await untilReady(spec, begun).catch((error: unknown) => {
      if (group === begun) group = undefined;
      throw error;
    });
    void begun.exited.then((exit) => {
      if (group !== begun) return; // We asked it to.
      group = undefined;
      died(howItEnded(exit));
    });
  };
  return {
    get pid() {
      return group?.pid;
    },
    stop: () => end('stop'),
    kill: () => end('kill'),
    restart: async () => {
      await end('stop');
      await begin();
    },
    onDeath: (listener) => {
      died = listener;
    },
  };
}

/** Starts a server and returns when its protocol answers. */
export async function startServer(spec: ServerSpec): Promise<Server> {
  const server = stoppedServer(spec);
  await server.restart();
  return server;
}

/** A server that somebody else runs: used, never stopped. */
export function foreignServer(name: string): Server {
  const refuse = async () => {
    throw new Error(`${name} was given by an address; it is not ours to stop and start.`);
  };
  return { pid: undefined, stop: async () => {}, kill: refuse, restart: refuse, onDeath: () => {} };
}

import { setTimeout as sleep } from 'node:timers/promises';
import { areGroupsEnding } from '../servers/groups.ts';
import { say } from '../servers/progress.ts';
import type { Server } from '../servers/server.ts';

const backoffMsMin = 500;
const backoffMsMax = 30_000;
/** What lived this long is started again soon when it dies. */
const healthyAfterMs = 60_000;

/** Keeps a server running: when it dies it is started again, sooner at first and later when it keeps dying. */
export function supervise(name: string, server: Server): { stop(): Promise<void> } {
  const stopping = new AbortController();
  let restarting: Promise<void> = Promise.resolve();
  let backoffMs = backoffMsMin;
  let startedAt = performance.now();

  const startAgain = async (how: string) => {
    if (performance.now() - startedAt > healthyAfterMs) backoffMs = backoffMsMin;
    let reason = `${name} ended (${how})`;
    while (!stopping.signal.aborted) {
      say(`${reason}; starting it again in ${backoffMs / 1000} s.`);
      await sleep(backoffMs, undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) return;
      backoffMs = Math.min(backoffMs * 2, backoffMsMax);
      startedAt = performance.now();
      const problem = await server.restart().then(
        () => undefined,
        (error: Error) => error.message.split('\n', 1)[0] ?? '',
      );
      if (problem === undefined) return say(`${name} is up again.`);
      reason = problem;
    }
  };
  server.onDeath((how) => {
    if (!stopping.signal.aborted && !areGroupsEnding()) restarting = startAgain(how);
  });
  return {
    stop: async () => {
      stopping.abort();
      await server.stop(); // Also while it is being started again: that fails then, and is over.
      await restarting;
      await server.stop();
    },
  };
}

import { Worker } from 'node:worker_threads';

/** Of no thread's own: two threads' `performance.now()` begin at different moments. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

export type MachinePauses = {
  /** Ends the watch. */
  stop(): Promise<void>;
  /** Ms of pauses between two moments of `monotonicMs`. */
  between(fromMs: number, toMs: number): number;
};

type Pause = { fromMs: number; toMs: number };

/** What the thread runs: a timer every 20 ms that notes when it came more than 20 ms late. */
const watch = `
  const { parentPort } = require('node:worker_threads');
  const everyMs = 20;
  const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
  let dueAtMs = nowMs() + everyMs;
  setInterval(() => {
    const atMs = nowMs();
    if (atMs > dueAtMs + everyMs) parentPort.postMessage({ fromMs: dueAtMs, toMs: atMs });
    dueAtMs = atMs + everyMs;
  }, everyMs);
  parentPort.once('message', () => process.exit());
  parentPort.postMessage('ready');
`;

/**
 * Notes when a thread that does nothing else was not run though its timer was due: the machine stood still, or had no time for it.
 * What the test itself is busy with does not count, nor what the stack makes anyone wait for.
 */
export async function watchMachinePauses(): Promise<MachinePauses> {
  const pauses: Pause[] = [];
  const thread = new Worker(watch, { eval: true });
  await new Promise<void>((resolve, reject) => {
    thread.once('error', reject);
    thread.on('message', (told: Pause | 'ready') => (told === 'ready' ? resolve() : pauses.push(told)));
  });
  const exited = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
  return {
    stop: async () => {
      thread.postMessage('stop');
      await exited;
    },
    between: (fromMs, toMs) =>
      pauses.reduce((sum, one) => sum + Math.max(0, Math.min(toMs, one.toMs) - Math.max(fromMs, one.fromMs)), 0),
  };
}

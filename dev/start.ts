/** `npm start`: the whole road on this machine, from real servers to an event read back from Kafka. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MissingTools } from './servers/install.ts';
import { say } from './servers/progress.ts';
import { deliverExample } from './stack/example.ts';
import { takeLock } from './stack/lock.ts';
import { type Stack, stackDir, stackFile, startStack } from './stack/stack.ts';
import { summary } from './stack/summary.ts';

/** Resolves at the first request to stop: Ctrl-C, a signal, or the end of the process that started us. */
function stopRequested(): Promise<string> {
  return new Promise((resolve) => {
    // `on`, not `once`: Ctrl-C arrives from the terminal and, forwarded, from bootstrap.mjs.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, resolve);
    process.on('disconnect', () => resolve('the end of its parent'));
  });
}

async function bringUp(): Promise<Stack> {
  const startedAt = performance.now();
  const stack = await startStack();
  try {
    say('Delivering the example event …');
    const { receipt, record } = await deliverExample(stack.addresses);
    console.log(summary(stack.addresses, receipt, record));
    say(`Up in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`);
    return stack;
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

async function main(): Promise<number> {
  const stop = stopRequested();
  await mkdir(stackDir, { recursive: true });
  const lock = await takeLock(join(stackDir, 'start.lock'));
  if (!lock) {
    say(`Causeway is already running from this folder; ${stackFile} has its addresses. Stop it first (Ctrl-C there).`);
    return 1;
  }
  try {
    const up = bringUp();
    const first = await Promise.race([up.then(() => undefined), stop]);
    const reason = first ?? (await stop);
    say(`\nStopping (${reason}) …`);
    // Asked to stop while starting: what is being started ends with us, by the watchdog.
    if (first === undefined) await up.then((stack) => stack.stop());
    say('Stopped. The data is kept in .causeway/.');
    return 0;
  } finally {
    await lock.release();
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const isPlain = error instanceof MissingTools || !(error instanceof Error);
    say(
      isPlain ? String(error instanceof Error ? error.message : error) : `Causeway could not start: ${error.message}`,
    );
    process.exit(1);
  },
);

/** `npm start`: the whole road on this machine, from real servers to an event read back from Kafka. */
import { mkdir } from 'node:fs/promises';
import { endAllGroups } from './servers/groups.ts';
import { MissingTools } from './servers/install.ts';
import { say } from './servers/progress.ts';
import { removeStackFile, stackDir } from './stack/addresses.ts';
import { deliverExample } from './stack/example.ts';
import { takeLock } from './stack/lock.ts';
import { type Stack, startStack } from './stack/stack.ts';
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
    console.log(summary(stack.addresses, await deliverExample(stack.addresses)));
    say(`Up in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`);
    return stack;
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

async function main(): Promise<void> {
  // The terminal may be gone before we have stopped: no reason to stop less well.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const stop = stopRequested();
  await mkdir(stackDir, { recursive: true });
  if (!(await takeLock(stackDir))) {
    throw new Error(
      'it is running from this folder already. Its terminal and .causeway/stack.json have the addresses.',
    );
  }
  const up = bringUp();
  const early = await Promise.race([up.then(() => undefined), stop]);
  say(`\nStopping (${early ?? (await stop)}) …`);
  if (early === undefined) await (await up).stop();
  else await abandon(up);
  say('Stopped. The data is kept in .causeway/.');
}

/** Stops in the middle of a start: what it has started is ended, and it can start nothing more. */
async function abandon(up: Promise<Stack>): Promise<void> {
  up.catch(() => {}); // It fails, because we end what it waits for.
  await endAllGroups();
  await removeStackFile();
}

/** The message of an error and of what caused it, a line each. */
function reasons(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}\n${reasons(error.cause)}`;
}

main().then(
  () => process.exit(0),
  async (error: unknown) => {
    say(error instanceof MissingTools ? error.message : `Causeway could not start: ${reasons(error)}`);
    await endAllGroups();
    process.exit(1);
  },
);

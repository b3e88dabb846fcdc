/** A lane that got thousands of signals in its runs, and is reset to its beginning: Temporal gives the new run all of them at once. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { runSizesOf } from '../../dev/laneRuns.ts';
import { run } from '../../dev/servers/install.ts';
import { say } from '../../dev/servers/progress.ts';
import { temporalCli } from '../../dev/servers/temporal.ts';
import { until } from '../../dev/servers/until.ts';
import { laneWorkflowId } from '../../domain/lane.ts';
import { firstSeen } from '../../test/harness/order.ts';
import { tasksOf } from './noWorker.ts';
import { event, newTarget, type OutageStack, type Target } from './outageStack.ts';

const key = 'order-0';
const resetTimeoutMs = 5 * 60_000;
const patience = { timeoutMs: 15 * 60_000, everyMs: 500 };
/** The first workflow task's end, where a lane begins with one signal: started, signalled, task scheduled, started, completed. */
const firstTaskEnd = 5;

const secondsSince = (ms: number): number => Math.round((performance.now() - ms) / 100) / 10;

/** Sends the n-th event until it is accepted; how often it was refused. Its text can't be compressed: Temporal stores its length. */
async function post({ api }: OutageStack, target: Target, n: number, textLength: number): Promise<number> {
  const text = randomBytes(textLength).toString('base64').slice(0, textLength);
  const one = { ...event(target, key, n, 0), payload: { key, text } };
  for (let refused = 0; ; refused++) {
    if ((await api.post(one)).status === 202) return refused;
    await sleep(500);
  }
}

/** Resets the lane's oldest run to its first workflow task, as an operator would. */
async function reset({ client, temporalAddress }: OutageStack, workflowId: string): Promise<void> {
  const oldest = (await runSizesOf(client, workflowId)).at(-1)?.runId ?? '';
  const to = ['--workflow-id', workflowId, '--run-id', oldest, '--event-id', String(firstTaskEnd)];
  const where = ['--address', temporalAddress, '--namespace', client.options.namespace];
  const args = ['workflow', 'reset', ...to, '--reason', 'to see what becomes of it', ...where];
  const startedMs = performance.now();
  try {
    await run(await temporalCli(), args, { timeoutMs: resetTimeoutMs });
  } catch (error) {
    say(`The reset failed after ${secondsSince(startedMs)} s: ${String(error)}`);
  }
  const { historyLength, historySize } = await client.workflow.getHandle(workflowId).describe();
  say(`The reset took ${secondsSince(startedMs)} s; then its run has ${historyLength} events, ${historySize} bytes.`);
}

/** @param textLength of each event, which is a signal of its own. */
export async function resetSignals(stack: OutageStack, signals: number, textLength: number): Promise<void> {
  const { client, kafka } = stack;
  await stack.worker.restart();
  const target = await newTarget(stack);
  const workflowId = laneWorkflowId(target.id, key);
  const records = await kafka.reading(target.topic);
  const there = (): number => records.length;
  const postedMs = performance.now();
  for (let n = 0; n < signals; n++) await post(stack, target, n, textLength);
  await until('all records', there, (count) => count >= signals, patience);
  const { length } = await runSizesOf(client, workflowId);
  say(`${signals} events delivered after ${secondsSince(postedMs)} s, over ${length} runs.`);

  const resetMs = performance.now();
  await reset(stack, workflowId);
  const refused = await post(stack, target, signals, textLength);
  say(
    `One event more was accepted ${secondsSince(resetMs)} s after the reset was asked for, refused ${refused} times.`,
  );
  await until('the last record', there, (count) => count > signals, patience);
  say(`It was delivered ${secondsSince(resetMs)} s after it; ${records.length} records for ${signals + 1} events.`);
  const wanted = Array.from({ length: signals + 1 }, (_, n) => `${key}#${n}`);
  say(`In the order of acceptance: ${String(firstSeen(records, key)) === String(wanted)}.`);
  const { runs, ends, ...tasks } = await tasksOf(client, workflowId);
  say(`The new chain has ${runs} runs and these workflow tasks: ${JSON.stringify(tasks)}; ${[...new Set(ends)]}.`);
}

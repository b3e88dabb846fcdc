/** Lanes that pile up signals while no worker runs: what a worker takes for them when it comes. */
import type { Client } from '@temporalio/client';
import { say } from '../../dev/servers/progress.ts';
import { until } from '../../dev/servers/until.ts';
import { laneWorkflowId } from '../../domain/lane.ts';
import { firstSeen } from '../../test/harness/order.ts';
import { event, keysUpTo, newTarget, type OutageStack, type Target } from './outageStack.ts';

const textLength = 20;
const secondsSince = (ms: number): number => Math.round((performance.now() - ms) / 100) / 10;

/** One event a POST, and the next one after its 202: each is a signal of its own. Ends early where the lane takes no more. */
async function fill({ api }: OutageStack, target: Target, key: string, signals: number): Promise<string[]> {
  const accepted: string[] = [];
  for (let n = 0; n < signals; n++) {
    const sent = event(target, key, n, textLength);
    const { status } = await api.post(sent);
    if (status === 503) return accepted;
    if (status !== 202) throw new Error(`POST /v1/events answered ${status}.`);
    accepted.push(sent.idempotencyKey);
  }
  return accepted;
}

/** What became of a lane's workflow tasks, in all its runs. */
type Tasks = { runs: number; longestMs: number; done: number; timedOut: number; failed: number; ends: string[] };

const msOf = (time: { seconds?: unknown; nanos?: number | null } | null | undefined): number =>
  Number(time?.seconds ?? 0) * 1_000 + (time?.nanos ?? 0) / 1e6;

export async function tasksOf(client: Client, workflowId: string): Promise<Tasks> {
  const tasks: Tasks = { runs: 0, longestMs: 0, done: 0, timedOut: 0, failed: 0, ends: [] };
  let runId = (await client.workflow.getHandle(workflowId).describe()).runId;
  while (runId) {
    const handle = client.workflow.getHandle(workflowId, runId);
    tasks.ends.push((await handle.describe()).status.name);
    const { events } = await handle.fetchHistory();
    let startedMs = 0;
    for (const one of events ?? []) {
      if (one.workflowTaskStartedEventAttributes) startedMs = msOf(one.eventTime);
      const isDone = Boolean(one.workflowTaskCompletedEventAttributes);
      if (isDone) tasks.longestMs = Math.max(tasks.longestMs, msOf(one.eventTime) - startedMs);
      if (isDone) tasks.done++;
      if (one.workflowTaskTimedOutEventAttributes) tasks.timedOut++;
      if (one.workflowTaskFailedEventAttributes) tasks.failed++;
    }
    tasks.runs++;
    runId = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? '';
  }
  return tasks;
}

/** Fills so many lanes with so many signals each, starts a worker, and says what it took. */
export async function noWorker(stack: OutageStack, lanes: number, signals: number): Promise<void> {
  const target = await newTarget(stack);
  const keys = keysUpTo(lanes);
  const postedMs = performance.now();
  const accepted = await Promise.all(keys.map((key) => fill(stack, target, key, signals)));
  const total = accepted.reduce((sum, own) => sum + own.length, 0);
  const ids = keys.map((key) => laneWorkflowId(target.id, key));
  const before = await Promise.all(ids.map((id) => stack.client.workflow.getHandle(id).describe()));
  const bytes = Math.max(...before.map(({ historySize = 0 }) => historySize));
  say(
    `${total} events accepted after ${secondsSince(postedMs)} s, ${accepted.map(({ length }) => length)} in each lane.`,
  );
  say(
    `The largest history of a lane has ${Math.max(...before.map(({ historyLength }) => historyLength))} events, ${bytes} bytes.`,
  );

  await stack.worker.restart();
  const startedMs = performance.now();
  let firstS: number | undefined;
  const records = await until(
    'all records',
    () => stack.kafka.records(target.topic),
    ({ length }) => {
      if (length > 0) firstS ??= secondsSince(startedMs);
      return length >= total;
    },
    { timeoutMs: 600_000, everyMs: 200 },
  );
  say(
    `The first record was there ${firstS} s after the worker, the last after ${secondsSince(startedMs)} s; ${records.length} records.`,
  );
  const wrong = keys.filter((key, at) => String(firstSeen(records, key)) !== String(accepted[at]));
  say(`Lanes that lack one or have one out of order: ${wrong.length}.`);

  const tasks = await Promise.all(ids.map((id) => tasksOf(stack.client, id)));
  const sum = (what: 'runs' | 'done' | 'timedOut' | 'failed'): number => tasks.reduce((all, one) => all + one[what], 0);
  say(
    `Workflow tasks: ${sum('done')} done, the longest in ${Math.max(...tasks.map(({ longestMs }) => longestMs))} ms; ${sum('timedOut')} timed out, ${sum('failed')} failed; ${sum('runs')} runs, which are ${[...new Set(tasks.flatMap(({ ends }) => ends))]}.`,
  );
}

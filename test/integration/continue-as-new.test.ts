import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { expect, test } from 'vitest';
import { startCauseway, until } from '../harness/causeway.ts';
import { testTemporal } from '../harness/temporal.ts';

const minutes = 60_000;
const eventsPerSecond = 100;
const lastsMs = 2 * minutes;
/** A cycle of the lane is some ten history events, so a run lasts a few seconds. */
const historyEventsMax = 200;
const runsMin = 20;
const postMsMax = 1_000;

type Sent = { n: number; status: number; sentAtMs: number; answeredAtMs: number };

/** Sends one POST after another by the clock, whether the ones before were answered or not. */
async function sendByTheClock(post: (n: number) => Promise<number>): Promise<Sent[]> {
  const sent: Promise<Sent>[] = [];
  const startedAtMs = performance.now();
  for (let n = 0; n < (lastsMs / 1000) * eventsPerSecond; n++) {
    const dueInMs = startedAtMs + (n * 1000) / eventsPerSecond - performance.now();
    if (dueInMs > 0) await sleep(dueInMs);
    const sentAtMs = performance.now();
    // 0 where there was no answer at all.
    const answered = post(n).catch(() => 0);
    sent.push(answered.then((status) => ({ n, status, sentAtMs, answeredAtMs: performance.now() })));
  }
  return Promise.all(sent);
}

/** Events that stand behind one that was sent only after they had their 202. (POSTs that overlap have no order.) */
function swapped(order: readonly number[], sent: readonly Sent[]): number[] {
  let sentLastAtMs = 0;
  return order.filter((n) => {
    const { sentAtMs = 0, answeredAtMs = 0 } = sent[n] ?? {};
    const isSwapped = answeredAtMs < sentLastAtMs;
    sentLastAtMs = Math.max(sentLastAtMs, sentAtMs);
    return isSwapped;
  });
}

async function runsOf(client: Client, workflowId: string): Promise<number> {
  const { count } = await client.workflow.count(`WorkflowId="${workflowId}"`);
  return count;
}

const percentile = (sorted: readonly number[], share: number): number =>
  Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN);

test('a lane under 100 events a second for two minutes loses, doubles and reorders nothing, and no POST waits a second', {
  timeout: 5 * minutes,
}, async () => {
  const causeway = await startCauseway({ apiEnv: { CAUSEWAY_LANE_HISTORY_EVENTS_MAX: String(historyEventsMax) } });
  const temporal = await testTemporal(causeway);
  const { id, customerExternalId, topic } = await causeway.createDestination();
  const post = async (n: number): Promise<number> => {
    const event = { eventType: 'e', customerExternalId, idempotencyKey: String(n), payload: { n } };
    return (await causeway.api.post(event)).status;
  };

  const sent = await sendByTheClock(post);

  expect(sent.filter(({ status }) => status !== 202)).toEqual([]);
  const records = await until(
    'all records',
    () => causeway.kafka.records(topic),
    (seen) => seen.length >= sent.length,
    minutes,
  );
  const order = records.map(({ headers }) => Number(headers.idempotency_key));
  expect(order.toSorted((a, b) => a - b)).toEqual(sent.map(({ n }) => n));
  expect(swapped(order, sent)).toEqual([]);
  const runs = await runsOf(temporal.client, `delivery:${id}:${customerExternalId}`);
  expect(runs).toBeGreaterThan(runsMin);

  const postMs = sent.map(({ sentAtMs, answeredAtMs }) => answeredAtMs - sentAtMs).sort((a, b) => a - b);
  const [p50, p99, worst] = [0.5, 0.99, 1].map((share) => percentile(postMs, share));
  console.log(`${sent.length} POSTs over ${runs} runs of the lane: p50 ${p50} ms, p99 ${p99} ms, worst ${worst} ms`);
  expect(worst).toBeLessThan(postMsMax);
  await temporal.stop();
  await causeway.stop();
});

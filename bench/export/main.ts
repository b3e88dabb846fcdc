/**
 * `node --import tsx bench/export/main.ts [events [rounds]]`: what the export of outcomes costs in processor time, on a stack of its own.
 * The same loads with it and without, in turns, in one run.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureTopic, kafkaClient } from '../../dev/servers/kafka.ts';
import { say } from '../../dev/servers/progress.ts';
import type { Server } from '../../dev/servers/server.ts';
import { until } from '../../dev/servers/until.ts';
import { startCpuMeter } from '../cpu/cpuMeter.ts';
import { type OutageStack, withOutageStack } from '../outage/outageStack.ts';
import { countsIn, runToEnd } from '../program.ts';

const usage = `Usage: node --import tsx bench/export/main.ts [events [rounds]]

  Delivers so many events (20,000) over one lane in batches, and a fiftieth of them one at a time to a lane each, so often (2) with the
  outcomes exported and so often without, and says how much processor time all processes took for an event. Ends by itself.`;

const operators = 'acct_operators';
const outcomes = 'outcomes';
const text = 'x'.repeat(400);
const patience = { timeoutMs: 10 * 60_000, everyMs: 200 };

/** What is sent: `eventsPerPost` in each of `atOnce` POSTs, over one lane or a new one for each event. */
type Load = { name: string; events: number; eventsPerPost: number; atOnce: number; lanes: 1 | 'key' };
type Ground = { stack: OutageStack; offsetsOf(topic: string): Promise<number>; destinations: number };

async function destination({ stack }: Ground, more: Record<string, unknown>): Promise<void> {
  const { status, text: answer } = await stack.api.request('POST', '/v1/destinations', {
    ...{ type: 'KAFKA', name: 'export', brokers: stack.broker.brokers, auth: { mode: 'NONE' }, ...more },
  });
  if (status !== 201) throw new Error(`POST /v1/destinations answered ${status}: ${answer}`);
}

/** Sends the load's events, from the `from`-th on, until each is accepted. */
async function sendAll(
  { stack }: Ground,
  customerExternalId: string,
  load: Load,
  from: number,
  to: number,
): Promise<void> {
  let next = from;
  const sender = async (): Promise<void> => {
    while (next < to) {
      const first = next;
      next += load.eventsPerPost;
      const count = Math.min(load.eventsPerPost, to - first);
      const batch = Array.from({ length: count }, (_, n) => ({
        ...{ eventType: 'e', customerExternalId, idempotencyKey: String(first + n) },
        payload: { key: `order-${first + n}`, text },
      }));
      while ((await stack.api.postBatch(batch)).status !== 202) await sleep(200);
    }
  };
  await Promise.all(Array.from({ length: load.atOnce }, sender));
}

/** How much processor time an event took, in ms, from the first POST to the last record, and to its outcome where it is exported. */
async function cpuMsPerEvent(ground: Ground, load: Load, isExported: boolean): Promise<number> {
  const topic = `export-${ground.destinations++}`;
  const customerExternalId = `acct_${topic}`;
  await ensureTopic(ground.stack.broker.brokers, topic, 1);
  await destination(ground, {
    ...{ topic, customerExternalId, partitionKey: 'payload.key', ordering: { lanes: load.lanes } },
  });
  const before = await ground.offsetsOf(outcomes);
  const through = async (count: number): Promise<void> => {
    await until(
      'all records',
      () => ground.offsetsOf(topic),
      (seen) => seen >= count,
      patience,
    );
    if (!isExported) return;
    await until(
      'all outcomes',
      () => ground.offsetsOf(outcomes),
      (seen) => seen >= before + count,
      patience,
    );
  };
  const warmUp = load.eventsPerPost * load.atOnce;
  await sendAll(ground, customerExternalId, load, 0, warmUp);
  await through(warmUp);
  const meter = await startCpuMeter({ stack: process.pid });
  await sendAll(ground, customerExternalId, load, warmUp, warmUp + load.events);
  await through(warmUp + load.events);
  const { cpuSeconds, othersShare } = await meter();
  const ms = ((cpuSeconds.stack ?? 0) * 1_000) / load.events;
  const others = `${Math.round(othersShare * 100)} % of the machine was others'`;
  say(`  ${load.name}, ${isExported ? 'exported' : 'not exported'}: ${ms.toFixed(3)} ms an event; ${others}.`);
  return ms;
}

async function measure(stack: OutageStack, events: number, rounds: number): Promise<void> {
  const admin = kafkaClient(stack.broker.brokers).admin();
  await admin.connect();
  const offsetsOf = async (topic: string): Promise<number> =>
    (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0);
  const ground: Ground = { stack, offsetsOf, destinations: 0 };
  await ensureTopic(stack.broker.brokers, outcomes, 1);
  await destination(ground, { topic: outcomes, customerExternalId: operators, eventTypes: ['causeway.delivery.*'] });
  const { url, key } = stack.api;
  const workers: [isExported: boolean, worker: Server][] = [
    [false, stack.worker],
    [
      true,
      stack.workerWith({
        ...{ CAUSEWAY_EXPORT_CUSTOMER: operators, CAUSEWAY_EXPORT_API: url, CAUSEWAY_EXPORT_API_KEY: key },
      }),
    ],
  ];
  const loads: Load[] = [
    { name: 'batches of 200 over one lane', events, eventsPerPost: 200, atOnce: 4, lanes: 1 },
    { name: 'a lane for each event', events: Math.ceil(events / 50), eventsPerPost: 1, atOnce: 8, lanes: 'key' },
  ];
  await stack.worker.restart(); // The API is warm in no round or in all.
  for (const load of loads) await cpuMsPerEvent(ground, { ...load, events: Math.ceil(load.events / 5) }, false);
  await stack.worker.stop();
  const sums = new Map<string, number>();
  for (let round = 0; round < rounds; round++) {
    for (const [isExported, worker] of workers) {
      await worker.restart();
      for (const load of loads) {
        const name = `${load.name} ${isExported}`;
        sums.set(name, (sums.get(name) ?? 0) + (await cpuMsPerEvent(ground, load, isExported)));
      }
      await worker.stop();
    }
  }
  for (const { name } of loads) {
    const [without = 0, withIt = 0] = [sums.get(`${name} false`), sums.get(`${name} true`)];
    say(`${name}: ${(withIt / without).toFixed(2)} times the processor time with the export.`);
  }
  await admin.disconnect();
}

async function main(): Promise<number> {
  const numbers = countsIn(process.argv.slice(2), 2);
  if (!numbers) {
    console.error(usage);
    return 1;
  }
  const [events = 20_000, rounds = 2] = numbers;
  await withOutageStack((stack) => measure(stack, events, rounds));
  return 0;
}

runToEnd(main);

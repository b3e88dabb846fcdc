/**
 * `node --import tsx bench/scaleOut/main.ts [seconds]`: the same load with 1, 2 and 4 workers and one API, and with several APIs, on a
 * stack of its own. Each API has a sender and a reader of its own; what each sent is held against the order that was promised.
 */
import { availableParallelism } from 'node:os';
import { say } from '../../dev/servers/progress.ts';
import { startChild, stopChildren } from '../child/child.ts';
import { type Processes, startCpuMeter } from '../cpu/cpuMeter.ts';
import { batches } from '../load/loads.ts';
import { type RoundResult, runRound } from '../load/round.ts';
import type { SenderMethods } from '../load/sender.ts';
import { type Context, fullDurations } from '../parts/context.ts';
import { countsIn, runToEnd } from '../program.ts';
import type { ReaderMethods } from '../read/reader.ts';
import { newDestination, sixteenLanes } from '../road/destination.ts';
import { processesOf } from '../stack/benchStack.ts';
import { type OwnStack, ownStack } from '../stack/ownStack.ts';

/** How many of each there are, the earlier ones kept. */
const steps = [
  { apis: 1, workers: 1 },
  { apis: 1, workers: 2 },
  { apis: 1, workers: 4 },
  { apis: 2, workers: 4 },
] as const;
const warmUpS = 3;

const contextFor = (stack: OwnStack): Context => ({
  stack,
  sender: startChild<SenderMethods>('load/sender.ts'),
  reader: startChild<ReaderMethods>('read/reader.ts'),
  ...{ profile: undefined, isCalm: false, durations: fullDurations, wants: () => true },
});

/** One load through all APIs at once, over the same lanes. */
async function throughAll(
  contexts: readonly Context[],
  urls: readonly string[],
  seconds: number,
): Promise<RoundResult[]> {
  const [first] = contexts;
  if (!first) return [];
  const { stack } = first;
  const destination = await newDestination(stack, sixteenLanes);
  const { topic, customerExternalId } = destination;
  const { eventsPerPost } = batches;
  const connections = Math.max(1, Math.floor(batches.connections / urls.length));
  const load = { apiKey: stack.apiKey, topic, customerExternalId, keys: sixteenLanes.keys, eventsPerPost, connections };
  return await Promise.all(
    urls.flatMap((url, n) => {
      const context = contexts[n];
      return context ? [runRound(context, { ...load, url, seconds, processes: {} })] : [];
    }),
  );
}

async function measured(
  contexts: readonly Context[],
  urls: string[],
  workers: number[],
  seconds: number,
): Promise<number> {
  const [first] = contexts;
  if (!first) return Number.NaN;
  await throughAll(contexts, urls, warmUpS);
  const { api, temporal, kafka, postgres } = await processesOf(first.stack);
  const named = Object.fromEntries(workers.map((pid, n) => [`worker${n}`, pid]));
  const processes: Processes = { api, temporal, kafka, postgres, ...named };
  const meter = await startCpuMeter(processes);
  const rounds = await throughAll(contexts, urls, seconds);
  const { cpuSeconds, othersShare } = await meter();
  const sum = (count: (round: RoundResult) => number): number => rounds.reduce((all, one) => all + count(one), 0);
  const lasted = Math.max(...rounds.map((round) => round.seconds));
  const perSecond = sum(({ arrived }) => arrived) / lasted;
  const ofWorkers = workers.reduce((all, _, n) => all + (cpuSeconds[`worker${n}`] ?? 0), 0);
  const share = (used: number | undefined): string =>
    ((100 * (used ?? 0)) / (lasted * availableParallelism())).toFixed(0);
  const row = [
    ...[urls.length, workers.length, Math.round(perSecond).toLocaleString('en-US')],
    Math.round(Math.max(...rounds.map(({ postMs }) => postMs.p99))),
    sum(({ lost, duplicated, outOfOrder }) => lost + duplicated + outOfOrder),
    ...[share(cpuSeconds.api), share(ofWorkers), share(cpuSeconds.temporal), (100 * othersShare).toFixed(0)],
  ];
  console.log(`| ${row.join(' | ')} |`);
  return perSecond;
}

async function scaleOut(stack: OwnStack, seconds: number): Promise<void> {
  const { worker } = await processesOf(stack);
  const workers = worker === undefined ? [] : [worker];
  const urls = [stack.api];
  const contexts = [contextFor(stack)];
  const head = ['APIs', 'workers', 'events/s', 'p99 of a POST ms', 'lost, doubled, out of order', 'first API % of CPU'];
  console.log(`| ${[...head, 'workers %', 'Temporal %', 'sender, reader, other APIs and others %'].join(' | ')} |`);
  console.log(`|${' --- |'.repeat(head.length + 3)}`);
  for (const step of steps) {
    while (workers.length < step.workers) {
      const { pid } = await stack.more.worker(`worker-${workers.length + 1}`);
      if (pid === undefined) throw new Error('A worker has no process.');
      workers.push(pid);
    }
    while (urls.length < step.apis) {
      urls.push(await stack.more.api());
      contexts.push(contextFor(stack));
    }
    say(`${step.apis} × API, ${step.workers} × worker …`);
    await measured(contexts, urls, workers, seconds);
  }
}

async function main(): Promise<number> {
  const counts = countsIn(process.argv.slice(2), 1);
  if (!counts) {
    console.error('Usage: node --import tsx bench/scaleOut/main.ts [seconds each]');
    return 1;
  }
  const [seconds = 10] = counts;
  let stop = async (): Promise<void> => undefined;
  try {
    const stack = await ownStack({ programs: true, profile: undefined }, (stopIt) => {
      stop = stopIt;
    });
    await scaleOut(stack, seconds);
    return 0;
  } finally {
    await stopChildren();
    await stop();
  }
}

runToEnd(main);

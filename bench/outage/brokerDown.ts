/**
 * Many lanes with work for a destination whose broker is down: what they cost while it lasts, and how long they take to deliver once
 * it is back; held against what the same lanes take for the same work while nothing is down.
 */
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { kafkaClient } from '../../dev/servers/kafka.ts';
import { say } from '../../dev/servers/progress.ts';
import { until } from '../../dev/servers/until.ts';
import { eventDigest } from '../../domain/eventDigest.ts';
import { eventIdOf } from '../../domain/eventId.ts';
import { keeperWorkflowId } from '../../domain/keeper.ts';
import { laneWorkflowId } from '../../domain/lane.ts';
import type { TestApi } from '../../test/harness/api.ts';
import { stateTransitionsOf } from '../../test/harness/transitions.ts';
import { startCpuMeter } from '../cpu/cpuMeter.ts';
import { percentile } from '../read/percentile.ts';
import { event, keysUpTo, newTarget, type OutageStack, type Target } from './outageStack.ts';

const postsAtOnce = 4;
const eventsOfPost = 50;
const textLength = 400;
const lookUpsMax = 500;
const patience = { timeoutMs: 20 * 60_000, everyMs: 1_000 };

const rounded = (seconds: number): number => Math.round(seconds * 10) / 10;
const secondsSince = (ms: number): number => rounded((performance.now() - ms) / 1_000);

/**
 * What a phase took: in seconds; how many of them the processors had nothing to do (a machine that is shared by others is slow, not
 * idle); and how many seconds of processor time this stack used, all of its processes and this one.
 */
type Took = { seconds: number; idleSeconds: number; cpuSeconds: number };

async function startClock(): Promise<() => Promise<Took>> {
  const sinceMs = performance.now();
  const meter = await startCpuMeter({ stack: process.pid });
  return async () => {
    const { cpuSeconds, othersShare } = await meter();
    const seconds = secondsSince(sinceMs);
    const { stack = 0 } = cpuSeconds;
    const idleSeconds = rounded(Math.max(0, seconds * (1 - othersShare) - stack / availableParallelism()));
    return { seconds, idleSeconds, cpuSeconds: rounded(stack) };
  };
}

const inWords = ({ seconds, idleSeconds, cpuSeconds }: Took): string =>
  `${seconds} s, ${idleSeconds} s of them idle; ${cpuSeconds} s of processor time`;

/** What is counted of one run. */
type Ground = { stack: OutageStack; target: Target; keys: string[]; arrived: () => Promise<number> };

/** @param measuredMs for how long the transitions are counted while the broker is down. */
export async function brokerDown(stack: OutageStack, lanes: number, measuredMs: number): Promise<void> {
  await stack.worker.restart();
  const target = await newTarget(stack);
  const admin = kafkaClient(stack.broker.brokers).admin();
  const arrived = async (): Promise<number> => {
    await admin.connect();
    return (await admin.fetchTopicOffsets(target.topic)).reduce((sum, { high }) => sum + Number(high), 0);
  };
  const ground: Ground = { stack, target, keys: keysUpTo(lanes), arrived };
  await stack.broker.kill();
  await allWaiting(ground);
  const before = await transitionsWhileDown(ground, measuredMs);
  await lookUps(ground);
  const returned = await afterReturn(ground);
  await nobodyIn(ground, 'Waiting');
  const { count } = await stateTransitionsOf(stack.client, workflowsOf(ground));
  say(`To wake them all and deliver: ${count - before} state transitions.`);
  const usual = await deliveredAgain(ground);
  const [more, moreCpu] = [returned.seconds - usual.seconds, returned.cpuSeconds - usual.cpuSeconds].map(rounded);
  say(`The outage's end took ${more} s more than that, and ${moreCpu} s more of processor time.`);
  await admin.disconnect();
}

const workflowsOf = ({ target, keys }: Ground): string[] => [
  keeperWorkflowId(target.id),
  ...keys.map((key) => laneWorkflowId(target.id, key)),
];

/** Each lane's n-th event, sent until it is accepted. */
async function postAll({ stack, target, keys }: Ground, n: number): Promise<void> {
  const batches: ReturnType<typeof event>[][] = [];
  for (let at = 0; at < keys.length; at += eventsOfPost) {
    batches.push(keys.slice(at, at + eventsOfPost).map((key) => event(target, key, n, textLength)));
  }
  const next = batches.values();
  const post = async (): Promise<void> => {
    for (const batch of next) {
      while ((await stack.api.postBatch(batch)).status !== 202) await sleep(500);
    }
  };
  await Promise.all(Array.from({ length: postsAtOnce }, post));
}

/** What the same lanes take for the same work while nothing is down: to accept and to deliver another event each. */
async function deliveredAgain(ground: Ground): Promise<Took> {
  const already = await ground.arrived();
  const took = await startClock();
  await postAll(ground, 2);
  say(`With nothing down, another event in each lane accepted: ${inWords(await took())}.`);
  await until('all records', ground.arrived, (count) => count >= already + ground.keys.length, patience);
  const all = await took();
  say(`All delivered, from the first POST to the last record: ${inWords(all)}.`);
  return all;
}

const countIn = async ({ stack, target }: Ground, state: string): Promise<number> =>
  (await stack.client.workflow.count(`DestinationId="${target.id}" AND DeliveryState="${state}"`)).count;

const nobodyIn = (ground: Ground, state: string) =>
  until(
    `no lane to be ${state}`,
    () => countIn(ground, state),
    (count) => count === 0,
    patience,
  );

async function allWaiting(ground: Ground): Promise<void> {
  const sinceMs = performance.now();
  await postAll(ground, 1);
  say(`The broker is down. An event in each lane accepted after ${secondsSince(sinceMs)} s.`);
  await until(
    'all lanes to wait',
    () => countIn(ground, 'Waiting'),
    (count) => count === ground.keys.length,
    patience,
  );
  say(`All wait ${secondsSince(sinceMs)} s after the first was sent.`);
}

/** Says how many a second there are; returns how many there were by then. */
async function transitionsWhileDown(ground: Ground, measuredMs: number): Promise<number> {
  const { client } = ground.stack;
  const workflows = workflowsOf(ground);
  const before = await stateTransitionsOf(client, workflows);
  await sleep(measuredMs);
  const after = await stateTransitionsOf(client, workflows);
  const perSecond = (after.count - before.count) / ((after.atMs - before.atMs) / 1_000);
  say(`While it is down: ${perSecond.toFixed(2)} state transitions a second in all.`);
  return after.count;
}

/** How long `GET /v1/events/{id}` takes, one after the other, with so many lanes that wait. */
async function lookUps({ stack: { api }, target, keys }: Ground): Promise<void> {
  const step = Math.max(1, Math.floor(keys.length / lookUpsMax));
  const tookMs: number[] = [];
  for (const key of keys.filter((_, at) => at % step === 0)) {
    const id = eventIdOf(eventDigest(target.customerExternalId, `${key}#1`));
    const took = await timed(api, `/v1/events/${id}`);
    if (took !== undefined) tookMs.push(took);
  }
  const sorted = Float64Array.from(tookMs).sort();
  const [p50, p99] = [50, 99].map((p) => percentile(sorted, p).toFixed(1));
  say(`GET /v1/events/{id} meanwhile: p50 ${p50} ms, p99 ${p99} ms over ${tookMs.length} events.`);
}

async function timed(api: TestApi, path: string): Promise<number | undefined> {
  const sinceMs = performance.now();
  const { status } = await api.get(path);
  return status === 200 ? performance.now() - sinceMs : undefined;
}

/** What it takes from the broker's return to the last record. */
async function afterReturn({ stack, keys, arrived }: Ground): Promise<Took> {
  await stack.broker.restart();
  const sinceMs = performance.now();
  const clock = await startClock();
  let firstS: number | undefined;
  const count = await until(
    'all records',
    arrived,
    (seen) => {
      if (seen > 0) firstS ??= secondsSince(sinceMs);
      return seen >= keys.length;
    },
    patience,
  );
  const took = await clock();
  say(`The first record was there ${firstS} s after the broker's return, the last after ${inWords(took)}.`);
  say(`${count} records in all, for ${keys.length} events.`);
  return took;
}

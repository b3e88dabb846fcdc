import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { runSizesOf } from '../../dev/laneRuns.ts';
import { say } from '../../dev/servers/progress.ts';
import { until } from '../../dev/servers/until.ts';
import { laneWorkflowId } from '../../domain/lane.ts';
import { type LaneStatus, laneQueries, laneSignals } from '../../domain/laneMessages.ts';
import { segmentWorkflowType } from '../../domain/overflow.ts';
import { nowMs } from '../clock.ts';
import { forgetPeak, peakMiB } from '../cpu/memory.ts';
import { batches } from '../load/loads.ts';
import { type Verdict, verdictOf } from '../read/verdict.ts';
import { type BenchDestination, fourLanes, type LaneKind, newDestination, oneLane } from '../road/destination.ts';
import { lanesOf } from '../road/laneWork.ts';
import { processesOf } from '../stack/benchStack.ts';
import type { Context } from './context.ts';

export type BacklogResult = Verdict & {
  lanes: LaneKind;
  /** While nothing was delivered. */
  acceptedPerSecond: number;
  /** From the release to the last record read back. */
  deliveredPerSecond: number;
  /** How many segments the backlog was in. */
  segments: number;
  /** Of the lanes, and the most that one of them has. */
  runs: number;
  historyEventsMax: number;
  historyBytesMax: number;
  apiMiB: number;
  workerMiB: number;
  answers: Record<string, number>;
};

/** Nothing new in the topic for this long: what is missing counts as lost. */
const stallMs = 45_000;
const deliveredWithinMs = 1_800_000;
const acceptedWithinS = 1_800;

/** A backlog: so many events are accepted for a destination that is down, and delivered once it is back. */
export async function backlog(context: Context): Promise<BacklogResult[]> {
  const results: BacklogResult[] = [];
  for (const lanes of [oneLane, fourLanes].filter(({ id }) => context.wants(id))) {
    say(`  ${context.durations.backlogEvents} events, ${lanes.title} …`);
    const destination = await newDestination(context.stack, lanes);
    const connection = await Connection.connect({ address: context.stack.temporalAddress });
    try {
      const client = new Client({ connection, namespace: context.stack.temporalNamespace });
      const result = await one(context, client, lanes, destination);
      say(
        `    ${Math.round(result.acceptedPerSecond)}/s accepted, ${Math.round(result.deliveredPerSecond)}/s delivered`,
      );
      results.push(result);
    } finally {
      await connection.close();
      await destination.remove();
    }
  }
  return results;
}

async function one(
  { stack, sender, reader, durations }: Context,
  client: Client,
  lanes: LaneKind,
  destination: BenchDestination,
): Promise<BacklogResult> {
  const { topic, customerExternalId } = destination;
  const { api: url, apiKey } = stack;
  const workflowIds = lanesOf(lanes, destination).map((lane) => laneWorkflowId(destination.id, lane));
  const signalAll = async (signal: string): Promise<void> => {
    for (const workflowId of workflowIds) await client.workflow.getHandle(workflowId).signal(signal);
  };
  const load = { url, apiKey, customerExternalId, keys: lanes.keys, ...batches, isPatient: true };
  const { api, worker, kafka } = await processesOf(stack);
  // A lane has to be there to be held: this sends its marks, which every lane gets some of.
  const mark = () => sender.call('send', { ...load, tag: randomBytes(4).toString('hex'), seconds: 0 });
  await mark();
  const held = await holdBack(stack.kind === 'own' ? kafka : undefined, {
    signalAll,
    mark,
    states: () => statesOf(client, workflowIds),
  });
  await Promise.all([api, worker].map(forgetPeak));

  const tag = randomBytes(4).toString('hex');
  const accept = async () => {
    const startedAtMs = nowMs();
    const acceptedMax = durations.backlogEvents;
    const sent = await sender.call('send', { ...load, tag, seconds: acceptedWithinS, acceptedMax });
    return { sent, acceptedMs: nowMs() - startedAtMs, segments: await untilSettled(client, destination) };
  };
  const { sent, acceptedMs, segments } = await accept().finally(held.letGo);
  const releasedAtMs = nowMs();
  say(
    `    accepted in ${Math.round(acceptedMs / 1_000)} s; ${segments} segments; api ${Math.round(await peakMiB(api))} MiB`,
  );

  await reader.call('open', { brokers: stack.kafkaBrokers, topic, tag });
  const job = { outcomes: sent.log.outcomes, stallMs, timeoutMs: deliveredWithinMs };
  const arrivals = await reader.call('arrivals', job);
  await reader.call('close', undefined);
  const runs = (await Promise.all(workflowIds.map((workflowId) => runSizesOf(client, workflowId)))).flat();
  const verdict = verdictOf(sent.log, arrivals.numbers);
  return {
    ...verdict,
    lanes,
    acceptedPerSecond: (1_000 * verdict.accepted) / acceptedMs,
    deliveredPerSecond: (1_000 * verdict.arrived) / ((arrivals.readAtMs.at(-1) ?? releasedAtMs) - releasedAtMs),
    segments,
    runs: runs.length,
    historyEventsMax: Math.max(...runs.map(({ historyEvents }) => historyEvents)),
    historyBytesMax: Math.max(...runs.map(({ historyBytes }) => historyBytes)),
    apiMiB: await peakMiB(api),
    workerMiB: await peakMiB(worker),
    answers: sent.answers,
  };
}

type Lanes = {
  signalAll: (signal: string) => Promise<void>;
  mark: () => Promise<unknown>;
  states: () => Promise<string[]>;
};

/** Kafka stands still (SIGSTOP) until every lane waits for it, and goes on when let go; one that is not ours goes on, and the lanes are paused. */
async function holdBack(
  kafka: number | undefined,
  { signalAll, mark, states }: Lanes,
): Promise<{ letGo(): Promise<void> }> {
  if (kafka === undefined) {
    await signalAll(laneSignals.pause);
    return { letGo: () => signalAll(laneSignals.resume) };
  }
  process.kill(kafka, 'SIGSTOP');
  const letGo = async (): Promise<void> => void process.kill(kafka, 'SIGCONT');
  try {
    await mark();
    const areWaiting = (found: string[]): boolean => found.every((state) => state === 'Waiting');
    await until('the lanes to wait', states, areWaiting, { timeoutMs: 180_000, everyMs: 1_000 });
  } catch (error) {
    await letGo();
    throw error;
  }
  return { letGo };
}

const statesOf = (client: Client, workflowIds: readonly string[]): Promise<string[]> =>
  Promise.all(
    workflowIds.map(async (id) => (await client.workflow.getHandle(id).query<LaneStatus>(laneQueries.status)).state),
  );

/** How many segments there are, once their number grows no more. */
async function untilSettled(client: Client, { id }: BenchDestination): Promise<number> {
  const query = `WorkflowType = '${segmentWorkflowType}' AND WorkflowId STARTS_WITH 'overflow:${id}:'`;
  let before = -1;
  return await until(
    'the segments to be opened',
    async () => (await client.workflow.count(query)).count,
    (count) => {
      const isSettled = count === before;
      before = count;
      return isSettled;
    },
    { timeoutMs: 120_000, everyMs: 1_000 },
  );
}

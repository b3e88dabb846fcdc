import { randomBytes } from 'node:crypto';
import { type CpuUse, type Processes, startCpuMeter } from '../cpu/cpuMeter.ts';
import type { Context } from '../parts/context.ts';
import { percentile } from '../read/percentile.ts';
import { type Verdict, verdictOf } from '../read/verdict.ts';
import type { Keys } from './events.ts';
import { outcomes, type SendLog } from './sendLog.ts';

/** One load, from its first POST to the last of its records read back. */
export type Round = {
  url: string;
  apiKey: string;
  topic: string;
  customerExternalId: string;
  keys: Keys;
  eventsPerPost: number;
  connections: number;
  seconds: number;
  eventsPerSecond?: number;
  isPatient?: boolean;
  /** The reader leaves out what is in the topic already. */
  isAfterOthers?: boolean;
  /** Whether the slowest POST of each second is wanted. */
  isTimed?: boolean;
  /** Whose CPU time is taken, beside the load's own. */
  processes: Processes;
};

export type Percentiles = { p50: number; p99: number; max: number };

export type RoundResult = Verdict &
  CpuUse & {
    /** Records read back that were accepted, over the time from the first POST to the last of them. */
    eventsPerSecond: number;
    seconds: number;
    /** Due, and never sent, for every connection waited. */
    unsent: number;
    answers: Record<string, number>;
    /** Accepted, and still being delivered when the bench waited no longer. */
    stillComing: number;
    /** From a POST to its 202. */
    postMs: Percentiles;
    /** The longest wait for any answer, refusals included, in ms. */
    worstPostMs: number;
    /** From a POST to its record read back. */
    latencyMs: Percentiles;
    /** From the end of the load until its lanes took events again. */
    markAcceptedAfterMs: number;
    /** By the second in which it was sent, the longest wait for an answer, in ms. */
    worstEachSecond?: [atS: number, waitMs: number][];
  };

/** Nothing new in the topic for this long: what is missing counts as lost. */
const stallMs = 45_000;
/** A backlog that is still being delivered after this long is waited for no more: that is no loss, and told as such. */
const readTimeoutMs = 900_000;

const percentilesOf = (values: Float64Array): Percentiles => ({
  p50: percentile(values, 50),
  p99: percentile(values, 99),
  max: percentile(values, 100),
});

const postWaits = (log: SendLog, isWanted: (outcome: number | undefined) => boolean): Float64Array =>
  log.answeredAtMs
    .map((atMs, n) => atMs - (log.sentAtMs[n] ?? 0))
    .filter((waitMs, n) => Number.isFinite(waitMs) && isWanted(log.outcomes[n]));

function worstEachSecond({ sentAtMs, answeredAtMs }: SendLog): [number, number][] {
  const worst = new Map<number, number>();
  const [beganMs = 0] = sentAtMs;
  sentAtMs.forEach((atMs, n) => {
    const second = Math.floor((atMs - beganMs) / 1_000);
    const waitMs = (answeredAtMs[n] ?? Number.NaN) - atMs;
    if (Number.isFinite(waitMs)) worst.set(second, Math.max(worst.get(second) ?? 0, waitMs));
  });
  return [...worst];
}

export async function runRound({ stack, sender, reader }: Context, round: Round): Promise<RoundResult> {
  const { topic, processes, isAfterOthers, isTimed, ...load } = round;
  const tag = randomBytes(4).toString('hex');
  await reader.call('open', { brokers: stack.kafkaBrokers, topic, tag, fromEnd: isAfterOthers });
  const cpu = await startCpuMeter({ ...processes, sender: sender.pid, reader: reader.pid });
  const sent = await sender.call('send', { ...load, tag, isPatient: load.isPatient ?? true });
  const arrivals = await reader.call('arrivals', { outcomes: sent.log.outcomes, stallMs, timeoutMs: readTimeoutMs });
  const used = await cpu();
  await reader.call('close', undefined);
  const { log, loadEvents } = sent;
  const counted = arrivals.readAtMs.filter((_, i) => {
    const n = arrivals.numbers[i] ?? loadEvents;
    return n < loadEvents && log.outcomes[n] === outcomes.accepted;
  });
  const latencies = arrivals.readAtMs
    .map((atMs, i) => atMs - (log.sentAtMs[arrivals.numbers[i] ?? 0] ?? 0))
    .filter((_, i) => (arrivals.numbers[i] ?? loadEvents) < loadEvents);
  const seconds = Math.max(0, (counted.at(-1) ?? 0) - (log.sentAtMs[0] ?? 0)) / 1_000;
  const verdict = verdictOf(log, arrivals.numbers);
  const stillComing = arrivals.isStalled ? 0 : verdict.lost;
  return {
    ...verdict,
    lost: verdict.lost - stillComing,
    stillComing,
    eventsPerSecond: seconds === 0 ? 0 : (counted.length - verdict.duplicated) / seconds,
    seconds,
    unsent: sent.unsent,
    answers: sent.answers,
    postMs: percentilesOf(postWaits(log, (outcome) => outcome === outcomes.accepted)),
    worstPostMs: percentile(
      postWaits(log, () => true),
      100,
    ),
    latencyMs: percentilesOf(latencies),
    markAcceptedAfterMs: sent.markAcceptedAfterMs,
    ...(isTimed && { worstEachSecond: worstEachSecond(log) }),
    ...used,
  };
}

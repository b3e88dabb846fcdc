import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { outcomes } from '../../bench/load/sendLog.ts';
import { type LaneWork, laneWork } from '../../bench/road/laneWork.ts';
import { until } from '../../dev/servers/until.ts';
import { laneOf } from '../../domain/lane.ts';
import type { Fault, FaultAuth, Form, Ground } from './fault.ts';
import { type Account, accountOf, numbersOf, type Round } from './judge/account.ts';
import { isGoneWithTopic } from './judge/goneWithTopic.ts';
import { logsOf } from './judge/logs.ts';
import { latenessOf, problemsOf } from './judge/problems.ts';
import { SteadyLoad } from './load/steadyLoad.ts';
import type { Stand } from './stand/stand.ts';
import { createTarget, laneCount } from './stand/target.ts';
import { TopicRecords } from './stand/topicRecords.ts';

export type FaultResult = Account & {
  fault: string;
  title: string;
  workers: number;
  parked: number;
  /** How many POSTs were answered in which way. */
  answers: Record<string, number>;
  /** From a batch being due to a worker taking it, in ms: next to nothing where Temporal starts activities eagerly. Absent in older figures. */
  batchWaitMs?: LaneWork['activityWaitMs'];
  /** What should not have been, in words; nothing where all is well. */
  problems: string[];
};

export const eventsPerSecond = 50;
export const keyCount = 24;
const keys = Array.from({ length: keyCount }, (_, n) => `order-${n}`);

/** Each fault begins once this many events were delivered, so that every lane and connection is in use. */
const warmEvents = 60;
/** Between two injections, and after the last one, so many events are accepted and delivered: two seconds. */
const calmEvents = 100;
/** Lanes that have not caught up after this long never will, in ms. */
const caughtUpWithinMs = 120_000;
const lookEveryMs = 100;
/** So few events may have gone with their topic, at most: their logs are asked. */
const askedMax = 20;

export type FaultOptions = {
  /** How the broker is told who we are. */
  by: FaultAuth;
  /** Whether lanes that go on later than the fault's bound are a problem: not on a machine that has other work beside. */
  isTimed: boolean;
};

/** Drives a load through the API while the fault is injected and healed, again and again, and says what became of it. */
export async function runFault(
  stand: Stand,
  fault: Fault,
  form: Form,
  { by, isTimed }: FaultOptions,
): Promise<FaultResult> {
  await haveWorkers(stand, fault.workers);
  const target = await createTarget(stand, fault, by);
  const records = await TopicRecords.of(target);
  const tag = `${fault.name}-${randomBytes(4).toString('hex')}`;
  const { url, key: apiKey } = stand.api;
  const { customerExternalId } = target;
  const load = new SteadyLoad({ url, apiKey, customerExternalId, tag, keys, eventsPerSecond });
  const ground: Ground = { stand, target, load, tag, records, form, round: 0, parked: 0 };
  const rounds: Round[] = [];
  const problems: string[] = [];
  try {
    await delivered(ground, warmEvents);
    for (; ground.round < fault.times[form]; ground.round++) {
      rounds.push(await oneRound(fault, form, ground));
      await delivered(ground, numbersOf(records.read(), tag).length + calmEvents);
    }
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
    await fault.heal(ground).catch(() => {});
  }
  await load.stop().catch((error: unknown) => problems.push(String(error)));
  await caughtUp(ground, Number.POSITIVE_INFINITY).catch((error: unknown) => problems.push(String(error)));
  const account = await accountOf({
    log: load.sent(),
    records: records.read(),
    tag,
    laneOfKey: (index) => laneOf(laneCount, load.keyNames()[index] ?? '', String),
    rounds,
    logs: logsOf(stand.api, customerExternalId, tag),
    topicDeletedAtMs: records.deletedAtMs,
  });
  await records.end();
  const waits = await batchWaits(ground, account.accepted).catch((error: unknown) => void problems.push(String(error)));
  const { name, title, workers } = fault;
  const answers = Object.fromEntries(load.answers);
  const result = { fault: name, title, workers, parked: ground.parked, answers, ...account, ...waits };
  const late = isTimed ? latenessOf(result, fault) : [];
  return { ...result, problems: [...problems, ...problemsOf(result, fault), ...late] };
}

/** Injects it, lets it last, heals it, and waits until what had been accepted by then is delivered. */
async function oneRound(fault: Fault, form: Form, ground: Ground): Promise<Round> {
  const injectedAtMs = Date.now();
  await fault.inject(ground);
  const harmedAtMs = Date.now();
  await sleep(fault.lastsMs[form]);
  await fault.heal(ground);
  const healedAtMs = Date.now();
  await caughtUp(ground, healedAtMs);
  return { injectedAtMs, healedAtMs, thereAtMs: fault.isTakenOver ? harmedAtMs : healedAtMs };
}

async function batchWaits(
  { stand: { temporal }, target }: Ground,
  events: number,
): Promise<Pick<FaultResult, 'batchWaitMs'>> {
  const { destinationId: id, customerExternalId } = target;
  const stack = { temporalAddress: temporal.address, temporalNamespace: temporal.namespace };
  const work = await laneWork(stack, { lanes: laneCount, keys: 'spread' }, { id, customerExternalId }, events);
  return work ? { batchWaitMs: work.activityWaitMs } : {};
}

async function haveWorkers({ secondWorker }: Stand, count: 1 | 2): Promise<void> {
  if (count === 2 && secondWorker.pid === undefined) await secondWorker.restart();
  if (count === 1) await secondWorker.stop();
}

const delivered = ({ records, load, tag }: Ground, count: number): Promise<number> =>
  until(
    `${count} records on the topic`,
    () => {
      load.sent(); // Throws where it has failed.
      return numbersOf(records.read(), tag).length;
    },
    (seen) => seen >= count,
    { timeoutMs: caughtUpWithinMs, everyMs: lookEveryMs },
  );

/** Waits until all that was accepted by then has been read, but for what a topic took along. */
async function caughtUp({ load, records, tag, stand, target }: Ground, atMs: number): Promise<void> {
  const logs = logsOf(stand.api, target.customerExternalId, tag);
  const missing = async (): Promise<number> => {
    const { log, seen } = { log: load.sent(), seen: new Set(numbersOf(records.read(), tag)) };
    const unread = [...log.outcomes.keys()].filter(
      (n) => log.outcomes[n] === outcomes.accepted && (log.answeredAtMs[n] ?? 0) <= atMs && !seen.has(n),
    );
    if (records.deletedAtMs.length === 0 || unread.length > askedMax) return unread.length;
    const gone = await Promise.all(unread.map(async (n) => isGoneWithTopic(await logs.of(n), records.deletedAtMs)));
    return gone.filter((isGone) => !isGone).length;
  };
  const options = { timeoutMs: caughtUpWithinMs, everyMs: lookEveryMs };
  await until('what was accepted to be delivered', missing, (left) => left === 0, options);
}

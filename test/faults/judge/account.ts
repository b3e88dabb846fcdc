import { numberOf } from '../../../bench/load/events.ts';
import { outcomes, type SendLog } from '../../../bench/load/sendLog.ts';
import { type Verdict, verdictOf } from '../../../bench/read/verdict.ts';
import type { KafkaRecord } from '../../harness/kafka.ts';
import { isGoneWithTopic } from './goneWithTopic.ts';
import { lateWrites } from './lateWrites.ts';
import { duplicatesOf, type Logs } from './logs.ts';
import { type GoingOn, goingOnAfter, longestMs, type Passage, stallsIn } from './waits.ts';

/** One time that a fault was injected, in ms since the epoch. */
export type Round = {
  injectedAtMs: number;
  healedAtMs: number;
  /** From when on what delivers is there again, or still is. */
  thereAtMs: number;
};

/** All that is known of a load under a fault. */
export type Evidence = {
  log: SendLog;
  records: readonly KafkaRecord[];
  tag: string;
  /** The lane of a key, which the log has as a number. */
  laneOfKey: (key: number) => string;
  rounds: readonly Round[];
  logs: Logs;
  /** What was delivered right before is not lost for not being read: its topic is gone. */
  topicDeletedAtMs: readonly number[];
};

/** `stallMs`: the longest stall of any lane from the harm until it was healed. */
export type JudgedRound = Round & GoingOn & { stallMs: number };

export type Account = Omit<Verdict, 'duplicated' | 'sent' | 'refused' | 'unclear' | 'refusedYetArrived'> & {
  /** Events without an answer that says what became of them. */
  unanswered: number;
  /** Delivered, says their log, into a topic that was deleted before they were read. */
  goneWithTopic: number;
  lateWrites: number;
  duplicated: number;
  /** Duplicates of events with an attempt of unknown outcome on record. */
  explained: number;
  longestStallMs: number;
  rounds: JudgedRound[];
  /** A few of the events that were lost or came twice without a reason, for who looks into it. */
  examples: unknown[];
};

const examplesMax = 5;

/** The events' numbers in the order in which they were read. */
export const numbersOf = (records: readonly KafkaRecord[], tag: string): Int32Array =>
  Int32Array.from(records.flatMap(({ headers }) => numberOf(tag, headers.idempotency_key ?? '') ?? []));

/** Holds what arrived against what was sent. */
export async function accountOf(evidence: Evidence): Promise<Account> {
  const { log, records, tag, rounds, logs } = evidence;
  const numbers = numbersOf(records, tag);
  const { accepted, arrived, outOfOrder, refused, unclear } = verdictOf(log, numbers);
  const missing = await missingOf(evidence, new Set(numbers));
  const duplicates = await duplicatesOf(numbers, logs);
  const passages = passagesOf(evidence);
  const stalls = stallsIn(passages);
  const unexplained = await Promise.all(
    duplicates.unexplained
      .slice(0, examplesMax)
      .map(async (n) => ({ n, at: placesOf(n, evidence), log: await logs.of(n) })),
  );
  return {
    accepted,
    arrived,
    outOfOrder,
    unanswered: refused + unclear,
    lost: missing.lost.length,
    goneWithTopic: missing.goneWithTopic,
    lateWrites: lateWrites(numbers, (n) => log.keys[n] ?? -1),
    duplicated: duplicates.count,
    explained: duplicates.explained,
    longestStallMs: longestMs(stalls),
    rounds: rounds.map((round) => ({
      ...round,
      ...goingOnAfter(round.thereAtMs, passages),
      stallMs: longestMs(stalls, { fromMs: round.injectedAtMs, untilMs: round.healedAtMs }),
    })),
    examples: [...missing.lost.slice(0, examplesMax), ...unexplained],
  };
}

/** Where each record of the event stands. */
const placesOf = (n: number, { records, tag }: Evidence) =>
  records
    .filter(({ headers }) => numberOf(tag, headers.idempotency_key ?? '') === n)
    .map(({ partition, offset, timestamp }) => ({ partition, offset, writtenAt: new Date(timestamp).toISOString() }));

async function missingOf({ log, logs, topicDeletedAtMs }: Evidence, seen: ReadonlySet<number>) {
  const lost: unknown[] = [];
  let goneWithTopic = 0;
  for (const [n, outcome] of log.outcomes.entries()) {
    if (outcome !== outcomes.accepted || seen.has(n)) continue;
    const told = await logs.of(n);
    if (isGoneWithTopic(told, topicDeletedAtMs)) goneWithTopic++;
    else lost.push({ n, log: told });
  }
  return { lost, goneWithTopic };
}

/** When each event was accepted, and first written as the broker says. */
function passagesOf({ log, records, tag, laneOfKey }: Evidence): Passage[] {
  const passages = new Map<number, Passage>();
  for (const { headers, timestamp } of records) {
    const n = numberOf(tag, headers.idempotency_key ?? '');
    if (n === undefined || passages.has(n)) continue;
    const acceptedAtMs = log.answeredAtMs[n] ?? Number.POSITIVE_INFINITY;
    passages.set(n, { lane: laneOfKey(log.keys[n] ?? -1), acceptedAtMs, deliveredAtMs: timestamp });
  }
  return [...passages.values()];
}

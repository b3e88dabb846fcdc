import type { Attempt, Failed, Outcome, PartitionFailure } from '../domain/attempt.ts';
import type { Block } from '../domain/block.ts';
import type { OpenDestination } from '../domain/destination.ts';
import { failureRowOf } from '../domain/failures.ts';
import { endOf } from './attemptEnd.ts';
import type { AttemptLog } from './attemptLog.ts';
import { failureIn, type NamedFailure, notSentInTime } from './kafka/failureNames.ts';
import type { LingeringProducer, Place, SubmissionAnswer } from './kafka/lingeringProducer.ts';
import { type AddressedRecord, recordsOf } from './kafka/records.ts';
import { offsetAfter } from './kafka/topicConnection.ts';
import type { Lease } from './lease.ts';
import { asNamedError, usable } from './usableDestination.ts';

type Producer = Pick<LingeringProducer, 'partitionCount' | 'submit' | 'hold' | 'letGo' | 'isSlow' | 'isToStepAside'>;

export type BatchDeliveryOptions = {
  destinationId: string;
  block: Block;
  destinations: { open(id: string): Promise<OpenDestination | undefined> };
  producers: { producerOf(destination: OpenDestination): Producer };
  log: AttemptLog;
  lease: Pick<Lease, 'isHeld' | 'signal'>;
  place: Place;
  /** Whether its lane wants to hear how slow the destination is. */
  tellsSlow: boolean;
  /** Whether it may leave a usual place for one of the others: it has begun nothing yet. */
  mayStepAside: boolean;
};

/** An answer for the lane to decide on, or an error for Temporal to try again, with what is settled by then. */
export type BatchResult =
  | { outcome: Outcome }
  | { tryAgain: Failed; isSent: boolean; soFar: Outcome }
  | { steppedAside: Outcome };

/** Why the batch goes no further in this try; `isSent`: met by records that were sent, not on the way there. */
type Stopped = { failed: Failed; isSent: boolean };

/** Records that are sent together. Once one of them was refused they are sent `alone`, and halved until it is found. */
type Part = { positions: readonly number[]; isAlone: boolean };

/** A partition that did not take its records, and what it means. */
type Refusal = {
  partition: number;
  broker: string | undefined;
  positions: number[];
  failure: NamedFailure;
  recordsTogether: number;
  isUnknown: boolean;
  isUnsent?: boolean;
};

/** One try to deliver a batch: sends what is not settled, and finds the records that are refused for good. */
export class BatchDelivery {
  private readonly log: AttemptLog;
  private version: number | undefined;
  private producer: Producer | undefined;
  /** Keys that wait behind a record which was refused. */
  private readonly blockedKeys = new Set<string>();

  constructor(private readonly options: BatchDeliveryOptions) {
    this.log = options.log;
  }

  async run(): Promise<BatchResult> {
    try {
      return await this.deliver();
    } finally {
      this.producer?.letGo(this.options.place);
    }
  }

  private async deliver(): Promise<BatchResult> {
    const opened = await this.open();
    if (!('producer' in opened)) return opened;
    const { producer, partitions, records, lingerMs, batchSizeBytes } = opened;
    const parts: Part[] = cut(this.unsettled(), records, batchSizeBytes);
    for (let part = parts.shift(); part; part = parts.shift()) {
      const positions = part.positions.filter((position) => !this.isHeldBack(position));
      if (positions.length === 0) continue;
      const { stopped, again } = await this.attempt({ ...part, positions }, producer, records, {
        partitions,
        lingerMs,
      });
      if (stopped) return this.stop(stopped);
      parts.unshift(...again);
    }
    return { outcome: this.outcome() };
  }

  private outcome(suspended?: Failed): Outcome {
    const { version } = this;
    const hold = { ...(suspended && { suspended }), ...(version !== undefined && { version }) };
    return { ...this.log.outcome(hold), ...this.slowness() };
  }

  /** Said where it is news to a lane that knows of such places. */
  private slowness(): Pick<Outcome, 'slow'> {
    if (!this.options.tellsSlow) return {};
    const wasSlow = this.options.place === 'slow';
    const slow = this.producer?.isSlow ?? wasSlow;
    return slow === wasSlow ? {} : { slow };
  }

  /** What an earlier try refused holds its key back in this one too. */
  private blockedKeysAgain(): void {
    if (this.log.onDeadLetter !== 'block') return;
    for (const position of this.log.refusedPositions) {
      this.blockedKeys.add(this.options.block.entries[position]?.key ?? '');
    }
  }

  private unsettled(): number[] {
    return this.options.block.entries.map((_, position) => position).filter((at) => !this.log.isSettled(at));
  }

  private isHeldBack(position: number): boolean {
    return this.log.isSettled(position) || this.blockedKeys.has(this.options.block.entries[position]?.key ?? '');
  }

  /** The way to the destination; what fails on it is an attempt of its own. */
  private async open() {
    const attempt = this.log.begin();
    try {
      const found = await this.options.destinations.open(this.options.destinationId).catch(asNamedError);
      if (found) this.log.onDeadLetter = found.onDeadLetter;
      this.version = found?.version;
      const destination = usable(found);
      this.blockedKeysAgain();
      const producer = this.options.producers.producerOf(destination);
      producer.hold(this.options.place);
      this.producer = producer;
      if (this.options.mayStepAside && producer.isToStepAside) {
        this.log.forget(attempt);
        return { steppedAside: { ...this.outcome(), slow: true } };
      }
      const partitions = await this.untilLost(producer.partitionCount());
      this.log.forget(attempt);
      const records = recordsOf(this.options.block, partitions);
      return { producer, partitions, records, ...destination.producer };
    } catch (error) {
      const failed = this.failedOf(failureIn(error), { isUnknown: false, isUnsent: true });
      this.log.end(attempt, { outcome: 'failed', brokers: [], error: failed });
      return this.stop({ failed, isSent: false });
    }
  }

  private async attempt(
    part: Part,
    producer: Producer,
    records: readonly AddressedRecord[],
    { partitions, lingerMs }: { partitions: number; lingerMs: number },
  ) {
    const { block, lease } = this.options;
    const isAll = part.positions.length === this.unsettled().length;
    const attempt = this.log.begin({ partitions, ...(!isAll && { positions: [...part.positions] }) });
    const answers = await producer.submit({
      records: part.positions.flatMap((position) => records[position] ?? []),
      // A clock that runs ahead of ours must not make us wait longer than the linger.
      dueAtMs: attempt.number > 1 ? 0 : Math.min(block.acceptedAtMs, Date.now()) + lingerMs,
      isAlone: part.isAlone,
      isWanted: () => lease.isHeld(),
      signal: lease.signal,
    });
    return this.settle(attempt, part, answers, records);
  }

  private settle(
    attempt: Attempt,
    part: Part,
    answers: ReadonlyMap<number, SubmissionAnswer>,
    records: readonly AddressedRecord[],
  ): { stopped: Stopped | undefined; again: Part[] } {
    const refusals: Refusal[] = [];
    let landed = 0;
    for (const [partition, answer] of answers) {
      const positions = part.positions.filter((position) => records[position]?.partition === partition);
      if ('failure' in answer) {
        refusals.push({ ...answer, partition, positions });
        continue;
      }
      const { broker, baseOffset } = answer;
      const offsets = positions.map((_, n) => offsetAfter(baseOffset, n));
      this.log.land({ partition, broker, attempt: attempt.number, positions, offsets });
      landed += positions.length;
    }
    const again: Part[] = [];
    let stopped: Stopped | undefined;
    const failures: PartitionFailure[] = [];
    for (const refusal of refusals) {
      const failed = this.failedOf(refusal.failure, refusal);
      const isUnknown = refusal.isUnknown || failed.kind === 'outcomeUnknown';
      const { partition, broker } = refusal;
      failures.push({
        partitions: [partition],
        brokers: broker ? [broker] : [],
        outcome: isUnknown ? 'unknown' : 'failed',
        error: failed,
      });
      if (failed.kind === 'recordAtFault') again.push(...this.narrowed(attempt, part, refusal, failed));
      else if (stopped === undefined || failed.kind === 'destinationAtFault')
        stopped = { failed, isSent: !refusal.isUnsent };
    }
    const brokers = [...new Set([...answers.values()].flatMap(({ broker }) => broker ?? []))];
    this.log.end(attempt, { brokers, ...endOf(failures, landed > 0) });
    return { stopped, again };
  }

  /** Kafka refuses the records of a partition together: the culprit is found by sending fewer of them. */
  private narrowed(attempt: Attempt, part: Part, { positions, recordsTogether }: Refusal, failed: Failed): Part[] {
    const [first, ...others] = positions;
    if (first === undefined) return [];
    const isAlone = part.isAlone || recordsTogether === positions.length;
    if (!isAlone) return [{ positions, isAlone: true }];
    if (others.length === 0) {
      this.log.refuse({ position: first, attempt: attempt.number, error: failed });
      this.blockedKeysAgain();
      return [];
    }
    const half = Math.ceil(positions.length / 2);
    return [positions.slice(0, half), positions.slice(half)].map((some) => ({ positions: some, isAlone: true }));
  }

  private stop({ failed, isSent }: Stopped): BatchResult {
    if (failed.kind !== 'destinationAtFault') return { tryAgain: failed, isSent, soFar: this.outcome() };
    return { outcome: this.outcome(failed) };
  }

  private failedOf({ name, code, message }: NamedFailure, how: Pick<Refusal, 'isUnknown' | 'isUnsent'>): Failed {
    const meant = this.log.kindNow(name);
    const kind = meant === 'outcomeUnknown' && how.isUnsent ? 'transient' : meant;
    return {
      kind: kind === 'transient' && how.isUnknown ? 'outcomeUnknown' : kind,
      name,
      ...(code !== undefined && { code }),
      message,
      remedy: failureRowOf(name).remedy,
    };
  }

  private untilLost<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.options.lease;
    return new Promise((resolve, reject) => {
      const lost = (): void => reject(notSentInTime);
      if (signal.aborted) lost();
      else signal.addEventListener('abort', lost, { once: true });
      // In any case: a rejection that nobody takes ends the process.
      work.then(resolve, reject).finally(() => signal.removeEventListener('abort', lost));
    });
  }
}

/** Parts, one after the other, in which no partition gets more than a topic takes at once. */
function cut(positions: readonly number[], records: readonly AddressedRecord[], batchSizeBytes: number): Part[] {
  const parts: number[][] = [[]];
  let filled = new Map<number, number>();
  for (const position of positions) {
    const { partition = 0, bytes = 0 } = records[position] ?? {};
    const before = filled.get(partition) ?? 0;
    if (before > 0 && before + bytes > batchSizeBytes) {
      parts.push([]);
      filled = new Map();
    }
    filled.set(partition, (filled.get(partition) ?? 0) + bytes);
    parts.at(-1)?.push(position);
  }
  return parts.map((some) => ({ positions: some, isAlone: false }));
}

import { notSentInTime } from './failureNames.ts';
import type { AddressedRecord } from './records.ts';
import { Slowness } from './slowness.ts';
import { offsetAfter, type PartitionAnswer, type RecordToSend, type TopicConnection } from './topicConnection.ts';

/** Records that one lane wants written, in order. */
export type Submission = {
  records: readonly AddressedRecord[];
  /** Other lanes' records may be gathered with these until then, in ms since the epoch. */
  dueAtMs: number;
  /** In a request of its own: so that an error of the request can only be about these records. */
  isAlone: boolean;
  /** Asked at the last moment: whether they may still be sent. */
  isWanted: () => boolean;
  /** Ends it: what waits is not sent; what is on its way fails with its outcome unknown, its sockets closed. */
  signal: AbortSignal;
};

/** What became of a submission's records for one partition; `baseOffset` is that of its own first record. */
export type SubmissionAnswer = PartitionAnswer & {
  /** How many records, of this lane and others, were written or refused together. */
  recordsTogether: number;
};

/** Where a batch waits for its broker: docs/decisions/slow-brokers.md. */
export type Place = 'usual' | 'slow';
/** How many batches have a usual place, of all destinations. */
export type UsualPlaces = { taken: number };

type Connection = Pick<TopicConnection, 'partitionCount' | 'send' | 'close' | 'closeConnections'>;

type Waiting = {
  submission: Submission;
  bytes: number;
  answer: (answers: Map<number, SubmissionAnswer>) => void;
};

/** While so many are under way, what comes is gathered: a slow broker must not hold back the others at once. */
const requestsInFlightMax = 2;
/** Once so many of a worker's 200 usual places are taken, a destination whose broker owes an answer for so long, in ms, gets no more of them. */
const usualPlacesMax = 100;
const owedMsMax = 500;
/** Many lanes' records together stay under this, in records. */
const recordsTogetherMax = 10_000;

/** Gathers the records of many lanes of one destination into few requests: a linger, bounded by time and bytes. */
export class LingeringProducer {
  usedAtMs = Date.now();
  private waiting: Waiting[] = [];
  private readonly sending = new Set<Waiting>();
  private waitingBytes = 0;
  private waitingRecords = 0;
  private inFlight = 0;
  private timer: NodeJS.Timeout | undefined;
  private dueAtMs = Number.POSITIVE_INFINITY;
  private isRetired = false;
  /** Batches that have it in hand, and may submit more, by the places that they wait in. */
  private readonly users = { usual: 0, slow: 0 };
  private readonly slowness = new Slowness();

  constructor(
    readonly version: number,
    private readonly connection: Connection,
    private readonly batchSizeBytes: number,
    private readonly usualPlaces: UsualPlaces = { taken: 0 },
  ) {}

  /** Rejects where no broker tells. */
  partitionCount(): Promise<number> {
    this.usedAtMs = Date.now();
    // What the topic is like may be known already, so that a quick answer says nothing.
    return this.slowness.timed(this.connection.partitionCount(), () => false);
  }

  /** Whether one more batch is to wait in the places for slow destinations: before it is known that the broker is slow, all others might be taken. */
  get isToStepAside(): boolean {
    const isCrowded = this.usualPlaces.taken > usualPlacesMax;
    return this.isSlow || (isCrowded && this.slowness.owedForMs >= owedMsMax);
  }

  get isSlow(): boolean {
    return this.slowness.isSlow;
  }

  /** Never rejects: what happened is in the answers, one for each partition of the records. */
  submit(submission: Submission): Promise<Map<number, SubmissionAnswer>> {
    this.usedAtMs = Date.now();
    const bytes = submission.records.reduce((sum, record) => sum + record.bytes, 0);
    return new Promise((resolve) => {
      const abort = (): void => this.abort(waiting);
      const answer: Waiting['answer'] = (answers) => {
        submission.signal.removeEventListener('abort', abort);
        resolve(answers);
      };
      const waiting: Waiting = { submission, bytes, answer };
      if (submission.signal.aborted) return answer(notSent(submission));
      submission.signal.addEventListener('abort', abort);
      if (submission.isAlone) return void this.send([waiting]);
      const isFull = this.waitingBytes + bytes > this.batchSizeBytes || this.waitingRecords >= recordsTogetherMax;
      if (this.waiting.length > 0 && isFull) this.flush();
      this.waiting.push(waiting);
      this.waitingBytes += bytes;
      this.waitingRecords += submission.records.length;
      this.dueAtMs = Math.min(this.dueAtMs, submission.dueAtMs);
      this.flushWhenDue();
    });
  }

  /** Whoever submits more than once holds it meanwhile: should it be retired, it stays until that one has let go. */
  hold(place: Place): void {
    this.users[place]++;
    if (place === 'usual') this.usualPlaces.taken++;
  }

  letGo(place: Place): void {
    this.users[place]--;
    if (place === 'usual') this.usualPlaces.taken--;
    if (this.isRetired) this.retire();
  }

  get isIdle(): boolean {
    return this.users.usual + this.users.slow === 0 && this.inFlight === 0 && this.waiting.length === 0;
  }

  /** Whether it was retired, and nobody sends with it any more. */
  get isOver(): boolean {
    return this.isRetired && this.isIdle;
  }

  /** Closes the connections once nobody needs them. */
  retire(): void {
    this.isRetired = true;
    if (this.isIdle) this.connection.close();
  }

  private flushWhenDue(): void {
    clearTimeout(this.timer);
    if (this.waiting.length === 0 || this.inFlight >= requestsInFlightMax) return;
    const waitMs = this.dueAtMs - Date.now();
    if (this.waitingBytes >= this.batchSizeBytes || waitMs <= 0) {
      // After the turn: lanes whose activities began together are sent together.
      this.timer = setTimeout(() => this.flush(), 0);
    } else this.timer = setTimeout(() => this.flush(), waitMs);
  }

  private flush(): void {
    clearTimeout(this.timer);
    const group = this.waiting;
    this.waiting = [];
    this.waitingBytes = 0;
    this.waitingRecords = 0;
    this.dueAtMs = Number.POSITIVE_INFINITY;
    if (group.length > 0) void this.send(group);
  }

  private async send(group: readonly Waiting[]): Promise<void> {
    const wanted = group.filter(({ submission }) => submission.isWanted() && !submission.signal.aborted);
    for (const { submission, answer } of group.filter((one) => !wanted.includes(one))) answer(notSent(submission));
    if (wanted.length === 0) return;
    const sets = new Map<number, RecordToSend[]>();
    const firsts = wanted.map(({ submission }) => {
      const first = new Map<number, number>();
      for (const { partition, record } of submission.records) {
        const set = sets.get(partition) ?? [];
        if (!first.has(partition)) first.set(partition, set.length);
        set.push(record);
        sets.set(partition, set);
      }
      return first;
    });
    this.inFlight++;
    for (const one of wanted) this.sending.add(one);
    const isWanted = (): boolean => wanted.every(({ submission }) => submission.isWanted());
    const answers = await this.slowness.timed(this.connection.send(sets, isWanted), isOfBroker);
    this.inFlight--;
    for (const [n, one] of wanted.entries()) {
      this.sending.delete(one);
      one.answer(ownAnswers(firsts[n] ?? new Map(), answers, sets));
    }
    this.flushWhenDue();
    if (this.isRetired) this.retire();
  }

  private abort(waiting: Waiting): void {
    if (this.sending.has(waiting)) this.connection.closeConnections();
    const at = this.waiting.indexOf(waiting);
    if (at < 0) return;
    this.waiting.splice(at, 1);
    this.waitingBytes -= waiting.bytes;
    this.waitingRecords -= waiting.submission.records.length;
    waiting.answer(notSent(waiting.submission));
  }
}

/** Whether the broker itself said what became of some records: what never went out, or lost its connection, may end soon by a slow one, too. */
const isOfBroker = (answers: ReadonlyMap<number, PartitionAnswer>): boolean =>
  [...answers.values()].some((answer) => 'baseOffset' in answer || !(answer.isUnknown || answer.isUnsent));

/** The part of a request's answers that is one submission's. */
function ownAnswers(
  firsts: ReadonlyMap<number, number>,
  answers: ReadonlyMap<number, PartitionAnswer>,
  sets: ReadonlyMap<number, readonly RecordToSend[]>,
): Map<number, SubmissionAnswer> {
  const own = new Map<number, SubmissionAnswer>();
  for (const [partition, first] of firsts) {
    const answer = answers.get(partition) ?? unanswered;
    const recordsTogether = sets.get(partition)?.length ?? 0;
    own.set(
      partition,
      'failure' in answer
        ? { ...answer, recordsTogether }
        : { broker: answer.broker, baseOffset: offsetAfter(answer.baseOffset, first), recordsTogether },
    );
  }
  return own;
}

const unanswered: PartitionAnswer = {
  broker: undefined,
  failure: { name: 'NO_ANSWER_FOR_PARTITION', message: 'Nothing was said of the partition.' },
  isUnknown: true,
};

function notSent({ records }: Submission): Map<number, SubmissionAnswer> {
  const { failure } = notSentInTime;
  const answer: SubmissionAnswer = { broker: undefined, failure, isUnknown: false, isUnsent: true, recordsTogether: 0 };
  return new Map(records.map(({ partition }) => [partition, answer]));
}

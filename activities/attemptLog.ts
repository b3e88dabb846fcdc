import type {
  Attempt,
  Failed,
  Landed,
  LeftOut,
  Outcome,
  OutcomeHold,
  Progress,
  Refused,
  Settled,
} from '../domain/attempt.ts';
import { failureRowOf, type Kind, kindOf } from '../domain/failures.ts';
import { attemptsBefore, isOpen, type TemporalTry } from '../domain/lostAttempts.ts';
import { type DeliveryMeter, noMeter } from './deliveryMeter.ts';

/** Of the attempts that settled nothing so many are kept: the first ones, which tell how it began, and the last ones. */
const firstKept = 10;
const lastKept = 90;
/**
 * Those that narrowed a refusal down are all kept, up to so many bytes of JSON: what one pass over a batch of nothing but refused records makes
 * has room. But each try that an outage cuts short begins to narrow anew, and the list is in every heartbeat: over 16 MiB the next
 * try could not read it (`domain/compressionCodec.ts`), and 2 MB once compressed Temporal would not take.
 */
export const narrowingBytesMax = 2_000_000;

/** The attempts of one batch, over every try that Temporal makes of it, and what they have settled. */
export class AttemptLog {
  private attempts: Attempt[];
  private readonly landed: Landed[];
  private readonly refused: Refused[];
  private readonly settled: Set<number>;
  /** The numbers of attempts that are never left out. */
  private readonly telling: Set<number>;
  private narrowingBytes = 0;
  private resetRunId: string | undefined;
  private discarded: readonly number[] = [];
  private leftOutCount: number;
  private leftOut: LeftOut | undefined;
  private hasBegun = false;
  /** Whether the try before this one was lost, and with it what it did last. */
  readonly followsLoss: boolean;
  /** The destination's setting as last read, by this try or one before. */
  onDeadLetter: Outcome['onDeadLetter'];

  constructor(
    before: Progress | undefined,
    private readonly temporalTry: TemporalTry,
    private readonly meter: DeliveryMeter = noMeter,
    private readonly faultAfterMsMax?: number,
  ) {
    const known = before?.attempts.filter((attempt) => !isOpen(attempt)).length ?? 0;
    this.attempts = attemptsBefore(before, temporalTry);
    const lost = this.attempts.length - known;
    for (let n = 0; n < lost; n++) meter.attempted('unknown');
    this.followsLoss = lost > 0;
    this.landed = [...(before?.landed ?? [])];
    this.refused = [...(before?.refused ?? [])];
    this.settled = new Set([
      ...this.landed.flatMap(({ positions }) => positions),
      ...this.refused.map((r) => r.position),
    ]);
    this.telling = new Set([...this.landed, ...this.refused].map(({ attempt }) => attempt));
    for (const attempt of this.attempts) this.keepIfNarrowing(attempt);
    this.leftOutCount = before?.attemptsLeftOut ?? 0;
    this.leftOut = before?.leftOut;
    this.onDeadLetter = before?.onDeadLetter;
  }

  get refusedPositions(): readonly number[] {
    return this.refused.map(({ position }) => position);
  }

  private get nextNumber(): number {
    return (this.attempts.at(-1)?.number ?? 0) + 1;
  }

  isSettled(position: number): boolean {
    return this.settled.has(position);
  }

  /** Notes an attempt that begins now; `positions` where it does not send all that is unsettled. */
  begin(sends: Pick<Attempt, 'positions' | 'partitions'> = {}): Attempt {
    const startedAtMs = Date.now();
    const attempt: Attempt = { number: this.nextNumber, startedAtMs, outcome: 'unknown', brokers: [], ...sends };
    this.attempts.push(attempt);
    this.hasBegun = true;
    this.leaveOutSome();
    return attempt;
  }

  private keepIfNarrowing(attempt: Attempt): void {
    if (!isNarrowing(attempt)) return;
    const bytes = JSON.stringify(attempt).length;
    if (this.narrowingBytes + bytes > narrowingBytesMax) return;
    this.narrowingBytes += bytes;
    this.telling.add(attempt.number);
  }

  private leaveOutSome(): void {
    if (this.attempts.length <= firstKept + lastKept) return;
    const idle = this.attempts.filter(({ number }) => !this.telling.has(number));
    if (idle.length <= firstKept + lastKept) return;
    // Several where workers were lost before they could say anything: each such try is an attempt, too.
    const leftOut = new Set(idle.slice(firstKept, -lastKept));
    this.attempts = this.attempts.filter((attempt) => !leftOut.has(attempt));
    for (const attempt of leftOut) {
      this.leftOutCount++;
      const { startedAtMs: lastAtMs } = attempt;
      const { firstAtMs, unknown } = this.leftOut ?? { firstAtMs: lastAtMs, unknown: 0 };
      this.leftOut = { firstAtMs, lastAtMs, unknown: unknown + (isUnknown(attempt) ? 1 : 0) };
    }
  }

  /** Takes back an attempt that turned out to be none. */
  forget(attempt: Attempt): void {
    this.attempts = this.attempts.filter((one) => one !== attempt);
  }

  land(landed: Landed): void {
    this.keep(landed);
    this.meter.delivered(landed.positions.length);
  }

  private keep(landed: Landed): void {
    this.landed.push(landed);
    this.telling.add(landed.attempt);
    for (const position of landed.positions) this.settled.add(position);
  }

  /** Notes what was delivered or given up before a reset, as far as no try of this batch has settled it. */
  settleBefore(resetRunId: string, before: readonly Landed[], discarded: readonly number[]): void {
    this.resetRunId = resetRunId;
    this.discarded = discarded.filter((position) => !this.settled.has(position));
    for (const position of this.discarded) this.settled.add(position);
    for (const landed of before) {
      const open = landed.positions.flatMap((position, n) =>
        this.settled.has(position) ? [] : [{ position, offset: landed.offsets[n] ?? -1 }],
      );
      const positions = open.map(({ position }) => position);
      if (open.length > 0) this.keep({ ...landed, positions, offsets: open.map(({ offset }) => offset) });
    }
  }

  refuse(refused: Refused): void {
    this.refused.push(refused);
    this.telling.add(refused.attempt);
    this.settled.add(refused.position);
    this.meter.parked();
  }

  end(attempt: Attempt, end: Pick<Attempt, 'outcome' | 'brokers' | 'failures'> & { error: Failed | undefined }): void {
    attempt.durationMs = Date.now() - attempt.startedAtMs;
    attempt.outcome = end.outcome;
    attempt.brokers = end.brokers;
    if (end.error) attempt.error = end.error;
    if (end.failures) attempt.failures = end.failures;
    this.keepIfNarrowing(attempt);
    this.meter.attempted(end.outcome);
    for (const name of new Set(errorsOf(attempt).map((error) => error.name))) this.meter.met(name);
  }

  /** What an error means now: some count as passing at first, and not after so many tries over so long. */
  kindNow(name: string): Kind {
    let tries = 1;
    let sinceMs = Date.now();
    for (const attempt of this.attempts.toReversed()) {
      if (isOpen(attempt)) sinceMs = attempt.startedAtMs;
      else if (isMetIn(attempt, name)) {
        tries++;
        sinceMs = attempt.startedAtMs;
      } else break;
    }
    return kindOf(failureRowOf(name), tries, Date.now() - sinceMs, this.faultAfterMsMax);
  }

  /** What the next try of Temporal's goes on from. */
  progress(): Progress {
    const { onDeadLetter, temporalTry, hasBegun } = this;
    const temporalAttempt = hasBegun ? temporalTry.attempt : temporalTry.attempt - 1;
    return { ...this.settledSoFar(), ...(onDeadLetter && { onDeadLetter }), temporalAttempt, atMs: Date.now() };
  }

  /** For how long tries have failed in passing, one after the other, with nothing settled by them; in ms. */
  failingMs(): number {
    let sinceMs = Date.now();
    for (const attempt of this.attempts.toReversed()) {
      if (attempt.outcome === 'partly' || !errorsOf(attempt).some(isInPassing)) break;
      sinceMs = attempt.startedAtMs;
    }
    return Date.now() - sinceMs;
  }

  outcome(hold: OutcomeHold = {}): Outcome {
    const { onDeadLetter, resetRunId, discarded } = this;
    const known = { ...(onDeadLetter && { onDeadLetter }), ...(resetRunId !== undefined && { resetRunId }) };
    if (discarded.length > 0) return { ...known, ...this.settledSoFar(), discardedBefore: [...discarded], ...hold };
    return { ...known, ...this.settledSoFar(), ...hold };
  }

  private settledSoFar(): Settled {
    const { attempts, landed, refused, leftOutCount, leftOut } = this;
    const counted = leftOutCount > 0 && { attemptsLeftOut: leftOutCount, ...(leftOut && { leftOut }) };
    return { attempts, landed, refused, ...counted };
  }
}

const isUnknown = ({ outcome, error }: Attempt): boolean => outcome === 'unknown' || error?.kind === 'outcomeUnknown';

/** One of each reason that its partitions failed for; none where all is delivered, or nobody has said yet how it ended. */
const errorsOf = ({ error, failures }: Attempt): Failed[] =>
  failures?.map((failure) => failure.error) ?? (error ? [error] : []);

const isInPassing = ({ kind }: Failed): boolean => kind === 'transient' || kind === 'outcomeUnknown';

/** Whether all that failed in it was refused for good: then the next ones send fewer records. Any other failure ends the try, and it is sent anew. */
const isNarrowing = (attempt: Attempt): boolean => {
  const errors = errorsOf(attempt);
  return errors.length > 0 && errors.every(({ kind }) => kind === 'recordAtFault');
};

/** Whether it failed so, in any of its partitions. */
const isMetIn = (attempt: Attempt, name: string): boolean => errorsOf(attempt).some((error) => error.name === name);

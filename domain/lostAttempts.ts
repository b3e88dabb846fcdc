/** What is known of attempts whose worker was lost: no more is told of them than Temporal and their own last word say. Pure. */
import type { Attempt, Progress } from './attempt.ts';
import { failureRowOf } from './failures.ts';

/** How far Temporal has come with an activity; times in ms since the epoch. */
export type TemporalTry = {
  /** 1 for the first. */
  attempt: number;
  scheduledAtMs: number;
  /** When this try was scheduled: Temporal had given up all that came before it by then. */
  currentScheduledAtMs: number;
};

/** Whether nobody has said yet how it ended. */
export const isOpen = ({ durationMs, error }: Attempt): boolean => durationMs === undefined && error === undefined;

/** The attempts of a batch before this try of Temporal's, the lost ones among them; `before` is what the last heartbeat left. */
export function attemptsBefore(before: Progress | undefined, now: TemporalTry): Attempt[] {
  const { attempts = [], temporalAttempt = 0, atMs } = before ?? {};
  if (now.attempt <= temporalAttempt) return attempts; // It is the try that left them.
  const last = attempts.at(-1);
  const told = attempts.map((attempt) => (isOpen(attempt) ? lost(attempt, atMs, now) : attempt));
  // One that sent a part of the batch may have sent the next part before it was lost.
  const more = last && isOpen(last) && last.positions ? 1 : 0;
  const silent = now.attempt - 1 - temporalAttempt + more;
  const startedAtMs = atMs ?? last?.startedAtMs ?? now.scheduledAtMs;
  for (let n = 0; n < silent; n++) {
    const number = (told.at(-1)?.number ?? 0) + 1;
    told.push(lost({ number, startedAtMs, startIsEarliest: true, outcome: 'unknown', brokers: [] }, undefined, now));
  }
  return told;
}

/** `seenAtMs`: when it was last heard of. */
function lost(attempt: Attempt, seenAtMs: number | undefined, { currentScheduledAtMs }: TemporalTry): Attempt {
  const { kind, name, remedy } = failureRowOf('WORKER_LOST');
  const message = 'The worker ended, or was cut off, before it could say what became of this attempt.';
  const { startedAtMs } = attempt;
  const atLeastMs = seenAtMs === undefined ? undefined : Math.max(seenAtMs - startedAtMs, 0);
  return {
    ...attempt,
    ...(atLeastMs !== undefined && { durationAtLeastMs: atLeastMs }),
    // The start is by the worker's clock, this by Temporal's.
    durationAtMostMs: Math.max(currentScheduledAtMs - startedAtMs, atLeastMs ?? 0, 0),
    outcome: 'unknown',
    error: { kind, name, message, remedy },
  };
}

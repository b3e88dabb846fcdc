/** Attempts that are only counted. Pure. */
import type { LeftOut, Settled } from './attempt.ts';

/** How many, and of how many the outcome is unknown; the times are absent for what older code left out. */
export type AttemptsLeftOut = { count: number; unknown: number } & Partial<Omit<LeftOut, 'unknown'>>;

/** The attempts of a batch that are not in its list; undefined where all are. */
export function leftOutIn({ attemptsLeftOut: count = 0, leftOut }: Settled): AttemptsLeftOut | undefined {
  if (count === 0) return undefined;
  return { count, unknown: count, ...leftOut }; // Unknown of any, as far as anybody knows, where it is not told.
}

/** Those of one batch and of a later one. */
export function bothLeftOut(
  before: AttemptsLeftOut | undefined,
  later: AttemptsLeftOut | undefined,
): AttemptsLeftOut | undefined {
  if (!before || !later) return before ?? later;
  const { firstAtMs = later.firstAtMs } = before;
  const { lastAtMs = before.lastAtMs } = later;
  const times = firstAtMs !== undefined && lastAtMs !== undefined && { firstAtMs, lastAtMs };
  return { count: before.count + later.count, unknown: before.unknown + later.unknown, ...times };
}

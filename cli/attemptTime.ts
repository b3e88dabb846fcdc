import { countOf, timeOf } from './output.ts';

/** How long an attempt lasted, as both logs tell it. */
type Lasted = {
  durationMs?: number | undefined;
  startIsEarliest?: true | undefined;
  durationAtLeastMs?: number | undefined;
  durationAtMostMs?: number | undefined;
};

const ms = (value: number): string => `${Math.round(value)} ms`;

/** How long an attempt lasted, or what is known of it where its worker was lost: to be put behind its outcome. */
export function lastedText({ durationMs, startIsEarliest, durationAtLeastMs, durationAtMostMs }: Lasted): string {
  if (durationMs !== undefined) return ` after ${ms(durationMs)}`;
  if (durationAtMostMs === undefined) return '';
  if (startIsEarliest) return `, begun then at the earliest and over ${ms(durationAtMostMs)} later`;
  const atLeast = durationAtLeastMs === undefined ? '' : `at least ${ms(durationAtLeastMs)} and `;
  return ` after ${atLeast}at most ${ms(durationAtMostMs)}`;
}

type LeftOut = { count: number; unknown: number; firstAt?: string | undefined; lastAt?: string | undefined };

/** What is told of attempts that are only counted. */
export function leftOutText({ count, unknown, firstAt, lastAt }: LeftOut): string {
  const between = firstAt && lastAt ? `, begun from ${timeOf(firstAt)} to ${timeOf(lastAt)},` : '';
  const open = unknown > 0 ? ` (of ${unknown} the outcome is unknown)` : '';
  return `${countOf(count, 'attempt')} more${between} settled nothing${open} and ${count === 1 ? 'is' : 'are'} only counted.`;
}

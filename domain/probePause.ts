/** How a keeper counts the probes of a destination that fail, and how long it leaves the destination alone. */
import type { Failing } from './keeper.ts';

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
/** The first pause between two probes of a destination that is down, how it grows, and its most, in ms. */
const probing = { firstMs: secondMs, growth: 1.5, mostMs: 5 * secondMs } as const;
/** Of a destination that has been down for so long, in ms, the pauses are these, at random: many of one customer's may be down for days. */
const longDown = { afterMs: 5 * minuteMs, leastMs: 15 * secondMs, mostMs: 20 * secondMs } as const;

/** How long to wait until the next probe of a destination that is down, after so many of this watch, in ms; `random` is in [0, 1). */
export function probePauseMs(probes: number, downMs: number, random: number): number {
  if (downMs >= longDown.afterMs) return longDown.leastMs + random * (longDown.mostMs - longDown.leastMs);
  return Math.min(probing.firstMs * probing.growth ** (probes - 1), probing.mostMs);
}

/** The error that a probe met, counted on from the last one. */
export const failingAgain = (
  before: Failing | undefined,
  failed: Pick<Failing, 'name' | 'code' | 'message'>,
  nowMs: number,
): Failing => {
  const downSinceMs = before?.downSinceMs ?? before?.sinceMs ?? nowMs;
  return before?.name === failed.name
    ? { ...before, ...failed, tries: before.tries + 1, downSinceMs }
    : { ...failed, tries: 1, sinceMs: nowMs, downSinceMs };
};

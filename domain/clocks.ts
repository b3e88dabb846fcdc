/** Clocks that are further apart make the times of a log hard to read, in ms. */
export const clockOffMsMax = 5_000;

/**
 * By how much a clock at least differs from ours that was read between two of our times; in ms, never below 0. How long the question and
 * the answer each took is not known, so half of that time is no fault of a clock.
 */
export const clockOffMs = (
  theirsMs: number,
  { askedMs, answeredMs }: { askedMs: number; answeredMs: number },
): number => Math.max(Math.abs(theirsMs - (askedMs + answeredMs) / 2) - (answeredMs - askedMs) / 2, 0);

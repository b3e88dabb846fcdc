import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

export type UntilOptions = {
  timeoutMs?: number;
  /** How long it waits between two probes, where that should always be the same. */
  everyMs?: number;
  signal?: AbortSignal | undefined;
};

const shownCharsMax = 2_000;

/**
 * How long to wait for the next probe: a part of the time that it has lasted, so that a long wait takes no more CPU from what it waits
 * for than it must. At most a sixtieth of the time-out, but for short ones.
 */
function pauseMs(lastedMs: number, timeoutMs: number): number {
  const longestMs = Math.min(Math.max(timeoutMs / 60, 50), 500);
  return Math.min(Math.max(lastedMs / 4, 25), longestMs);
}

/**
 * Probes until the predicate holds and returns what it saw then. A probe that throws counts as "not yet". When the time is
 * over, the error says what was awaited and what was seen last.
 */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  predicate: (seen: T) => boolean = Boolean,
  { timeoutMs = 30_000, everyMs, signal }: UntilOptions = {},
): Promise<T> {
  const beganMs = performance.now();
  let last = 'nothing';
  let cause: unknown;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const seen = await probe();
      if (predicate(seen)) return seen;
      last = inspect(seen, { depth: 4, breakLength: 160 }).slice(0, shownCharsMax);
      cause = undefined;
    } catch (error) {
      last = `an error: ${error instanceof Error ? error.message : String(error)}`;
      cause = error;
    }
    const lastedMs = performance.now() - beganMs;
    if (lastedMs >= timeoutMs) throw new Error(`Waited ${timeoutMs} ms for ${what}; last saw ${last}`, { cause });
    await sleep(everyMs ?? pauseMs(lastedMs, timeoutMs), undefined, signal ? { signal } : {});
  }
}

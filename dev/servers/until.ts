import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

export type UntilOptions = { timeoutMs?: number; everyMs?: number; signal?: AbortSignal | undefined };

const shownCharsMax = 2_000;

/**
 * Probes until the predicate holds and returns what it saw then. A probe that throws counts as "not yet". When the time is
 * over, the error says what was awaited and what was seen last.
 */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  predicate: (seen: T) => boolean = Boolean,
  { timeoutMs = 30_000, everyMs = 50, signal }: UntilOptions = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
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
    if (performance.now() >= deadline)
      throw new Error(`Waited ${timeoutMs} ms for ${what}; last saw ${last}`, { cause });
    await sleep(everyMs, undefined, signal ? { signal } : {});
  }
}

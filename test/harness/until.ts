import { until as untilWithOptions } from '../../dev/servers/until.ts';

/** Waits for a condition and returns what was seen when it held; on time-out the error says what was seen last. */
export const until = <T>(
  what: string,
  probe: () => T | Promise<T>,
  predicate: (seen: T) => boolean = Boolean,
  timeoutMs = 30_000,
): Promise<T> => untilWithOptions(what, probe, predicate, { timeoutMs });

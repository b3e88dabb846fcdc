import type { Logger } from 'pino';
import type { AcceptDependencies } from './accept.ts';

type Index = AcceptDependencies['index'];

/** An accepted event's answer waits at most this long for the index, in ms: it is stored in Temporal already. */
const waitMs = 1_000;
const retryMs = 2_000;
const triesMax = 30;

/**
 * The event index behind the 202: the answer waits for it, but not for long, and an index that is away is tried again in the
 * background. What is never written can't be found by id, but is delivered all the same.
 */
export function patientIndex(index: Index, logger: Logger): Index {
  const tryAgain = async (rows: Parameters<Index['add']>[0], tries: number): Promise<void> => {
    try {
      await index.add(rows);
    } catch (error) {
      if (tries >= triesMax) return logger.error({ err: error, rows: rows.length }, 'events stay out of the index');
      setTimeout(() => void tryAgain(rows, tries + 1), retryMs).unref();
    }
  };
  return {
    async add(rows) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, waitMs);
      });
      await Promise.race([tryAgain(rows, 1), late]);
      clearTimeout(timer);
    },
  };
}

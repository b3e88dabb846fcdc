import { Context } from '@temporalio/activity';

/** Does the work of an activity, and gives a heartbeat every so many ms as long as it lasts, with what `details` says then. */
export async function beating<T>(everyMs: number, work: () => Promise<T>, details?: () => unknown): Promise<T> {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(details?.()), everyMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

import { InterceptingCall, type Interceptor } from '@grpc/grpc-js';

let deadlineMs: number | undefined;

/**
 * Asks Temporal with a deadline, in ms since the epoch, for the call that `ask` begins before it gives its promise back; not for one that it
 * begins after an await. `Connection.withDeadline` does that, too, by an AsyncLocalStorage: in Node before 24 each promise of the process
 * pays for one that is in use (docs/decisions/promise-hooks.md).
 */
export function withTurnDeadline<T>(atMs: number, ask: () => Promise<T>): Promise<T> {
  deadlineMs = atMs;
  try {
    return ask();
  } finally {
    deadlineMs = undefined;
  }
}

/** Has to come before an interceptor that tries again: later tries begin in turns of their own. */
export const turnDeadline: Interceptor = (options, nextCall) =>
  new InterceptingCall(nextCall(deadlineMs === undefined ? options : { ...options, deadline: deadlineMs }));

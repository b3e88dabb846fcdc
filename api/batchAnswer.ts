import type { Context } from 'hono';
import { CausewayError } from '../domain/error.ts';
import type { Receipt } from './accept.ts';
import type { Problem } from './problem.ts';
import { problemRowOf } from './problemRows.ts';

/** What became of one event of a batch. */
export type BatchResult = ({ status: 202 } & Receipt) | Problem;

/**
 * 202 where every event is stored, and 422 where none is and none would be if it were sent again. Where some should be sent
 * again it is 207 with `Retry-After`, or for a batch that met nothing but overload or an error of ours the 503 or 500 of a single
 * event, so that every client understands it: of such a batch nothing is known to be stored.
 */
export function batchAnswer(c: Context, results: readonly BatchResult[]): Response {
  const refusals = results.filter((result): result is Problem => result.status !== 202);
  const accepted = results.length - refusals.length;
  // Ours too: what became of such an event is not known, and it is not the sender's fault.
  const again = refusals.filter(({ status }) => status >= 500);
  const [first] = again;
  const isNothingStored = accepted === 0 && refusals.every(({ code }) => code !== 'partly_stored');
  if (first && isNothingStored && again.length === results.length) throw new CausewayError(first.code, first.detail);
  if (first) c.header('Retry-After', String(Math.max(...again.map(({ code }) => problemRowOf(code).retryAfterS ?? 1))));
  const status = refusals.length === 0 ? 202 : accepted > 0 || first ? 207 : 422;
  return c.json({ accepted, refused: refusals.length, results }, status);
}

import type { Logger } from 'pino';
import { failureRowOf, isListed } from '../domain/failures.ts';

/** Says in our own log what concerns us and not the customer: an alarm for what is our fault, and errors that no table has. */
export function reportFailure(
  logger: Logger,
  { destinationId, name, attempt }: { destinationId: string; name: string; attempt: number },
): void {
  const row = failureRowOf(name);
  const about = { destinationId, name, attempt };
  if (row.isOurs) logger.error({ ...about, alarm: name, remedy: row.remedy }, row.why);
  else if (!isListed(name)) logger.warn(about, 'this error is in no table of ours');
  else logger.debug(about, 'a batch could not be delivered yet');
}

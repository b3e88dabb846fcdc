import { idempotencyKeyOf } from '../../../bench/load/events.ts';
import { eventDigest } from '../../../domain/eventDigest.ts';
import { eventIdOf } from '../../../domain/eventId.ts';
import type { TestApi } from '../../harness/api.ts';
import { deliveryOf, type LoggedDelivery } from '../../harness/eventLog.ts';

export type Logs = { of(n: number): Promise<LoggedDelivery> };

/** The log of each event as the public API tells it, by the event's number. */
export const logsOf = (api: TestApi, customerExternalId: string, tag: string): Logs => ({
  of: (n) => deliveryOf(api, eventIdOf(eventDigest(customerExternalId, idempotencyKeyOf(tag, n)))),
});

/** How often the event may be on the topic beside the one record that its log knows of: attempts of unknown outcome. */
export const unknownAttempts = ({ attempts, attemptsLeftOut }: LoggedDelivery): number =>
  (attemptsLeftOut?.unknown ?? 0) +
  attempts.filter(({ outcome, error }) => outcome === 'unknown' || error?.kind === 'outcomeUnknown').length;

export type Duplicates = {
  /** Records that are one too many. */
  count: number;
  /** Of these, those for which the event's log has an attempt whose outcome was unknown. */
  explained: number;
  /** The numbers of events with more records than that. */
  unexplained: number[];
};

const askedAtOnce = 4;

/** Holds every record that came again against the attempts on record. */
export async function duplicatesOf(numbers: Int32Array, logs: Logs): Promise<Duplicates> {
  const counts = new Map<number, number>();
  for (const n of numbers) counts.set(n, (counts.get(n) ?? 0) + 1);
  const repeated = [...counts].filter(([, count]) => count > 1);
  const result: Duplicates = { count: 0, explained: 0, unexplained: [] };
  const ask = async (): Promise<void> => {
    for (let next = repeated.pop(); next; next = repeated.pop()) {
      const [n, count] = next;
      const explained = Math.min(count - 1, unknownAttempts(await logs.of(n)));
      result.count += count - 1;
      result.explained += explained;
      if (explained < count - 1) result.unexplained.push(n);
    }
  };
  await Promise.all(Array.from({ length: askedAtOnce }, ask));
  return result;
}

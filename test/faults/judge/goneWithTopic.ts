import type { LoggedDelivery } from '../../harness/eventLog.ts';

/** A reader is never so far behind, in ms: what was delivered longer before a topic's end was read, or is lost. */
const unreadForMsMax = 5_000;

/** Whether an event was delivered into a topic that was deleted right after, at one of these times: nobody can have read it. */
export function isGoneWithTopic(
  { status, attempts }: Pick<LoggedDelivery, 'status' | 'attempts'>,
  deletedAtMs: readonly number[],
): boolean {
  const startedAtMs = Date.parse(attempts.at(-1)?.startedAt ?? '');
  const isUnread = (deletedMs: number): boolean =>
    startedAtMs <= deletedMs && deletedMs - startedAtMs <= unreadForMsMax;
  return status === 'delivered' && deletedAtMs.some(isUnread);
}

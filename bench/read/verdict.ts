import { outcomes, type SendLog } from '../load/sendLog.ts';

/** Whether what was accepted arrived, once each and in order. All counts are events. */
export type Verdict = {
  sent: number;
  accepted: number;
  refused: number;
  /** Without an answer, or with one that leaves open whether it was stored. */
  unclear: number;
  arrived: number;
  /** Accepted, and never read. */
  lost: number;
  /** Read more than once: how many times too often. */
  duplicated: number;
  /** Read after an event of the same key that was sent only once this one had been accepted. */
  outOfOrder: number;
  /** Refused, and read all the same. */
  refusedYetArrived: number;
};

/**
 * Holds the records, in the order in which they were read, against what was sent. The order that is promised: an event whose
 * POST was sent after another's 202 comes after it, and events of one POST come in its order, for each partition key.
 */
export function verdictOf(log: SendLog, numbers: Int32Array): Verdict {
  const sent = log.outcomes.length;
  const count = (code: number) => log.outcomes.reduce((sum, outcome) => sum + (outcome === code ? 1 : 0), 0);
  const seen = new Uint8Array(sent);
  const lastSentAtMs = new Map<number, number>();
  const lastOfPost = new Map<string, number>();
  const verdict: Verdict = {
    sent,
    accepted: count(outcomes.accepted),
    refused: count(outcomes.refused),
    unclear: count(outcomes.unclear),
    arrived: 0,
    lost: 0,
    duplicated: 0,
    outOfOrder: 0,
    refusedYetArrived: 0,
  };
  for (const n of numbers) {
    if (n >= sent) continue;
    if (seen[n]) {
      verdict.duplicated++;
      continue;
    }
    seen[n] = 1;
    verdict.arrived++;
    if (log.outcomes[n] === outcomes.refused) verdict.refusedYetArrived++;
    const key = log.keys[n] ?? 0;
    const sentAtMs = log.sentAtMs[n] ?? 0;
    const latestMs = lastSentAtMs.get(key) ?? Number.NEGATIVE_INFINITY;
    const ofPost = `${log.posts[n]}:${key}`;
    const isOvertaken = latestMs > (log.answeredAtMs[n] ?? 0) || (lastOfPost.get(ofPost) ?? -1) > n;
    if (isOvertaken && log.outcomes[n] === outcomes.accepted) verdict.outOfOrder++;
    lastSentAtMs.set(key, Math.max(latestMs, sentAtMs));
    lastOfPost.set(ofPost, n);
  }
  log.outcomes.forEach((outcome, n) => {
    if (outcome === outcomes.accepted && !seen[n]) verdict.lost++;
  });
  return verdict;
}

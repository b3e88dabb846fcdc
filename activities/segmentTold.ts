/** What the history of an overflow segment tells of the events that it held. */
import type { LaneRecord } from '../domain/deliveryLog.ts';
import { segmentSignals } from '../domain/overflow.ts';
import type { LaneHistories } from './laneHistory.ts';
import type { SaidOfLetters } from './letters.ts';

/** `reader`: the run of the lane that read it last; absent while none has, or where the segment is gone. */
export type SegmentTold = {
  reader?: string | undefined;
  /** What was done with dead letters in it, and the run of the lane that was told to. */
  said: { runId: string; record: LaneRecord }[];
};

const saying: ReadonlySet<string> = new Set([segmentSignals.replayed, segmentSignals.discarded]);

export async function segmentTold(
  histories: Pick<LaneHistories, 'eachEvent' | 'decoded'>,
  segmentId: string,
): Promise<SegmentTold> {
  const told: SegmentTold = { said: [] };
  await histories.eachEvent(segmentId, '', async ({ workflowExecutionSignaledEventAttributes: signal }) => {
    if (signal?.signalName === segmentSignals.read) {
      const [runId] = await histories.decoded<[string?]>(signal.input?.payloads);
      told.reader = runId ?? told.reader;
    } else if (signal?.signalName && saying.has(signal.signalName)) {
      const [said] = await histories.decoded<[SaidOfLetters?]>(signal.input?.payloads);
      if (said) told.said.push({ runId: said.runId, record: recordOf(said) });
    }
  });
  return told;
}

const recordOf = ({ kind, atMs, digests, reason, by }: SaidOfLetters): LaneRecord => ({
  kind,
  atMs,
  selected: { digests: digests === 'all' ? digests : new Set(digests), reason, by },
});

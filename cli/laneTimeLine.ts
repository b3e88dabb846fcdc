import type { LaneLogEntry } from './answers.ts';
import { lastedText, leftOutText } from './attemptTime.ts';
import { countOf, plain, timeOf } from './output.ts';

/** What happened in a lane, one line an entry. */
export const laneLine = (entry: LaneLogEntry): string => `${timeOf(entry.at)}  ${plain(textOf(entry))}`;

function textOf(entry: LaneLogEntry): string {
  const { kind, events, eventId, attempt, landed = [], error, segmentId, holderId } = entry;
  const some = events === undefined ? '' : countOf(events, 'event');
  const why = error ? `: ${error.name}: ${error.message}` : '';
  if (attempt) {
    const { number, outcome, brokers } = attempt;
    const where = brokers.length > 0 ? ` (broker ${brokers.join(', ')})` : '';
    return `attempt ${number}, ${some}: ${outcome}${lastedText(attempt)}${where}${why}`;
  }
  if (entry.leftOut) return leftOutText(entry.leftOut);
  if (kind === 'delivered') return `${some} delivered: ${landed.map(placeOf).join('; ')}`;
  if (kind === 'parked') return `${eventId} is parked${why}`;
  if (kind === 'waiting' || kind === 'suspended') return `the lane holds (${kind}), ${some} not sent${why}`;
  if (kind === 'segmentOpened') return `${some} to overflow segment ${segmentId}`;
  if (kind === 'segmentRead') return `reads overflow segment ${segmentId}`;
  if (kind === 'holderOpened') return `bodies of ${countOf(events ?? 0, 'dead letter')} to ${holderId}`;
  if (kind === 'holderRead') return `reads bodies of ${countOf(events ?? 0, 'dead letter')} out of ${holderId}`;
  const note = `${entry.by ? ` by ${entry.by}` : ''}${entry.reason ? `: ${entry.reason}` : ''}${why}`;
  const named = entry.replayId ? ` (${entry.replayId})` : '';
  if (kind === 'ignored') return `a signal that changed nothing, for its name or its input${note}`;
  if (kind === 'replay' || kind === 'discard') return `${kind} of ${some || 'all'}${named}${note}`;
  return `${own[kind] ?? kind}${some && ` ${some}`}${note}`;
}

const own: Readonly<Record<string, string>> = {
  began: 'the lane begins',
  continued: 'goes on in a new run',
  reset: 'the lane was reset',
  ended: 'the run ended',
  wake: 'the keeper lets the lane go on',
  suspend: 'the keeper suspends the lane',
};

function placeOf({ partition, events, firstOffset, lastOffset }: NonNullable<LaneLogEntry['landed']>[number]): string {
  if (firstOffset === undefined) return `partition ${partition}, ${countOf(events, 'record')}`;
  return `partition ${partition}, ${firstOffset === lastOffset ? `offset ${firstOffset}` : `offsets ${firstOffset} to ${lastOffset}`}`;
}

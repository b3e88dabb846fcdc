/** The log of a lane: what its runs' histories tell, an entry for each thing that happened. */
import type { Attempt, Failed, Outcome } from './attempt.ts';
import { eventIdPrefix } from './eventId.ts';
import { type AttemptsLeftOut, leftOutIn } from './leftOut.ts';

export const laneLogKinds = [
  'began',
  'continued',
  'reset',
  'ended',
  'accepted',
  'attempt',
  'leftOut',
  'delivered',
  'parked',
  'waiting',
  'suspended',
  'failed',
  'replay',
  'discard',
  'pause',
  'resume',
  'wake',
  'suspend',
  'segmentOpened',
  'segmentRead',
  'holderOpened',
  'holderRead',
  'ignored',
] as const;

/** Where records of one batch landed in one partition. */
export type LandedRange = {
  partition: number;
  broker: string;
  events: number;
  firstOffset?: number | undefined;
  lastOffset?: number | undefined;
};

export type LaneLogEntry = {
  /** The same whenever the log is read: who follows it knows by this what is new. */
  id: string;
  atMs: number;
  kind: (typeof laneLogKinds)[number];
  /** How many events it is about; absent where that is all that there are. */
  events?: number | undefined;
  eventId?: string | undefined;
  attempt?: Omit<Attempt, 'startedAtMs' | 'positions' | 'error' | 'partitions' | 'failures'>;
  /** Attempts that are only counted. */
  leftOut?: AttemptsLeftOut | undefined;
  landed?: LandedRange[] | undefined;
  error?: Failed | undefined;
  reason?: string | undefined;
  by?: string | undefined;
  /** The replay that sent delivered events again. */
  replayId?: string | undefined;
  segmentId?: string | undefined;
  /** The workflow in which bodies of dead letters lie. */
  holderId?: string | undefined;
};

/** What is kept of a batch until it is settled: not the bodies, which no entry shows. */
export type LoggedBatch = { activity: string; ids: readonly string[] };

/** What the result of a batch tells: each attempt, then what it came to. */
export function outcomeEntries({ activity, ids }: LoggedBatch, outcome: Outcome, atMs: number): LaneLogEntry[] {
  const { landed, refused, suspended, waiting } = outcome;
  const events = landed.reduce((sum, { positions }) => sum + positions.length, 0);
  const entries = attemptEntries({ activity, ids }, outcome.attempts);
  const leftOut = leftOutIn(outcome);
  if (leftOut) {
    const { lastAtMs = atMs } = leftOut;
    const later = entries.filter((entry) => entry.atMs > lastAtMs).length;
    entries.splice(entries.length - later, 0, { id: `${activity}/leftOut`, atMs: lastAtMs, kind: 'leftOut', leftOut });
  }
  if (events > 0)
    entries.push({ id: `${activity}/delivered`, atMs, kind: 'delivered', events, landed: rangesOf(landed) });
  for (const { position, error } of refused) {
    const eventId = eventIdPrefix + (ids[position] ?? '');
    entries.push({ id: `${activity}/parked/${position}`, atMs, kind: 'parked', events: 1, eventId, error });
  }
  const held = suspended ?? waiting;
  if (!held) return entries;
  const rest = ids.length - events - refused.length - (outcome.discardedBefore?.length ?? 0);
  const kind = suspended ? 'suspended' : 'waiting';
  return [...entries, { id: `${activity}/held`, atMs, kind, events: rest, error: held }];
}

/** Attempts that are over; of one under way nobody knows yet what it comes to. */
export const attemptEntries = ({ activity, ids }: LoggedBatch, attempts: readonly Attempt[]): LaneLogEntry[] =>
  attempts.map(({ startedAtMs, positions, error, partitions: _, failures: __, ...attempt }) => ({
    id: `${activity}/attempt/${attempt.number}`,
    atMs: startedAtMs,
    kind: 'attempt',
    events: positions?.length ?? ids.length,
    attempt,
    error,
  }));

const rangesOf = (landed: Outcome['landed']): LandedRange[] =>
  landed.map(({ partition, broker, positions, offsets }) => {
    const known = offsets.filter((offset) => offset >= 0);
    const range = known.length > 0 && { firstOffset: Math.min(...known), lastOffset: Math.max(...known) };
    return { partition, broker, events: positions.length, ...range };
  });

/** What became of events, for the operator's own topic: docs/decisions/export.md. Pure. */
import type { Failed, Outcome } from './attempt.ts';
import type { Block } from './block.ts';
import { eventIdOf } from './eventId.ts';
import type { LaneState, Note } from './laneState.ts';
import { jsonBytes } from './payloadSize.ts';

export const outcomeKinds = ['delivered', 'parked', 'replayed', 'discarded'] as const;
export type OutcomeKind = (typeof outcomeKinds)[number];

/** Events of one lane that share an outcome: for a batch it is one group a partition. */
export type OutcomeGroup = Note & {
  outcome: OutcomeKind;
  atMs: number;
  partition?: number;
  broker?: string;
  error?: Pick<Failed, 'name' | 'code' | 'message'>;
  /** The digest of each event's id, and its offset where it was delivered: -1 where the broker did not say. */
  entries: (readonly [digest: string, offset?: number])[];
};

/** What a lane gives out of its hands at once. */
export type Outcomes = {
  destinationId: string;
  customerExternalId: string;
  lane: string;
  /** The lane's, where `lane` is a hash of it. */
  name?: string;
  groups: OutcomeGroup[];
};

/** What a lane carries into its next run. */
export type CarriedOutcomes = { isExported?: true; outcomes?: OutcomeGroup[] };

/** The activities have a queue of their own: one that waits for the API must not take a place from lanes that deliver. */
export const exportTaskQueue = (taskQueue: string): string => `${taskQueue}:export`;
export const heldOutcomesWorkflowType = 'heldOutcomes';
/** The same for each attempt of one activity. */
export const heldOutcomesId = ({ destinationId, lane }: Outcomes, runId: string, activityId: string): string =>
  `outcomes:${destinationId}:${lane}:${runId}:${activityId}`;

/** A lane with more than this to give out of its hands sends nothing more until it has, in bytes of payload. */
export const outcomesBytesMax = 512 * 1024;

const known = new WeakMap<OutcomeGroup, number>();
export const groupBytes = (group: OutcomeGroup): number => {
  const bytes = known.get(group) ?? jsonBytes(group);
  known.set(group, bytes);
  return bytes;
};
export const outcomeCount = (groups: readonly OutcomeGroup[]): number =>
  groups.reduce((sum, { entries }) => sum + entries.length, 0);

/** What a batch came to: the lane's state before and after it was settled. */
export function outcomesOfBatch(
  before: LaneState,
  after: LaneState,
  { landed }: Pick<Outcome, 'landed'>,
  atMs: number,
): OutcomeGroup[] {
  const sent = before.sending?.entries ?? [];
  const groups = landed.map(({ partition, broker, positions, offsets }): OutcomeGroup => {
    const entries = positions.flatMap((position, n): [string, number][] => {
      const id = sent[position]?.id;
      return id === undefined ? [] : [[id, offsets[n] ?? -1]];
    });
    return { outcome: 'delivered', atMs, partition, broker, entries };
  });
  for (const { delivery, error } of after.deadLetters.slice(before.deadLetters.length)) {
    const { name, code, message } = error;
    const shown = { name, ...(code !== undefined && { code }), message };
    groups.push({ outcome: 'parked', atMs, error: shown, entries: [[delivery.id]] });
  }
  return groups.filter(({ entries }) => entries.length > 0);
}

/** What a person did with dead letters: those that are there before, and not after it. */
export function outcomesOfSignal(
  outcome: 'replayed' | 'discarded',
  [before, after]: [before: LaneState, after: LaneState],
  note: Note,
  atMs: number,
): OutcomeGroup[] {
  const left = new Set(after.deadLetters);
  const entries = before.deadLetters.flatMap((letter): [string][] => (left.has(letter) ? [] : [[letter.delivery.id]]));
  return entries.length === 0 ? [] : [notedGroup(outcome, note, entries, atMs)];
}

/** A block of a replay of delivered events that the lane has taken. */
export const outcomeOfResent = ({ entries }: Block, note: Note, atMs: number): OutcomeGroup =>
  notedGroup(
    'replayed',
    note,
    entries.map(({ id }): [string] => [id]),
    atMs,
  );

const notedGroup = (
  outcome: OutcomeKind,
  { reason, by }: Note,
  entries: [digest: string][],
  atMs: number,
): OutcomeGroup => ({
  ...{ outcome, atMs },
  ...(reason !== undefined && { reason }),
  ...(by !== undefined && { by }),
  entries,
});

/** An outcome as an event of the operator's. */
export type ExportedOutcome = {
  eventType: string;
  occurredAt: string;
  source: string;
  customerExternalId: string;
  idempotencyKey: string;
  payload: Omit<Outcomes, 'groups' | 'name'> &
    Omit<OutcomeGroup, 'atMs' | 'entries'> & {
      eventId: string;
      offset?: number;
      /** Which of these texts were cut: the API takes no larger events. */
      shortened?: string[];
    };
};

/** The events that are POSTed for the operator: one for each outcome. The same outcome has the same key whenever it is sent. */
export function exportedEvents({ groups, name, ...given }: Outcomes, customerExternalId: string): ExportedOutcome[] {
  const of = { ...given, lane: name ?? given.lane };
  return groups.flatMap(({ outcome, atMs, entries, ...group }) =>
    entries.map(([digest, offset]) => {
      const eventId = eventIdOf(digest);
      const isKnown = offset !== undefined && offset >= 0;
      const which = outcome === 'delivered' && isKnown ? `${group.partition}/${offset}` : String(atMs);
      return {
        eventType: `causeway.delivery.${outcome}`,
        occurredAt: new Date(atMs).toISOString(),
        source: 'causeway',
        customerExternalId,
        idempotencyKey: `${eventId}/${of.destinationId}/${outcome}/${which}`,
        payload: { eventId, ...of, outcome, ...group, ...(isKnown && { offset }) },
      };
    }),
  );
}

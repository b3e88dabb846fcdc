import type { LaneHistories } from '../activities/laneHistory.ts';
import { Turns } from '../activities/turns.ts';
import { CausewayError } from '../domain/error.ts';
import { digestOfEventId } from '../domain/eventId.ts';
import { laneWorkflowId } from '../domain/lane.ts';
import type { NamedEvents, ReplayOf } from '../domain/replay.ts';
import { type DeliveryHistories, type IndexedDelivery, type LoggedDelivery, readDelivery } from './deliveryLogs.ts';
import { whyNotIndexed } from './notIndexed.ts';

export type EventFinder = {
  index: { find(eventId: string): Promise<IndexedDelivery[]> };
  histories: DeliveryHistories;
  eventIndexDays: number;
};

const readAtOnce = 5;

/** Of requests: each keeps histories in memory. */
const atOnce = { atOnce: 2, waiting: 8 };
const tooMany = 'Too many replays of named events begin at once. Send again after a second.';

/** Finds the events that requests name, for few of them at once. */
export class NamedEventsFinder {
  private readonly turns = new Turns(atOnce, tooMany);

  constructor(private readonly known: EventFinder) {}

  /**
   * Where they are. Rejects with `event_not_found` or `event_not_replayable`, which name each that can't be sent again and say
   * why; `temporal_unavailable`; `overloaded`.
   */
  find(ids: readonly string[], asked: Asked): Promise<NamedEvents> {
    return this.turns.take(() => namedEvents(this.known, ids, asked));
  }
}

type Asked = {
  of: ReplayOf;
  destinationId: string | undefined;
  /** Leaves of an event's deliveries those that the request may mean; absent: any. */
  own?: (found: IndexedDelivery[]) => Promise<IndexedDelivery[]>;
};

async function namedEvents(
  { index, histories, eventIndexDays }: EventFinder,
  ids: readonly string[],
  { of, destinationId, own = async (found) => found }: Asked,
): Promise<NamedEvents> {
  const isOfDestination = ({ workflowId }: IndexedDelivery): boolean =>
    destinationId === undefined || workflowId.startsWith(laneWorkflowId(destinationId, ''));
  const once = readOnce(histories);
  const logs: { id: string; log: LoggedDelivery }[] = [];
  const unknown: string[] = [];
  const next = new Set(ids).values();
  const readOneByOne = async (): Promise<void> => {
    for (const id of next) {
      const digest = digestOfEventId(id) ?? '';
      const found = await own((await index.find(digest)).filter(isOfDestination));
      if (found.length === 0) unknown.push(id);
      // Its own delivery, whatever replays did later.
      for (const one of found) logs.push({ id, log: await readDelivery(once, digest, { ...one, laterRunIds: [] }) });
    }
  };
  await Promise.all(Array.from({ length: readAtOnce }, readOneByOne));
  if (unknown.length > 0) {
    const where = destinationId === undefined ? '' : ' of this destination';
    const remedy = `Nothing${where} is known of ${unknown.join(', ')}. ${whyNotIndexed(eventIndexDays)} Nothing was changed.`;
    throw new CausewayError('event_not_found', remedy);
  }
  const refusals = logs.flatMap(({ id, log }) => refusalOf(log, of).map((why) => `${id} ${why}`));
  if (refusals.length > 0) {
    throw new CausewayError('event_not_replayable', `${refusals.join('; ')}. Nothing was changed.`);
  }
  const parked = logs.filter(({ log }) => log.status === 'parked').map(({ log }) => log.workflowId);
  const runs = new Map<string, NamedEvents['runs'][number]>();
  for (const { log } of logs) {
    if (log.status !== 'delivered') continue;
    // One that a replay sent once more may have been settled in a later run, which tells of that one alone.
    const { workflowId, ownRunId: runId = log.runId } = log;
    runs.set(runId, { workflowId, runId });
  }
  return { ids: [...new Set(ids)], lanes: [...new Set(parked)], runs: [...runs.values()] };
}

function refusalOf({ status, incomplete }: LoggedDelivery, of: ReplayOf): string[] {
  if (incomplete) return ["can't be followed to where it is now: its lane has gone on for more runs than are read"];
  if (status === 'parked' || status === 'delivered') {
    return of === 'any' || of === status ? [] : [`is ${status}: ask for it with status "${status}" or "any"`];
  }
  if (status === 'expired') return ["can't be read: Temporal has deleted its history (the namespace's retention)"];
  if (status === 'discarded') return ['was discarded: its record is given up'];
  return [`is ${status}: it is on its way`];
}

/** So many runs of one request are kept: whole histories may be large. */
const runsKept = 2 * readAtOnce;

/** Events of one request often share runs. */
function readOnce(histories: DeliveryHistories): DeliveryHistories {
  const runs = new Map<string, ReturnType<LaneHistories['run']>>();
  return {
    ...histories,
    run: (workflowId, runId) => {
      const reading = runs.get(runId) ?? histories.run(workflowId, runId);
      runs.delete(runId);
      runs.set(runId, reading);
      for (const longest of runs.keys()) if (runs.size > runsKept) runs.delete(longest);
      return reading;
    },
  };
}

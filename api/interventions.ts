import { askedOf, type LaneCalls } from '../activities/laneCalls.ts';
import { type ListLanes, laneIn } from '../activities/laneList.ts';
import { tellAll } from '../activities/tellLanes.ts';
import { CausewayError } from '../domain/error.ts';
import { digestOfEventId } from '../domain/eventId.ts';
import { laneWorkflowId } from '../domain/lane.ts';
import type { IndexedDelivery } from './deliveryLogs.ts';
import type { Intervention, Selection } from './schemas/lanes.ts';

export type InterventionOptions = {
  index: { find(eventId: string): Promise<IndexedDelivery[]> };
  list: ListLanes;
  lanes: Pick<LaneCalls, 'deadLetters' | 'signal'>;
};

export type Asked = {
  destinationId: string;
  signal: 'replay' | 'discard';
  reason: string | undefined;
  by: string;
  /** Names the request: one that comes again gives each lane one signal. */
  requestKey: string | undefined;
};

/** What one lane is told: some of its dead letters by their ids, or all. */
type Told = { workflowId: string; deadLetters: number; ids?: string[] };

/** One request signals so many lanes at the most. */
export const lanesMax = 1_000;

/**
 * Replays or discards dead letters. Before the first signal it knows that there is what is named. Throws `event_not_found`,
 * `event_not_parked`, `lane_not_found`, `too_many_lanes` or `lanes_unknown`, all with nothing changed; and
 * `temporal_unavailable`, after which some lanes may have been told.
 */
export async function intervene(
  options: InterventionOptions,
  asked: Asked,
  { ids, lane }: Pick<Selection, 'ids' | 'lane' | 'all'>,
): Promise<Intervention> {
  const { destinationId, signal, reason, by } = asked;
  const told = ids
    ? await lanesOfEvents(options, destinationId, [...new Set(ids)])
    : lane === undefined
      ? await parkingLanes(options.list, destinationId)
      : [await parkingLane(options.lanes, destinationId, lane)];
  const tell = ({ workflowId, ids: own }: Told): Promise<boolean> =>
    options.lanes.signal(workflowId, signal, { ...(own ? { ids: own } : { all: true }), reason, by }, asked.requestKey);
  const lanes = await tellAll(told, tell);
  if (lane !== undefined && lanes === 0) throw laneNotFound(lane);
  return { signal, lanes, deadLetters: told.reduce((sum, { deadLetters }) => sum + deadLetters, 0), reason, by };
}

/** The lanes that have these events parked. */
async function lanesOfEvents(
  { index, lanes }: InterventionOptions,
  destinationId: string,
  ids: readonly string[],
): Promise<Told[]> {
  const found = await askedOf(ids, (id) => index.find(digestOfEventId(id) ?? ''));
  const known = found.map((all) => all.map(({ workflowId }) => workflowId).filter((id) => laneIn(destinationId, id)));
  const unknown = ids.filter((_, n) => known[n]?.length === 0);
  if (unknown.length > 0) {
    const remedy = `Of these events none was accepted for this destination, or they are older than the index goes back: ${unknown.join(', ')}. Nothing was changed.`;
    throw new CausewayError('event_not_found', remedy);
  }
  const workflowIds = [...new Set(known.flat())];
  const letters = await askedOf(workflowIds, (workflowId) => lanes.deadLetters(workflowId));
  const silent = workflowIds.filter((_, n) => letters[n] === undefined);
  if (silent.length > 0) throw noAnswer(silent);
  const told = workflowIds.flatMap((workflowId, n): Told[] => {
    const own = letters[n];
    const parked = new Set(Array.isArray(own) ? own.map(({ eventId }) => eventId) : []);
    const meant = ids.filter((id) => parked.has(id));
    return meant.length === 0 ? [] : [{ workflowId, ids: meant, deadLetters: meant.length }];
  });
  const notParked = ids.filter((id) => !told.some(({ ids: own }) => own?.includes(id)));
  if (notParked.length === 0) return told;
  const remedy = `These events are not parked: ${notParked.join(', ')}. GET /v1/events/{id} shows what became of each. Nothing was changed.`;
  throw new CausewayError('event_not_parked', remedy);
}

async function parkingLanes(list: ListLanes, destinationId: string): Promise<Told[]> {
  const { lanes, token } = await list({ destinationId, isParking: true, lanesMax, isOwn: true });
  if (token === undefined) return lanes;
  const query = `DestinationId="${destinationId}" AND DeadLetters>0`;
  const remedy = `More than ${lanesMax} lanes hold dead letters, which is more than one request may signal. Nothing was changed. Name lanes or events, or do it in the background: POST /v1/replays (causeway replay <destination> --status parked), or temporal workflow signal --query '${query}' --name replay (or discard, with --input '{"all":true}').`;
  throw new CausewayError('too_many_lanes', remedy);
}

async function parkingLane(lanes: Pick<LaneCalls, 'deadLetters'>, destinationId: string, lane: string): Promise<Told> {
  const workflowId = laneWorkflowId(destinationId, lane);
  const letters = await lanes.deadLetters(workflowId);
  if (letters === 'gone') throw laneNotFound(lane);
  if (!letters) throw noAnswer([workflowId]);
  return { workflowId, deadLetters: letters.length };
}

export const laneNotFound = (lane: string): CausewayError =>
  new CausewayError(
    'lane_not_found',
    `The destination has no open lane "${lane}": it took no event lately. GET /v1/destinations/{id}/lanes lists those that are open.`,
  );

const noAnswer = (workflowIds: readonly string[]): CausewayError =>
  new CausewayError(
    'lanes_unknown',
    `No answer from ${workflowIds.join(', ')}: is Temporal up, and a worker running? GET /v1/checks says. Nothing was changed.`,
  );

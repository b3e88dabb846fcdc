import { createHash } from 'node:crypto';
import { askedOf, type LaneCalls } from '../activities/laneCalls.ts';
import { type ListLanes, laneIn } from '../activities/laneList.ts';
import { tellAll } from '../activities/tellLanes.ts';
import { CausewayError } from '../domain/error.ts';
import { digestOfEventId } from '../domain/eventId.ts';
import { isFiltered, isOfParking, type ParkingFilter } from '../domain/replayFilter.ts';
import type { Intervention as Asked, Interventions, Told } from '../store/interventions.ts';
import type { IndexedDelivery } from './deliveryLogs.ts';
import type { LaneIds } from './laneIds.ts';
import type { Intervention, Selection } from './schemas/lanes.ts';

export type InterventionOptions = {
  index: { find(eventId: string): Promise<IndexedDelivery[]> };
  list: ListLanes;
  lanes: Pick<LaneCalls, 'deadLetters' | 'signal'>;
  workflowIdOf: LaneIds;
  interventions: Pick<Interventions, 'find' | 'begin' | 'told'>;
};

export type InterventionRequest = {
  destinationId: string;
  signal: 'replay' | 'discard';
  reason: string | undefined;
  by: string;
  /** Names the request: one that comes again is completed where it was not, and each lane follows it once. */
  requestKey: string | undefined;
};

type Chosen = Pick<Selection, 'ids' | 'lane' | 'all'> & ParkingFilter;

/** One request signals so many lanes at the most. */
export const lanesMax = 1_000;

/**
 * Replays or discards dead letters. Before the first signal it knows that there is what is named. Throws `event_not_found`,
 * `event_not_parked`, `lane_not_found`, `too_many_lanes`, `lanes_unknown` or `idempotency_key_reused`, all with nothing changed; and
 * `temporal_unavailable` or `store_unreachable`, after which some lanes may have been told: the same request completes it. So it is
 * with `lanes_unknown` where it comes again.
 */
export async function intervene(
  options: InterventionOptions,
  request: InterventionRequest,
  chosen: Chosen,
): Promise<Intervention> {
  const { signal, reason, by, requestKey } = request;
  const { told, lanes, cameAtMs } = await begun(options, request, chosen);
  const toldLanes = lanes ?? (await tellEach(options, request, told, cameAtMs));
  if (chosen.lane !== undefined && toldLanes === 0) throw laneNotFound(chosen.lane);
  if (lanes === undefined && requestKey !== undefined) await options.interventions.told(requestKey, toldLanes);
  return { signal, lanes: toldLanes, deadLetters: told.reduce((sum, one) => sum + one.deadLetters, 0), reason, by };
}

/** `cameAtMs`: when it came first, of one that comes again. */
type Begun = Asked & { cameAtMs?: number | undefined };

/** What is asked for, and how many lanes have it, if each was told before. What has a key is remembered first, with its lanes. */
async function begun(options: InterventionOptions, request: InterventionRequest, chosen: Chosen): Promise<Begun> {
  const { requestKey, ...what } = request;
  const { interventions } = options;
  const digest = createHash('sha256')
    .update(JSON.stringify([what, chosen.ids, chosen.lane, chosen.all, ...filterOf(chosen)]))
    .digest('base64url');
  if (requestKey === undefined) return { digest, told: await lanesToTell(options, request, chosen) };
  const known = await interventions.find(requestKey);
  if (known) return again(known, digest);
  try {
    const told = await lanesToTell(options, request, chosen);
    return same(await interventions.begin(requestKey, { digest, told }), digest);
  } catch (error) {
    // The same request may have come twice at once: what it names is parked no more once the other one has told the lanes.
    const other = await interventions.find(requestKey);
    if (other) return again(other, digest);
    throw error;
  }
}

/** Nothing where there is none: a request of before there were filters is the same one. */
const filterOf = ({ error, parkedFrom, parkedTo }: ParkingFilter): ParkingFilter[] =>
  isFiltered({ error, parkedFrom, parkedTo }) ? [{ error, parkedFrom, parkedTo }] : [];

const again = (known: Asked, digest: string): Begun => ({ ...same(known, digest), cameAtMs: known.askedAtMs });

function same(known: Asked, digest: string): Asked {
  if (known.digest === digest) return known;
  const remedy =
    'Something else was asked for with this Idempotency-Key. Nothing was changed. Give each request a key of its own.';
  throw new CausewayError('idempotency_key_reused', remedy);
}

function tellEach(
  { lanes }: InterventionOptions,
  { signal, reason, by, requestKey }: InterventionRequest,
  told: readonly Told[],
  cameAtMs: number | undefined,
): Promise<number> {
  // In the lane's memory and in its history: the key itself is nobody's business there.
  const name = requestKey && createHash('sha256').update(requestKey).digest('base64url').slice(0, requestNameChars);
  return tellAll(told, async ({ workflowId, ids }) => {
    const meant = ids ?? (cameAtMs === undefined ? 'all' : await parkedBy(lanes, workflowId, cameAtMs));
    if (meant === 'gone') return false;
    if (meant.length === 0) return true; // It was told before, or what was parked then is parked no more.
    return await lanes.signal(workflowId, signal, {
      input: { ...(meant === 'all' ? { all: true } : { ids: meant }), reason, by },
      ...(name !== undefined && { about: { request: name } }),
      requestKey,
    });
  });
}

/** What the lane had parked by then: who asks for all again has seen nothing of what came since, and it may be given up. */
async function parkedBy(
  lanes: Pick<LaneCalls, 'deadLetters'>,
  workflowId: string,
  atMs: number,
): Promise<string[] | 'gone'> {
  const letters = await lanes.deadLetters(workflowId);
  if (letters === 'gone') return 'gone';
  if (letters) return letters.filter(({ parkedAt }) => Date.parse(parkedAt) <= atMs).map(({ eventId }) => eventId);
  const remedy = `No answer from ${workflowId}: is Temporal up, and a worker running? GET /v1/checks says. Other lanes may have been told: the same request, sent again, completes it.`;
  throw new CausewayError('lanes_unknown', remedy);
}
const requestNameChars = 22;

async function lanesToTell(
  options: InterventionOptions,
  { destinationId }: InterventionRequest,
  chosen: Chosen,
): Promise<Told[]> {
  const { ids, lane } = chosen;
  if (ids) return await lanesOfEvents(options, destinationId, [...new Set(ids)]);
  const told =
    lane === undefined
      ? await parkingLanes(options.list, destinationId)
      : [await parkingLane(options, destinationId, lane)];
  return isFiltered(chosen) ? await fittingIn(options, told, chosen) : told;
}

/** So many dead letters one request may name: each lane's are in its signal, and all of them in what is remembered of the request. */
const lettersMax = 20_000;

/** Those of the lanes' dead letters that fit, by their ids. */
async function fittingIn(
  { lanes }: InterventionOptions,
  told: readonly Told[],
  filter: ParkingFilter,
): Promise<Told[]> {
  const letters = await askedOf(told, ({ workflowId }) => lanes.deadLetters(workflowId));
  const silent = told.flatMap(({ workflowId }, n) => (letters[n] === undefined ? [workflowId] : []));
  if (silent.length > 0) throw noAnswer(silent);
  const fitting = told.flatMap(({ workflowId }, n): Told[] => {
    const own = letters[n];
    const fits = Array.isArray(own) ? own.filter((letter) => isOfParking(letter, filter)) : [];
    return fits.length === 0 ? [] : [{ workflowId, ids: fits.map(({ eventId }) => eventId), deadLetters: fits.length }];
  });
  const count = fitting.reduce((sum, { deadLetters }) => sum + deadLetters, 0);
  if (count <= lettersMax) return fitting;
  const remedy = `${count} dead letters fit, and one request may name ${lettersMax}. Nothing was changed. Name a shorter time by parkedFrom and parkedTo, one lane, all without a filter, or do it in the background: POST /v1/replays.`;
  throw new CausewayError('too_many_dead_letters', remedy);
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
  if (token === undefined) return lanes.map(({ workflowId, deadLetters }) => ({ workflowId, deadLetters }));
  const query = `DestinationId="${destinationId}" AND DeadLetters>0`;
  const remedy = `More than ${lanesMax} lanes hold dead letters, which is more than one request may signal. Nothing was changed. Name lanes or events, or do it in the background: POST /v1/replays (causeway replay <destination> --status parked, or causeway discard likewise), or temporal workflow signal --query '${query}' --name replay (or discard, with --input '{"all":true}').`;
  throw new CausewayError('too_many_lanes', remedy);
}

async function parkingLane(
  { lanes, workflowIdOf }: InterventionOptions,
  destinationId: string,
  lane: string,
): Promise<Told> {
  const workflowId = await workflowIdOf(destinationId, lane);
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

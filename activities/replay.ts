import { Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { type Delivery, deliveriesOf } from '../domain/block.ts';
import { digestOfEventId } from '../domain/eventId.ts';
import type { ParkedEvent } from '../domain/laneMessages.ts';
import type {
  DiscardPageRequest,
  FoundRuns,
  ReplayPage,
  ReplayPageRequest,
  ResendRequest,
  Resent,
  RunsRequest,
} from '../domain/replayCalls.ts';
import { isMeant } from '../domain/replayFilter.ts';
import { beating } from './beating.ts';
import { inGroups } from './inGroups.ts';
import type { LaneCalls } from './laneCalls.ts';
import type { LaneHistories } from './laneHistory.ts';
import type { ListLanes } from './laneList.ts';
import { isOfType, ofTime, type ResendDependencies, resendRuns } from './resend.ts';

export type ReplayDependencies = ResendDependencies & {
  histories: Pick<LaneHistories, 'now'>;
  list: ListLanes;
  listRuns(request: RunsRequest): Promise<FoundRuns>;
  lanes: Pick<LaneCalls, 'deadLetters' | 'signal' | 'status'>;
  /** The bodies in a holder; undefined where it is gone. */
  bodiesIn(holderId: string): Promise<Delivery[] | undefined>;
};
export type ReplayActivity = {
  replayPage(request: ReplayPageRequest): Promise<ReplayPage>;
  discardPage(request: DiscardPageRequest): Promise<ReplayPage>;
  listRuns(request: RunsRequest): Promise<FoundRuns>;
  resendRuns(request: ResendRequest): Promise<Resent>;
};

/** Few: what a page sends goes out at once, and the replay waits for its rate after it. */
const lanesOfPage = 10;
const heartbeatEveryMs = 4_000;

/** What a replay does in the world: it asks lanes for what they have parked or delivered, and signals what is meant. */
export function createReplayActivities(known: ReplayDependencies): ReplayActivity {
  return {
    replayPage: (request) => beating(heartbeatEveryMs, () => replayedPage(known, request)),
    discardPage: (request) => beating(heartbeatEveryMs, () => replayedPage(known, request, request.room)),
    listRuns: known.listRuns,
    resendRuns: (request) => resendRuns(known, request),
  };
}

/** `room`: of dead letters that are given up in place of sent again, so many at the most. */
async function replayedPage(known: ReplayDependencies, request: ReplayPageRequest, room?: number): Promise<ReplayPage> {
  const { cancellationSignal } = Context.current();
  const found = await lanesOf(known.list, request);
  const done: ReplayPage = { events: 0, lanes: 0, unanswered: 0, page: found.token };
  for (const lane of found.lanes) {
    if (cancellationSignal.aborted) throw new CancelledFailure('It was cancelled, or the worker stops.');
    const events = await replayed(known, request, lane, room && room - done.events);
    if (events === undefined) done.unanswered++;
    else if (events > 0) {
      done.events += events;
      done.lanes++;
    }
  }
  return done;
}

/** `runId` is absent where nobody has listed the lane. */
type LaneToAsk = { workflowId: string; runId?: string | undefined };

async function lanesOf(
  list: ListLanes,
  { filter, named, page }: ReplayPageRequest,
): Promise<{ lanes: LaneToAsk[]; token?: string | undefined }> {
  if (named) {
    const from = Number(page ?? 0);
    const to = from + lanesOfPage;
    const lanes = named.lanes.slice(from, to).map((workflowId) => ({ workflowId }));
    return { lanes, token: to < named.lanes.length ? String(to) : undefined };
  }
  const { destinationId, customerExternalId } = filter;
  return await list({
    destinationId,
    customerExternalId,
    token: page,
    isParking: true,
    lanesMax: lanesOfPage,
    isOwn: true,
  });
}

/**
 * How many dead letters of the lane are meant, and told to go again (with `room`: given up, so many of them) unless they are only counted. Undefined, and nothing told, where
 * it does not answer, or a letter's body is not found.
 */
async function replayed(
  known: ReplayDependencies,
  request: ReplayPageRequest,
  lane: LaneToAsk,
  room?: number,
): Promise<number | undefined> {
  const { id, filter, named, startedAt, dryRun, reason, by, sweep } = request;
  const letters = await known.lanes.deadLetters(lane.workflowId);
  if (letters === undefined) return undefined;
  if (letters === 'gone') return 0;
  const fitting = letters
    .filter((one) => isMeant(one, filter, startedAt) && (!named || named.ids.includes(one.eventId)))
    .map((one) => ({ ...one, id: digestOfEventId(one.eventId) ?? '', acceptedAtMs: Date.parse(one.parkedAt) }));
  const inTime = await ofTime(known.index, lane.workflowId, fitting, filter);
  const ids = (await ofType(known, request, lane, inTime))?.map((one) => one.eventId).slice(0, room);
  if (!ids) return undefined;
  // Tried again after an unclear answer, the signal has the same request id, and is stored once.
  const once = sweep ? `${id}/${sweep}` : id;
  if (ids.length > 0 && !dryRun) {
    const signal = room === undefined ? 'replay' : 'discard';
    await known.lanes.signal(lane.workflowId, signal, { input: { ids, reason, by }, requestKey: once });
  }
  return ids.length;
}

type Letter = ParkedEvent & { id: string };

/** A holder has a megabyte of bodies, and a lane may have two thousand. */
const holdersAtOnce = 10;

/**
 * Those of the filter's event type: a lane does not look into bodies, so holders and its history are read for them. One whose holder is
 * gone can't be sent, and is none. Undefined where another's body is not found.
 */
async function ofType(
  { histories, bodiesIn }: Pick<ReplayDependencies, 'histories' | 'bodiesIn'>,
  { filter }: ReplayPageRequest,
  { workflowId, runId }: LaneToAsk,
  meant: readonly Letter[],
): Promise<readonly Letter[] | undefined> {
  if (filter.eventType === undefined || meant.length === 0 || runId === undefined) return meant;
  const ids = new Set(meant.map(({ id }) => id));
  const gone = new Set<string>();
  /** Of each whether it is of the type: what holders have is too much for the memory. */
  const types = new Map<string, boolean>();
  const look = (bodies: readonly Delivery[]): void => {
    for (const one of bodies) if (ids.has(one.id)) types.set(one.id, isOfType(one, filter));
  };
  const holders = [...new Set(meant.flatMap(({ bodyIn }) => bodyIn ?? []))];
  const lookInto = async (holderId: string): Promise<void> => {
    const held = await bodiesIn(holderId);
    if (held) look(held);
    else gone.add(holderId);
  };
  await inGroups(holders, holdersAtOnce, lookInto);
  const letters = meant.filter(({ bodyIn }) => bodyIn === undefined || !gone.has(bodyIn));
  const isWhole = (): boolean => letters.every(({ id }) => types.has(id));
  const readRun = async (id: string): Promise<void> => {
    const run = await histories.run(workflowId, id);
    const sent = run?.records.flatMap((record) => (record.kind === 'scheduled' ? [record.block] : [])) ?? [];
    look([...((await run?.carriedBlocks?.()) ?? []), ...sent].flatMap(deliveriesOf));
  };
  if (!isWhole()) await readRun(runId);
  if (!isWhole()) {
    // The lane may be in another run since it was listed, which carries what is parked.
    const now = await histories.now(workflowId);
    if (now.runId !== undefined && now.runId !== runId) await readRun(now.runId);
  }
  if (!isWhole()) return undefined;
  return letters.filter(({ id }) => types.get(id));
}

import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { type Delivery, deliveriesOf } from '../domain/block.ts';
import { digestOfEventId } from '../domain/eventId.ts';
import type { LaneStatus, ParkedEvent } from '../domain/laneMessages.ts';
import { segmentNumberOf } from '../domain/overflow.ts';
import {
  type FoundRuns,
  isMeant,
  type ReplayPage,
  type ReplayPageRequest,
  type ResendRequest,
  type Resent,
  type RunsRequest,
} from '../domain/replay.ts';
import { beating } from './beating.ts';
import type { LaneCalls } from './laneCalls.ts';
import type { LaneHistories } from './laneHistory.ts';
import type { ListLanes } from './laneList.ts';
import { isOfType, ofTime, type ResendDependencies, resendRuns } from './resend.ts';

export type ReplayDependencies = ResendDependencies & {
  histories: Pick<LaneHistories, 'now'>;
  list: ListLanes;
  listRuns(request: RunsRequest): Promise<FoundRuns>;
  lanes: Pick<LaneCalls, 'deadLetters' | 'lettersIn' | 'signal' | 'status'>;
};
export type ReplayActivity = {
  replayPage(request: ReplayPageRequest): Promise<ReplayPage>;
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
    listRuns: known.listRuns,
    resendRuns: (request) => resendRuns(known, request),
  };
}

async function replayedPage(known: ReplayDependencies, request: ReplayPageRequest): Promise<ReplayPage> {
  const { cancellationSignal } = Context.current();
  const found = await lanesOf(known.list, request);
  const done: ReplayPage = { events: 0, lanes: 0, unanswered: 0, page: found.token };
  for (const lane of found.lanes) {
    if (cancellationSignal.aborted) throw new CancelledFailure('It was cancelled, or the worker stops.');
    const events = await replayed(known, request, lane);
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
 * How many dead letters of the lane are meant, and told to go again unless they are only counted. Undefined, and of the lane's own none
 * told, where it does not answer, or a letter's body is not found.
 */
async function replayed(
  known: ReplayDependencies,
  request: ReplayPageRequest,
  lane: LaneToAsk,
): Promise<number | undefined> {
  const parked = await known.lanes.deadLetters(lane.workflowId);
  if (parked === undefined) return undefined;
  if (parked === 'gone') return 0;
  const { events, last } = await replayedAside(known, request, lane, parked.segments);
  const own = await ofType(known, request, lane, await meantOf(known, request, lane, parked.letters));
  const { segments } = last;
  // Together with its own, which are newer: the lane keeps their order.
  const ids = [...last.ids, ...(own ?? []).map(idOf)];
  if (ids.length > 0 && !request.dryRun) {
    await tell(known, request, lane, { ids, segments });
    // Else whoever asks next finds them still parked.
    if (segments.length > 0) await untilStatus(known, lane, isDone);
  }
  return own && events + ids.length;
}

const idOf = ({ eventId }: ParkedEvent): string => eventId;

async function meantOf<Letter extends ParkedEvent>(
  { index }: ReplayDependencies,
  { filter, named, startedAt }: ReplayPageRequest,
  { workflowId }: LaneToAsk,
  letters: readonly Letter[],
): Promise<(Letter & { id: string })[]> {
  const fitting = letters
    .filter((one) => isMeant(one, filter, startedAt) && (!named || named.ids.includes(one.eventId)))
    .map((one) => ({ ...one, id: digestOfEventId(one.eventId) ?? '', acceptedAtMs: Date.parse(one.parkedAt) }));
  return await ofTime(index, workflowId, fitting, filter);
}

type Told = { ids: string[]; segments: number[] };

/** With more ids than this a lane is told in several signals, the oldest first. */
const idsAtOnce = 5_000;

/**
 * Tells of those that are meant and stand aside, the oldest first; a lane has time for each part of them before it is told of the next.
 * How many it told of, or would have, and the last part, which is not told yet.
 */
async function replayedAside(
  known: ReplayDependencies,
  request: ReplayPageRequest,
  lane: LaneToAsk,
  segmentIds: readonly string[],
): Promise<{ events: number; last: Told }> {
  let part: Told = { ids: [], segments: [] };
  let events = 0;
  for (const segmentId of segmentIds) {
    const meant = await meantOf(known, request, lane, await known.lanes.lettersIn(segmentId));
    const ids = meant.filter((one) => isOfType(one, request.filter)).map(idOf);
    if (ids.length === 0) continue;
    if (part.ids.length + ids.length > idsAtOnce && part.ids.length > 0) {
      if (!request.dryRun) {
        await tell(known, request, lane, part);
        await untilStatus(known, lane, hasRoom);
      }
      events += part.ids.length;
      part = { ids: [], segments: [] };
    }
    part.ids.push(...ids);
    part.segments.push(segmentNumberOf(segmentId));
  }
  return { events, last: part };
}

/** Tried again after an unclear answer, the signal has the same request id, and is stored once. */
async function tell(
  { lanes }: ReplayDependencies,
  { id, reason, by, sweep }: ReplayPageRequest,
  { workflowId }: LaneToAsk,
  { ids, segments }: Told,
): Promise<void> {
  const isAnyAside = segments.length > 0;
  const once = sweep ? `${id}/${sweep}` : id;
  const requestKey = isAnyAside ? `${once}/${segments[0]}-${segments.at(-1)}` : once;
  await lanes.signal(workflowId, 'replay', { ids, ...(isAnyAside && { segments }), reason, by }, requestKey);
}

/** With more than this waiting in a lane its dead letters are given time: the next ones come before them. */
const waitingMax = 1_000;
const looksEveryMs = 200;
const waitsForMs = 60_000;

/** Whether the lane has taken out of the segments what it was told of. */
const isDone = ({ deadLettersAside }: LaneStatus): boolean => !deadLettersAside?.asked;
const hasRoom = (status: LaneStatus): boolean =>
  isDone(status) && (status.held !== undefined || status.waitingEvents <= waitingMax);

async function untilStatus(
  { lanes }: ReplayDependencies,
  { workflowId }: LaneToAsk,
  is: (status: LaneStatus) => boolean,
): Promise<void> {
  for (const untilMs = Date.now() + waitsForMs; Date.now() < untilMs; ) {
    const status = await lanes.status(workflowId);
    if (status === 'gone' || (status && is(status))) return;
    await sleep(looksEveryMs);
  }
}

type Letter = ParkedEvent & { id: string };

/**
 * Those of the filter's event type: a lane does not look into bodies, so its history is read for them. Undefined where one's body
 * is not found.
 */
async function ofType(
  { histories }: Pick<ReplayDependencies, 'histories'>,
  { filter }: ReplayPageRequest,
  { workflowId, runId }: LaneToAsk,
  letters: readonly Letter[],
): Promise<readonly Letter[] | undefined> {
  if (filter.eventType === undefined || letters.length === 0 || runId === undefined) return letters;
  const ids = new Set(letters.map(({ id }) => id));
  const bodies = new Map<string, Delivery>();
  const isWhole = (): boolean => letters.every(({ id }) => bodies.has(id));
  const readRun = async (id: string): Promise<void> => {
    const run = await histories.run(workflowId, id);
    const sent = run?.records.flatMap((record) => (record.kind === 'scheduled' ? [record.block] : [])) ?? [];
    const blocks = [...((await run?.carriedBlocks?.()) ?? []), ...sent];
    for (const one of blocks.flatMap(deliveriesOf)) if (ids.has(one.id)) bodies.set(one.id, one);
  };
  await readRun(runId);
  if (!isWhole()) {
    // The lane may be in another run since it was listed, which carries what is parked.
    const now = await histories.now(workflowId);
    if (now.runId !== undefined && now.runId !== runId) await readRun(now.runId);
  }
  if (!isWhole()) return undefined;
  return letters.filter(({ id }) => {
    const body = bodies.get(id);
    return body !== undefined && isOfType(body, filter);
  });
}

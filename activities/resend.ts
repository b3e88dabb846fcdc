import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { blockBytesMax, blockEventsMax, blockOf, type Delivery } from '../domain/block.ts';
import { type Delivered, deliveredIn } from '../domain/deliveredIn.ts';
import { ownRecords } from '../domain/deliveryLog.ts';
import { digestOfEventId } from '../domain/eventId.ts';
import type { LaneStart } from '../domain/lane.ts';
import { laneSignals } from '../domain/laneMessages.ts';
import type { ResendNote } from '../domain/laneSignals.ts';
import { isOfTime, type ReplayFilter, type ResendRequest, type Resent, type RunToRead } from '../domain/replay.ts';
import { beating } from './beating.ts';
import type { LaneCalls } from './laneCalls.ts';
import type { LaneHistories } from './laneHistory.ts';
import type { SignalLane } from './laneStarting.ts';

export type EventTimes = { acceptedAt(workflowId: string, eventIds: readonly string[]): Promise<Map<string, Date>> };
export type ResendDependencies = {
  histories: Pick<LaneHistories, 'run'>;
  index: EventTimes & { add(rows: { eventId: string; workflowId: string; runId: string }[]): Promise<void> };
  signal: SignalLane;
  lanes: Pick<LaneCalls, 'status'>;
  destinations: { get(id: string): Promise<unknown> };
};

/** One run of the activity sends for about so long, so that progress is seen and a cancellation heard. In ms. */
const sendsForMs = 2_000;
/** Where it finds nothing to send it only reads for so long; a run that is begun is read to its end. In ms. */
const readsForMs = 60_000;
/** A part is what so much time at the rate brings, within a block's bounds: a few signals a second, whatever the rate. */
const partsPerSecond = 4;
/** With more than this waiting in a lane that delivers, the replay waits: what is newly accepted waits behind it. */
const waitingMax = 4_000;
const looksEveryMs = 500;
const heartbeatEveryMs = 4_000;
/** So many runs are read at the same time. */
const readsAhead = 4;

/** Sends again what these runs of lanes have delivered that is meant: or counts it. Rejects as Temporal and the store do. */
export async function resendRuns(known: ResendDependencies, request: ResendRequest): Promise<Resent> {
  const context = Context.current();
  const { runs, part, dryRun, eventsPerSecond } = request;
  // An earlier attempt may have come further.
  let place = placeFrom(context.info.heartbeatDetails) ?? { run: 0, part, events: 0, deletedRuns: 0 };
  const begunAt = place.run;
  let endMs = Date.now() + (dryRun ? sendsForMs : readsForMs);
  let isSending = false;
  const isOver = (): boolean => Date.now() >= endMs || context.cancellationSignal.aborted;
  const reading = readAhead(runs, begunAt, (run) => meantOf(known, request, run));
  const resending = async (): Promise<Resent> => {
    for (const [n, run] of runs.entries()) {
      if (n < begunAt) continue;
      if (n > begunAt && isOver()) break;
      const meant = await reading(n);
      const parts = meant?.parts ?? [];
      const first = n === 0 ? part : 0;
      let { events, deletedRuns } = place; // Of the runs before it.
      for (let at = first; at < parts.length; at++) {
        const deliveries = parts[at] ?? [];
        if (meant && !dryRun && at >= place.part && deliveries.length > 0) {
          // Counted from the first part: however long the histories take to read, each run of the activity sends something.
          if (!isSending) endMs = Date.now() + sendsForMs;
          isSending = true;
          if (isOver() || !(await hasRoom(known.lanes, run.workflowId, isOver))) {
            return { events, runs: n, deletedRuns, nextPart: at };
          }
          const sentAtMs = Date.now();
          await send(known, { request, run, round: request.round + n, start: meant.start, part: at, deliveries });
          place = { ...place, part: at + 1 };
          context.heartbeat(place);
          await pause(sentAtMs + (deliveries.length * 1_000) / eventsPerSecond, context.cancellationSignal);
        }
        events += deliveries.length;
      }
      if (!meant) deletedRuns++;
      place = { run: n + 1, part: 0, events, deletedRuns };
      context.heartbeat(place);
    }
    return { events: place.events, runs: place.run, deletedRuns: place.deletedRuns };
  };
  return await beating(heartbeatEveryMs, resending, () => place);
}

/** How far an attempt came: this part of this run is the next; and what it counted in the runs before that one. */
type Place = { run: number; part: number; events: number; deletedRuns: number };

function placeFrom(details: unknown): Place | undefined {
  if (typeof details !== 'object' || details === null) return undefined;
  if (!('run' in details && 'part' in details && 'events' in details && 'deletedRuns' in details)) return undefined;
  const { run, part, events, deletedRuns } = details;
  if (typeof run !== 'number' || typeof part !== 'number') return undefined;
  return typeof events === 'number' && typeof deletedRuns === 'number' ? { run, part, events, deletedRuns } : undefined;
}

async function pause(untilMs: number, signal: AbortSignal): Promise<void> {
  const pauseMs = untilMs - Date.now();
  if (pauseMs > 0) await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
}

/** Reads the runs from one on in their order, some ahead of the one that is asked for, and keeps none of those before it. */
function readAhead<Read>(runs: readonly RunToRead[], from: number, read: (run: RunToRead) => Promise<Read>) {
  const reads = new Map<number, Promise<Read>>();
  let begun = from;
  return (n: number): Promise<Read> => {
    for (const run of runs.slice(begun, n + readsAhead)) {
      const reading = read(run);
      reading.catch(() => undefined); // Who asks for it hears it.
      reads.set(begun++, reading);
    }
    for (const earlier of reads.keys()) if (earlier < n) reads.delete(earlier);
    return reads.get(n) ?? Promise.reject(new Error(`There is no run ${n}.`));
  };
}

type Meant = { start: LaneStart | undefined; parts: Delivered[][] };

/**
 * What the run has delivered that is meant, in parts; undefined where retention has deleted it. A lane knows the parts by their
 * numbers, so they are cut of what the history alone says, which is the same in each attempt, and the time, for which the index
 * is asked, only leaves events out of them.
 */
async function meantOf(
  { histories, destinations, index }: ResendDependencies,
  { filter, ids, startedAt, eventsPerSecond }: ResendRequest,
  { workflowId, runId }: RunToRead,
): Promise<Meant | undefined> {
  const run = await histories.run(workflowId, runId);
  if (!run) return undefined;
  const { start } = run;
  // Of a destination that is deleted nothing goes out.
  if (!start || !(await destinations.get(start.destinationId))) return { start, parts: [] };
  // What a reset copied is told by the run that it was copied from.
  const delivered = deliveredIn(ownRecords(run), Date.parse(startedAt));
  const named = ids && new Set(ids.map(digestOfEventId));
  const fitting = delivered.filter((one) => (!named || named.has(one.id)) && isOfType(one, filter));
  const inTime = new Set(await ofTime(index, workflowId, fitting, filter));
  const parts = partsOf(fitting, eventsPerSecond).map((part) => part.filter((one) => inTime.has(one)));
  return { start, parts };
}

/** Whether the event is of the type that the filter names. */
export function isOfType({ value }: Pick<Delivery, 'value'>, { eventType }: ReplayFilter): boolean {
  if (eventType === undefined) return true;
  const event: unknown = JSON.parse(Buffer.from(value).toString());
  return typeof event === 'object' && event !== null && 'eventType' in event && event.eventType === eventType;
}

/** Those that were accepted in the filter's time; of one that the index does not know, its block's time counts. */
export async function ofTime<Event extends { id: string; acceptedAtMs: number }>(
  index: EventTimes,
  workflowId: string,
  events: readonly Event[],
  filter: ReplayFilter,
): Promise<Event[]> {
  if (filter.acceptedFrom === undefined && filter.acceptedTo === undefined) return [...events];
  const ids = events.map(({ id }) => id);
  const times = ids.length === 0 ? new Map<string, Date>() : await index.acceptedAt(workflowId, ids);
  return events.filter(({ id, acceptedAtMs }) => isOfTime(times.get(id)?.getTime() ?? acceptedAtMs, filter));
}

/** The same events at the same rate make the same parts. */
function partsOf(events: readonly Delivered[], eventsPerSecond: number): Delivered[][] {
  const eventsMax = Math.min(Math.max(Math.floor(eventsPerSecond / partsPerSecond), 1), blockEventsMax);
  const parts: Delivered[][] = [];
  let bytes = 0;
  for (const event of events) {
    const open = parts.at(-1);
    bytes += event.value.length;
    if (open && open.length < eventsMax && bytes <= blockBytesMax) open.push(event);
    else {
      parts.push([event]);
      bytes = event.value.length;
    }
  }
  return parts;
}

/**
 * Whether the lane has room now or soon. One that is held takes what comes, into segments. For one that does not answer nobody
 * works: what it is sent would only pile up in its run, which Temporal bounds.
 */
async function hasRoom(
  lanes: ResendDependencies['lanes'],
  workflowId: string,
  isOver: () => boolean,
): Promise<boolean> {
  for (;;) {
    const status = await lanes.status(workflowId);
    if (status === 'gone') return true;
    if (status && (status.held || status.waitingEvents <= waitingMax)) return true;
    if (isOver()) return false;
    await sleep(looksEveryMs);
  }
}

type Part = {
  request: ResendRequest;
  run: RunToRead;
  round: number;
  start: LaneStart | undefined;
  part: number;
  deliveries: readonly Delivered[];
};

async function send({ signal, index }: ResendDependencies, { request, run, start, ...place }: Part): Promise<void> {
  if (!start) return;
  const { id: replay, reason, by } = request;
  const { round, part, deliveries } = place;
  const { workflowId } = run;
  const note: ResendNote = { replay, round, part, reason, by };
  const acceptedAtMs = Math.min(...deliveries.map((one) => one.acceptedAtMs));
  const inputs = [blockOf(deliveries, acceptedAtMs, 0), note];
  const requestId = createHash('sha256')
    .update(JSON.stringify([replay, round, part, workflowId]))
    .digest('hex');
  const { runId } = await signal({ workflowId, start, signal: laneSignals.resend, inputs, requestId });
  // The way from the event's id to the run that has it once more.
  await index.add(deliveries.map(({ id }) => ({ eventId: id, workflowId, runId })));
}

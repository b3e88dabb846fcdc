import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { blockBytesMax, blockEventsMax, blockOf, type Delivery } from '../domain/block.ts';
import { type Delivered, deliveredIn } from '../domain/deliveredIn.ts';
import { ownRecords } from '../domain/deliveryLog.ts';
import { digestOfEventId } from '../domain/eventId.ts';
import { isObject } from '../domain/isObject.ts';
import type { LaneStart } from '../domain/lane.ts';
import { laneSignals } from '../domain/laneMessages.ts';
import type { ResendNote } from '../domain/laneSignals.ts';
import type { LeftRun } from '../domain/passedOver.ts';
import type { RunToRead } from '../domain/replay.ts';
import type { ResendRequest, Resent } from '../domain/replayCalls.ts';
import { isOfTime, type ReplayFilter } from '../domain/replayFilter.ts';
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
/** So long a lane may have no room before it is passed over, and all others go on. In ms. */
const roomWaitMs = 15_000;
const heartbeatEveryMs = 4_000;
/** So many runs are read at the same time. */
const readsAhead = 4;

/** Sends again what these runs of lanes have delivered that is meant: or counts it. Rejects as Temporal and the store do. */
export async function resendRuns(known: ResendDependencies, request: ResendRequest): Promise<Resent> {
  const resending = new Resending(known, request);
  return await beating(
    heartbeatEveryMs,
    () => resending.all(),
    () => resending.place,
  );
}

/** How far an attempt came: this part of this run is the next; and what it counted, and left out, in the runs before that one. */
type Place = { run: number; part: number; events: number; deletedRuns: number; left: LeftRun[] };

class Resending {
  private readonly context = Context.current();
  /** An earlier attempt may have come further. */
  place: Place;
  private readonly begunAt: number;
  private endMs: number;
  private isSending = false;

  constructor(
    private readonly known: ResendDependencies,
    private readonly request: ResendRequest,
  ) {
    const { part, dryRun } = request;
    this.place = placeFrom(this.context.info.heartbeatDetails) ?? { run: 0, part, events: 0, deletedRuns: 0, left: [] };
    this.begunAt = this.place.run;
    this.endMs = Date.now() + (dryRun ? sendsForMs : readsForMs);
  }

  async all(): Promise<Resent> {
    const { runs } = this.request;
    const reading = readAhead(runs, this.begunAt, (run) => meantOf(this.known, this.request, run));
    for (const [n, run] of runs.entries()) {
      if (n < this.begunAt) continue;
      if (n > this.begunAt && this.isOver()) break;
      const meant = await reading(n);
      const end = meant ? await this.run(n, run, meant) : { events: 0 };
      const { events, deletedRuns, left } = this.place; // Of the runs before it.
      if (end.nextPart !== undefined) {
        return { events: events + end.events, runs: n, deletedRuns, nextPart: end.nextPart, ...leftIn(left) };
      }
      const counts = { events: events + end.events, deletedRuns: deletedRuns + (meant ? 0 : 1) };
      this.at({ run: n + 1, part: 0, ...counts, left: end.left ? [...left, end.left] : left });
    }
    const { run, events, deletedRuns, left } = this.place;
    return { events, runs: run, deletedRuns, ...leftIn(left) };
  }

  /** How many events of the run were sent, or counted; and where it goes on, or what of it is left out. */
  private async run(n: number, run: RunToRead, { parts, start }: Meant): Promise<RunEnd> {
    const { dryRun, eventsPerSecond } = this.request;
    const round = this.request.round + n;
    let events = 0;
    for (let at = n === 0 ? this.request.part : 0; at < parts.length; at++) {
      const deliveries = parts[at] ?? [];
      if (!dryRun && at >= this.place.part && deliveries.length > 0) {
        const room = await this.room(run);
        if (room === 'later') return { events, nextPart: at };
        if (room === 'none') {
          const rest = parts.slice(at).reduce((sum, one) => sum + one.length, 0);
          return { events, left: { ...run, round, part: at, events: rest } };
        }
        const sentAtMs = Date.now();
        await send(this.known, { request: this.request, run, round, start, part: at, deliveries });
        this.at({ ...this.place, part: at + 1 });
        await pause(sentAtMs + (deliveries.length * 1_000) / eventsPerSecond, this.context.cancellationSignal);
      }
      events += deliveries.length;
    }
    return { events };
  }

  /** Whether the lane has room now, or soon; `none` where it is passed over. */
  private async room({ workflowId }: RunToRead): Promise<Room> {
    const { passedOver } = this.request;
    const isFirst = !this.isSending;
    // Counted from the first part: however long the histories take to read, each run of the activity sends something.
    if (isFirst) this.endMs = Date.now() + sendsForMs;
    this.isSending = true;
    if (passedOver?.includes(workflowId) || this.place.left.some((one) => one.workflowId === workflowId)) return 'none';
    if (this.isOver()) return 'later';
    // Progress is seen first: the next run of the activity begins with the lane, and waits for it.
    const waitMs = passedOver === undefined ? undefined : isFirst ? roomWaitMs : 0;
    return await roomIn(this.known.lanes, workflowId, {
      waitMs,
      isFirst,
      isOver: () => this.isOver(),
      context: this.context,
    });
  }

  private isOver(): boolean {
    return Date.now() >= this.endMs || this.context.cancellationSignal.aborted;
  }

  private at(place: Place): void {
    this.place = place;
    this.context.heartbeat(place);
  }
}

type RunEnd = { events: number; nextPart?: number; left?: LeftRun };
type Room = 'room' | 'later' | 'none';
const leftIn = (left: LeftRun[]): Pick<Resent, 'left'> => (left.length === 0 ? {} : { left });

function placeFrom(details: unknown): Place | undefined {
  if (!isObject(details)) return undefined;
  const { run, part, events, deletedRuns, left = [] } = details;
  if (typeof run !== 'number' || typeof part !== 'number' || !Array.isArray(left)) return undefined;
  return typeof events === 'number' && typeof deletedRuns === 'number'
    ? { run, part, events, deletedRuns, left } // What an attempt of this activity has left is our own.
    : undefined;
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

type Waiting = { waitMs: number | undefined; isFirst: boolean; isOver: () => boolean; context: Context };

/**
 * Whether the lane has room. One that is held takes what comes, into segments. For one that does not answer nobody works: what it is
 * sent would only pile up in its run, which Temporal bounds.
 */
async function roomIn(
  lanes: ResendDependencies['lanes'],
  workflowId: string,
  { waitMs, isFirst, isOver, context }: Waiting,
): Promise<Room> {
  const untilMs = Date.now() + (waitMs ?? 0);
  for (;;) {
    const status = await lanes.status(workflowId);
    if (status === 'gone') return 'room';
    if (status && (status.held || status.waitingEvents <= waitingMax)) return 'room';
    if (context.cancellationSignal.aborted) return 'later';
    if (waitMs === undefined ? isOver() : !isFirst) return 'later';
    if (waitMs !== undefined && Date.now() >= untilMs) return 'none';
    await pause(Date.now() + looksEveryMs, context.cancellationSignal);
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

import { eventIdPrefix } from '../domain/eventId.ts';
import { attemptEntries, type LaneLogEntry } from '../domain/laneLog.ts';
import { isOpen } from '../domain/lostAttempts.ts';
import { BodyReads, type LostBodies } from './bodyReads.ts';
import { type HistoryEvent, msOf, resetIn } from './historyEvent.ts';
import type { LaneHistories } from './laneHistory.ts';
import { type Batches, entriesOfEvent } from './laneLogEntries.ts';
import type { ListRuns } from './settledBefore.ts';
import { Turns } from './turns.ts';

/** Where a page ended: so many entries of this run are still to be shown, and what was shown began then. */
export type LaneLogPlace = { runId: string; left: number; startedAtMs: number };

export type LaneLogPage = {
  /** The newest first. */
  entries: LaneLogEntry[];
  next?: LaneLogPlace | undefined;
  /** Set on the last page where there was more once: what happened before this time Temporal has deleted (retention). */
  deletedBeforeMs?: number | undefined;
};

type PageAsked = { place?: LaneLogPlace | undefined; entriesMax: number };

/** So many runs are read for one page at the most: the page is then short, and another follows. */
const runsOfPage = 10;
/** No further run is read after so much of histories, in bytes of payloads; one run is never more than some 10 MB. */
const bytesOfPage = 4 * 1024 * 1024;
/** So many pages are read at once: with more, whoever posts events would feel it. */
const atOnce = { atOnce: 4, waiting: 32 };
const tooMany = 'Too many read logs of lanes at once. Ask again after a second.';

type ReadRun = {
  runId: string;
  entries: LaneLogEntry[];
  bytes: number;
  startedAtMs: number;
  previousRunId: string | undefined;
  resetOf: string | undefined;
};

/** How many bytes the payloads of an event take as Temporal stores them: nearly all that a history is. */
const payloadBytesOf = (event: HistoryEvent): number =>
  [
    event.workflowExecutionStartedEventAttributes?.input,
    event.workflowExecutionSignaledEventAttributes?.input,
    event.activityTaskScheduledEventAttributes?.input,
    event.activityTaskCompletedEventAttributes?.result,
    event.startChildWorkflowExecutionInitiatedEventAttributes?.input,
    event.workflowExecutionContinuedAsNewEventAttributes?.input,
  ].reduce((sum, payloads) => sum + (payloads?.payloads ?? []).reduce((n, { data }) => n + (data?.length ?? 0), 0), 0);

/** Reads the log of lanes out of Temporal, from run to run. Rejects with `temporal_unavailable` or `overloaded`. */
export class LaneLogs {
  private readonly turns = new Turns(atOnce, tooMany);

  constructor(
    private readonly histories: Pick<LaneHistories, 'eachEvent' | 'now' | 'decoded' | 'signalInputs' | 'messageOf'>,
    private readonly listRuns: ListRuns,
  ) {}

  /** A page of `entriesMax` entries, from that place on or from now on. Undefined where Temporal has nothing of the lane. */
  page(workflowId: string, asked: PageAsked): Promise<LaneLogPage | undefined> {
    return this.turns.take(() => this.pageNow(workflowId, asked));
  }

  private async pageNow(workflowId: string, { place, entriesMax }: PageAsked): Promise<LaneLogPage | undefined> {
    const now = place ? undefined : await this.histories.now(workflowId);
    let at: { runId: string | undefined; left?: number; startedAtMs?: number } = place ?? { runId: now?.runId };
    const page: LaneLogPage = { entries: [] };
    let bytes = 0;
    for (let runs = 0; at.runId !== undefined; runs++) {
      const { runId, left: leftOver = allOf, startedAtMs } = at;
      const isEnough = runs === runsOfPage || bytes >= bytesOfPage || page.entries.length === entriesMax;
      if (startedAtMs !== undefined && runs > 0 && isEnough) {
        return { ...page, next: { runId, left: leftOver, startedAtMs } };
      }
      const run: ReadRun | undefined = await this.read(workflowId, runId, place || runs > 0 ? undefined : now?.running);
      if (!run) return startedAtMs === undefined ? undefined : { ...page, deletedBeforeMs: startedAtMs };
      bytes += run.bytes;
      const left = Math.min(leftOver, run.entries.length);
      const taken = Math.min(left, entriesMax - page.entries.length);
      page.entries.push(...run.entries.slice(left - taken, left).reverse());
      if (taken < left) return { ...page, next: { runId, left: left - taken, startedAtMs: run.startedAtMs } };
      at = { runId: await this.before(workflowId, run, !place && runs === 0), startedAtMs: run.startedAtMs };
    }
    return at.startedAtMs === undefined ? undefined : page;
  }

  /**
   * The run that came before this one. Before a run that a reset made came those that the reset took back: the newest of them
   * leads to the others. Before a lane that began anew came, if any, one that had nothing left to do.
   */
  private async before(workflowId: string, run: ReadRun, isNewest: boolean): Promise<string | undefined> {
    if (run.previousRunId !== undefined && run.resetOf === undefined) return run.previousRunId;
    const listed = await this.listRuns(workflowId);
    const position = listed.indexOf(run.runId);
    // One that it does not list is newer than all, which it has not heard of yet, or older than all that it lists.
    if (position < 0 && !isNewest) return run.resetOf;
    return listed[position + 1] ?? run.resetOf; // Open ones come first, then those that closed last.
  }

  private async read(
    workflowId: string,
    runId: string,
    running: Awaited<ReturnType<LaneHistories['now']>>['running'],
  ): Promise<ReadRun | undefined> {
    let started: HistoryEvent | undefined;
    let resetOf: string | undefined;
    let bytes = 0;
    const batches: Batches = new Map();
    const entries: LaneLogEntry[] = [];
    const reads = new BodyReads(this.histories);
    const isThere = await this.histories.eachEvent(workflowId, runId, async (event) => {
      started ??= event;
      bytes += payloadBytesOf(event);
      const reset = resetIn(event);
      if (reset) {
        resetOf = reset.baseRunId;
        entries.length = 0; // What a reset copied stands in the run that it was copied from.
      }
      entries.push(...(await entriesOfEvent(this.histories, runId, event, batches)));
      await reads.note(event);
      entries.push(...lostEntries(`${runId}/${event.eventId}`, await reads.lostIn(event)));
    });
    if (!isThere || !started) return undefined;
    const batch = [...batches.values()].find(({ activity }) => activity === running?.activity);
    const tries = running?.progress?.attempts.filter((attempt) => !isOpen(attempt)) ?? [];
    if (batch) entries.push(...attemptEntries(batch, tries));
    const previousRunId = started.workflowExecutionStartedEventAttributes?.continuedExecutionRunId || undefined;
    return { runId, entries, bytes, startedAtMs: msOf(started.eventTime), previousRunId, resetOf };
  }
}

/** Dead letters that are parked again, for their bodies are lost. */
const lostEntries = (event: string, lost: LostBodies | undefined): LaneLogEntry[] =>
  lost
    ? lost.letters.map(({ id }) => ({
        ...{ id: `${event}/${id}`, atMs: lost.atMs, kind: 'parked', eventId: eventIdPrefix + id, error: lost.error },
      }))
    : [];

const allOf = Number.MAX_SAFE_INTEGER;

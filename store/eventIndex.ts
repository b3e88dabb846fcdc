import { CausewayError } from '../domain/error.ts';
import { laneWorkflowId } from '../domain/lane.ts';
import { idArray, int4Array, textArray, uuidArray } from './binaryArray.ts';
import { dayOf, dropPartitionsBefore, ensurePartitions } from './eventIndexPartitions.ts';
import { type EventPlace, type EventsIn, type RecentEvents, recentEvents } from './eventSearch.ts';
import { forgetNotesBefore } from './eventsOnTheirWay.ts';
import type { StoreLogger } from './logger.ts';
import type { Database } from './pool.ts';

/** An event that was stored in a lane: its id's 22 characters without prefix, and the run that got it. */
export type IndexedEvent = { eventId: string; workflowId: string; runId: string };
/** `laterRunIds`: runs that got it once more, from a second POST or a replay; the earliest first. */
export type FoundLane = { workflowId: string; runId: string; acceptedAt: Date; laterRunIds: string[] };

/** A lane that an event was stored in: first, and for the last time. `isOnItsWay`: it may not be stored there yet, or never be. */
export type EventLane = { eventId: string; workflowId: string; firstAt: Date; lastAt: Date; isOnItsWay: boolean };

export type EventIndexOptions = { retentionDays?: number | undefined; logger?: StoreLogger | undefined };

/** Rows of one insert, unless one call alone brings more. */
const groupRowsMax = 5_000;
/** Rows that may wait for their insert: about 100 MB. */
const waitingRowsMax = 200_000;
const callRowsMax = 20_000;
const maintenanceEveryMs = 60 * 60 * 1000;
const dayMs = 24 * 60 * 60 * 1000;

type Waiting = { rows: readonly IndexedEvent[]; stored: () => void; failed: (error: unknown) => void };

/**
 * The way from an event's id to the lanes that carry it: docs/decisions/event-index.md. A group commit: one insert is in
 * flight at a time, and what arrives meanwhile goes into the next.
 */
export class EventIndex {
  private waiting: Waiting[] = [];
  private waitingRows = 0;
  private inserting: Promise<void> | undefined;
  private throughDay = '';
  private readonly timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly options: EventIndexOptions = {},
  ) {
    if (options.retentionDays === undefined) return;
    const retentionMs = options.retentionDays * dayMs;
    this.timer = setInterval(() => void this.maintain(retentionMs), maintenanceEveryMs);
    this.timer.unref();
  }

  /**
   * Resolves once the rows are committed. An event that comes again is added for another run only; `find` shows the first.
   * Rejects with `overloaded` before anything is kept, `index_row_invalid`, or as the database does: then send them again.
   */
  add(rows: readonly IndexedEvent[]): Promise<void> {
    if (rows.length === 0) return Promise.resolve();
    if (rows.length > callRowsMax || !rows.every(isValid)) return Promise.reject(invalid());
    if (this.waitingRows + rows.length > waitingRowsMax) {
      const remedy = 'More events wait for the index than this process may hold. Send again after a second.';
      return Promise.reject(new CausewayError('overloaded', remedy));
    }
    this.waitingRows += rows.length;
    return new Promise((stored, failed) => {
      this.waiting.push({ rows, stored, failed });
      this.inserting ??= this.insertAll();
    });
  }

  /** Every lane that took the event, each with the run that took it first; the earliest first. */
  async find(eventId: string): Promise<FoundLane[]> {
    const id = Buffer.from(eventId, 'base64url');
    if (id.length !== idBytes) return [];
    const rows = await this.database.query<{ workflow_id: string; run_id: string; accepted_at: Date }>({
      name: 'event-index-find',
      text: selectLanes,
      values: [id, rowsPerEventMax],
    });
    const lanes = new Map<string, FoundLane>();
    for (const { workflow_id: workflowId, run_id: runId, accepted_at: acceptedAt } of rows) {
      const known = lanes.get(workflowId);
      if (known) known.laterRunIds.push(runId);
      else lanes.set(workflowId, { workflowId, runId, acceptedAt, laterRunIds: [] });
    }
    return [...lanes.values()];
  }

  /** When the lane took each of these events first, by their ids; one that is not in the index has no entry. */
  async acceptedAt(workflowId: string, eventIds: readonly string[]): Promise<Map<string, Date>> {
    const rows = await this.database.query<{ event_id: string; accepted_at: Date }>({
      name: 'event-index-accepted-at',
      text: selectAcceptedAt,
      values: [idArray(eventIds), workflowId],
    });
    return new Map(rows.map((row) => [digestOfUuid(row.event_id), row.accepted_at]));
  }

  /**
   * The lanes that each of these events was stored in since then, of all destinations, or is on its way into. `firstAt` may be the first
   * time since the beginning of that day only.
   */
  async lanesOf(eventIds: readonly string[], since: Date): Promise<EventLane[]> {
    type Row = { event_id: string; workflow_id: string; first_at: Date; last_at: Date; is_on_its_way: boolean };
    const rows = await this.database.query<Row>({
      name: 'event-index-lanes-of',
      text: selectLanesOf,
      values: [idArray(eventIds), dayOf(since)],
    });
    return rows.map((row) => ({
      eventId: digestOfUuid(row.event_id),
      workflowId: row.workflow_id,
      firstAt: row.first_at,
      lastAt: row.last_at,
      isOnItsWay: row.is_on_its_way,
    }));
  }

  /** The events of a lane or of some destinations, the newest first: see {@link recentEvents}. */
  recent(where: EventsIn, page: { limit: number; before?: EventPlace | undefined }): Promise<RecentEvents> {
    const { retentionDays = 3_650 } = this.options;
    const sinceMs = Date.now() - retentionDays * dayMs;
    return recentEvents(this.database, where, { ...page, before: page.before, sinceMs });
  }

  /** Lanes of a destination that took events since then, at most `limit` of them. */
  async lanesSince(destinationId: string, since: Date, limit: number): Promise<string[]> {
    const rows = await this.database.query<{ workflow_id: string }>({
      text: selectLanesSince,
      values: [laneWorkflowId(destinationId, ''), since, dayOf(since), limit],
    });
    return rows.map((row) => row.workflow_id);
  }

  /** Forgets the events accepted on days (UTC) before that of `date`. Answers with the names of the tables that went. */
  dropBefore(date: Date): Promise<string[]> {
    return dropPartitionsBefore(this.database, date);
  }

  /** Resolves when nothing waits any more. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    while (this.inserting) await this.inserting;
  }

  private async insertAll(): Promise<void> {
    while (this.waiting.length > 0) {
      const group = this.takeGroup();
      try {
        await this.insert(group.flatMap(({ rows }) => rows));
        for (const { stored } of group) stored();
      } catch (error) {
        for (const { failed } of group) failed(error);
      }
      for (const { rows } of group) this.waitingRows -= rows.length;
    }
    this.inserting = undefined;
  }

  private takeGroup(): Waiting[] {
    let rows = 0;
    let calls = 0;
    for (const waiting of this.waiting) {
      if (calls > 0 && rows + waiting.rows.length > groupRowsMax) break;
      rows += waiting.rows.length;
      calls++;
    }
    return this.waiting.splice(0, calls);
  }

  private async insert(rows: readonly IndexedEvent[]): Promise<void> {
    const now = new Date();
    // By a day's margin: nobody waits for a partition at midnight.
    const tomorrow = dayOf(new Date(now.getTime() + dayMs));
    if (this.throughDay < tomorrow) this.throughDay = (await ensurePartitions(this.database, now)).throughDay;
    await this.database.query({
      name: 'event-index-add',
      text: insertRows,
      values: [...columnsOf(rows), now, dayOf(now)],
    });
  }

  private async maintain(retentionMs: number): Promise<void> {
    try {
      await ensurePartitions(this.database, new Date());
      const before = new Date(Date.now() - retentionMs);
      await this.dropBefore(before);
      await forgetNotesBefore(this.database, before);
    } catch (error) {
      this.options.logger?.warn({ err: error }, 'the event index could not be tidied: the next hour tries again');
    }
  }
}

const idBytes = 16;
const rowsPerEventMax = 2_000;

/** $1 event id, $2 how many rows. */
const selectLanes = `
  select workflow_id, run_id, accepted_at from event_index where event_id = $1 order by accepted_at limit $2`;

/** $1 event ids, $2 workflow id. */
const selectAcceptedAt = `
  select event_id, min(accepted_at) as accepted_at from event_index
  where event_id = any($1::uuid[]) and workflow_id = $2 group by event_id`;

/** $1 event ids, $2 a day (UTC) before which nothing counts. */
const selectLanesOf = `
  select event_id, workflow_id, min(accepted_at) as first_at, max(accepted_at) as last_at, false as is_on_its_way
  from event_index where event_id = any($1::uuid[]) and accepted_on >= $2::date group by event_id, workflow_id
  union all
  select event_id, workflow_id, seen_at, seen_at, true
  from events_on_their_way where event_id = any($1::uuid[]) and seen_at >= $2::date::timestamp at time zone 'UTC'`;

const digestOfUuid = (uuid: string): string => Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url');

/** $1 what the workflow ids begin with, $2 the time, $3 its day, $4 how many. */
const selectLanesSince = `
  select distinct workflow_id from event_index
  where accepted_at >= $2 and accepted_on >= $3::date and starts_with(workflow_id, $1) limit $4`;

const isValid = ({ eventId, workflowId, runId }: IndexedEvent): boolean =>
  /^[\w-]{22}$/.test(eventId) &&
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(runId) &&
  !workflowId.includes('\0');

const invalid = (): CausewayError =>
  new CausewayError(
    'index_row_invalid',
    `At most ${callRowsMax} rows, each with an id of 22 characters of base64url, a run id and a workflow id without NUL.`,
  );

/**
 * Lanes are few beside events, so each is sent once: $1 event ids, $2 the position of each one's lane in $3 and $4.
 * Sorted, so that two processes that insert the same ids can't wait for each other.
 */
const insertRows = `
  insert into event_index (event_id, workflow_id, run_id, accepted_at, accepted_on)
  select event.id, lane.workflow_id, lane.run_id, $5::timestamptz, $6::date
  from unnest($1::uuid[], $2::int4[]) as event (id, lane)
  join unnest($3::text[], $4::uuid[]) with ordinality as lane (workflow_id, run_id, position) on lane.position = event.lane
  order by event.id, lane.run_id
  on conflict do nothing`;

function columnsOf(rows: readonly IndexedEvent[]): Buffer[] {
  const positions = new Map<string, number>();
  const lanes: IndexedEvent[] = [];
  const laneOfRow = rows.map((row) => {
    const name = row.runId + row.workflowId;
    const known = positions.get(name);
    if (known !== undefined) return known;
    lanes.push(row);
    positions.set(name, lanes.length);
    return lanes.length;
  });
  return [
    uuidArray(rows, ({ eventId }, buffer, at) => buffer.write(eventId, at, 'base64url')),
    int4Array(laneOfRow),
    textArray(lanes.map(({ workflowId }) => workflowId)),
    uuidArray(lanes, ({ runId }, buffer, at) => buffer.write(runId.replaceAll('-', ''), at, 'hex')),
  ];
}

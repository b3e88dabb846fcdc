import type { Database } from './pool.ts';

/** An event as a lane took it. */
export type RecentEvent = { eventId: string; workflowId: string; runId: string; acceptedAt: Date };
/** In one lane, or in any of some destinations. */
export type EventsIn = { workflowId: string } | { destinationIds: readonly string[] };
/** Where a page ended; the id and run are of its last row, empty where it ended just before a time. */
export type EventPlace = { atMs: number; eventId: string; runId: string };
export type RecentEvents = { events: RecentEvent[]; next?: EventPlace };

/**
 * It is looked into the past by spans that grow, in ms, so that a busy lane's newest events are found without its older ones being
 * looked at, and a quiet one's in a few steps.
 */
const spansMs = [60_000, 600_000, 3 * 3_600_000, 24 * 3_600_000, 7 * 24 * 3_600_000, 3_650 * 24 * 3_600_000];
/** After so long a page ends where it is, in ms: the next one goes on. */
const searchesForMs = 2_000;

type Row = { event_id: string; workflow_id: string; run_id: string; accepted_at: Date; is_first: boolean };

/**
 * $1 from and $2 to (a time, or that of the row it ended at), $3 and $4 their days, $5 that row's event and $6 its run, $7 how many, $8 the
 * lane or the destinations. A row is the first where the lane had the event in no row before: a second POST and a replay add others.
 */
const selectRecent = (where: string): string => `
  select r.*, not exists (
    select from event_index e
    where e.event_id = r.event_id and e.workflow_id = r.workflow_id and e.accepted_at < r.accepted_at
  ) as is_first
  from (
    select event_id, workflow_id, run_id, accepted_at from event_index
    where accepted_at >= $1::timestamptz and accepted_at <= $2::timestamptz
      and accepted_on >= $3::date and accepted_on <= $4::date
      and (accepted_at, event_id, run_id) < ($2::timestamptz, $5::uuid, $6::uuid) and ${where}
    order by accepted_at desc, event_id desc, run_id desc limit $7
  ) r order by accepted_at desc, event_id desc, run_id desc`;
const inLane = selectRecent('workflow_id = $8');
const inDestinations = selectRecent("split_part(workflow_id, ':', 2) = any($8::text[])");

/** Before all others: what is accepted at the very time is not before it. */
const firstUuid = '00000000-0000-0000-0000-000000000000';
const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const uuidOf = (digest: string): string => {
  const hex = Buffer.from(digest, 'base64url').toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
};
const digestOf = (uuid: string): string => Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url');

/**
 * The events that were accepted there, the newest first, each once for a lane. A page may have fewer than `limit`, even none, and be
 * followed by another. `sinceMs`: the index has nothing older.
 */
export async function recentEvents(
  database: Database,
  where: EventsIn,
  { limit, before, sinceMs }: { limit: number; before: EventPlace | undefined; sinceMs: number },
): Promise<RecentEvents> {
  const events: RecentEvent[] = [];
  const endsAtMs = performance.now() + searchesForMs;
  let place = before ?? { atMs: Date.now() + 60_000, eventId: '', runId: '' };
  for (const spanMs of spansMs) {
    const fromMs = Math.max(place.atMs - spanMs, sinceMs);
    const wanted = limit - events.length + 1;
    const rows = await rowsBetween(database, where, { fromMs, place, wanted });
    for (const row of rows) {
      if (events.length === limit) return { events, next: place };
      place = placeOf(row);
      if (row.is_first) events.push(eventOf(row));
    }
    if (rows.length === wanted) return { events, next: place };
    if (fromMs <= sinceMs) return { events };
    place = { atMs: fromMs, eventId: '', runId: '' };
    if (performance.now() > endsAtMs) break;
  }
  return { events, next: place };
}

async function rowsBetween(
  database: Database,
  where: EventsIn,
  { fromMs, place, wanted }: { fromMs: number; place: EventPlace; wanted: number },
): Promise<Row[]> {
  const { atMs, eventId, runId } = place;
  const isLane = 'workflowId' in where;
  return await database.query<Row>({
    text: isLane ? inLane : inDestinations,
    values: [
      ...[new Date(fromMs), new Date(atMs), dayOf(fromMs), dayOf(atMs)],
      ...[eventId === '' ? firstUuid : uuidOf(eventId), runId === '' ? firstUuid : runId, wanted],
      isLane ? where.workflowId : where.destinationIds,
    ],
  });
}

const eventOf = (row: Row): RecentEvent => ({
  eventId: digestOf(row.event_id),
  workflowId: row.workflow_id,
  runId: row.run_id,
  acceptedAt: row.accepted_at,
});
const placeOf = (row: Row): EventPlace => ({
  atMs: row.accepted_at.getTime(),
  eventId: digestOf(row.event_id),
  runId: row.run_id,
});

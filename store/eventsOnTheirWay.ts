import { idArray, textArray } from './binaryArray.ts';
import type { IndexedEvent } from './eventIndex.ts';
import type { Database } from './pool.ts';

/** What was not noted again for so long is stored, or is not and won't be: Temporal may take 8 s for a signal. */
const onTheirWayFor = `interval '30 seconds'`;

/** $1 event ids, $2 the lane of each. Sorted as those of the event index are, and each once. */
const upsert = `
  insert into events_on_their_way (event_id, workflow_id)
  select distinct event_id, workflow_id from unnest($1::uuid[], $2::text[]) as event (event_id, workflow_id)
  order by event_id, workflow_id
  on conflict (event_id, workflow_id) do update set seen_at = now()`;

/** $1 the event id alone, $2 the lane. */
const forgetOne = `
  delete from events_on_their_way
  where event_id = any($1::uuid[]) and workflow_id = $2 and seen_at < now() - ${onTheirWayFor}`;

/**
 * Events that may soon be stored in lanes that their keys have no more: docs/decisions/lane-change.md. `EventIndex.lanesOf` tells of them.
 */
export class EventsOnTheirWay {
  constructor(private readonly database: Database) {}

  async note(events: readonly Pick<IndexedEvent, 'eventId' | 'workflowId'>[]): Promise<void> {
    const lanes = textArray(events.map(({ workflowId }) => workflowId));
    await this.database.query(upsert, [idArray(events.map(({ eventId }) => eventId)), lanes]);
  }

  /** The lane does not have the event: its note goes, unless the event may still be on its way. */
  async isNotThere(eventId: string, workflowId: string): Promise<void> {
    await this.database.query(forgetOne, [idArray([eventId]), workflowId]);
  }
}

export async function forgetNotesBefore(database: Database, time: Date): Promise<void> {
  await database.query('delete from events_on_their_way where seen_at < $1', [time]);
}

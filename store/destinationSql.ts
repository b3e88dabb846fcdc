import type pg from 'pg';
import { CausewayError } from '../domain/error.ts';
import type { DestinationSettings } from './destinationChange.ts';
import type { Config, DestinationRow } from './destinationRow.ts';
import { earlierOf } from './earlierCredentials.ts';

type Columns = Omit<DestinationSettings, 'customerExternalId' | 'type'>;

/** Values for the columns that may change, in the order in which the statements below name them. */
export function columnsOf(destination: Columns): unknown[] {
  const { name, enabled, eventTypes, partitionKey, ordering, onDeadLetter } = destination;
  const { brokers, topic, auth, producer } = destination;
  const config: Config = { brokers, topic, auth, producer };
  const lanes = ordering.lanes === 'key' ? null : ordering.lanes;
  return [name, enabled, eventTypes, partitionKey, lanes, onDeadLetter, config];
}

/** $1 id, $2 customer, $3 type, $4… columns, $11 sealed, $12 how many a customer may have. */
export const insertOne = `
  insert into destinations
    (id, customer_external_id, type, name, enabled, event_types, partition_key, lanes, on_dead_letter, config, sealed,
     hashes_keys)
  select $1, $2::text, $3, $4, $5, $6, $7, $8, $9, $10, $11, exists (select 1 from hash_key)
  where (select count(*) from destinations where customer_external_id = $2::text and deleted_at is null) < $12
  returning *`;

/** $1 id, $2… columns, $9 sealed, $10 the end of the hold that the change uses up, or null. */
export const updateOne = `
  update destinations set
    name = $2, enabled = $3, event_types = $4, partition_key = $5, lanes = $6, on_dead_letter = $7, config = $8,
    sealed = $9, version = version + 1, updated_at = now(),
    lanes_held_until = case when lanes_held_until = $10::timestamptz then null else lanes_held_until end,
    lanes_changed_at = case when $10::timestamptz is null then lanes_changed_at else clock_timestamp() end
  where id = $1 returning *, ${earlierOf('destinations.id')} as earlier`;

/** $1 id. */
export const selectOne = `
  select *, ${earlierOf('destinations.id')} as earlier from destinations where id = $1 and deleted_at is null`;

/** $1 id, $2 the pause or null. One that is paused already stays as it is, with the first reason; so does one that is not. */
export const pauseOne = `
  update destinations set paused = $2, version = version + 1, updated_at = now()
  where id = $1 and deleted_at is null and (paused is null) <> ($2::jsonb is null)
  returning *, ${earlierOf('destinations.id')} as earlier`;

/** $1 customer or null, $2 the seq after which the page begins or null, $3 how many, $4 what the searched texts are like, or null, $5 state or null. */
export const selectPage = `
  select *, ${earlierOf('destinations.id')} as earlier from destinations
  where deleted_at is null
    and ($1::text is null or customer_external_id = $1)
    and ($2::bigint is null or seq < $2)
    and ($4::text is null or searched like lower($4))
    and ($5::text is null or exists (select from destination_health h where h.destination_id = id and h.state = $5))
  order by seq desc limit $3`;

/** For `like`: the text in any place, each of its characters meaning itself. */
export const containing = (text: string): string => `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;

/** $1 customer, $2 how many. Deleted ones too: their events may still be on their way. */
export const selectIdsOfCustomer = `
  select id from destinations where customer_external_id = $1 order by seq desc limit $2`;

/** $1 how many. */
export const selectNewest = `
  select id, count(*) over ()::int as count from destinations
  where enabled and paused is null and deleted_at is null order by seq desc limit $1`;

/** $1 customer, $2 how many. */
export const selectForCustomer = `
  select * from destinations where customer_external_id = $1 and enabled and deleted_at is null order by seq limit $2`;

/** $1 id, $2 for how long, in ms, $3 whether only where names are clear. To the millisecond: that is as fine as a Date, and the time names the hold. */
export const holdOne = `
  update destinations
  set lanes_held_until = date_trunc('milliseconds', clock_timestamp() + $2::double precision * interval '1 millisecond')
  where id = $1 and deleted_at is null and (lanes_held_until is null or lanes_held_until < clock_timestamp())
    and not ($3 and hashes_keys)
  returning lanes_held_until, customer_external_id`;

/** $1 id, $2 the end of the hold that it uses up, $3 the version whose lanes were seen to be empty. */
export const hashKeysOne = `
  update destinations set hashes_keys = true, version = version + 1, updated_at = now(), lanes_held_until = null,
    lanes_changed_at = clock_timestamp()
  where id = $1 and lanes_held_until = $2 and lanes_held_until > clock_timestamp() and deleted_at is null
    and version = $3 and not hashes_keys and exists (select 1 from hash_key)
  returning customer_external_id`;

export type LockedRow = DestinationRow & { is_held: boolean };

/** The row, locked until the transaction ends. Throws `destination_not_found`, `version_conflict`. */
export async function lockRow(client: pg.PoolClient, id: string, expectedVersion?: number): Promise<LockedRow> {
  const { rows } = await client.query<LockedRow>(
    `select *, coalesce(lanes_held_until > clock_timestamp(), false) as is_held
     from destinations where id = $1 and deleted_at is null for update`,
    [id],
  );
  const [row] = rows;
  if (!row) throw destinationNotFound(id);
  if (expectedVersion !== undefined && row.version !== expectedVersion) {
    const remedy = `The destination is at version ${row.version}, not ${expectedVersion}: read it again, then change it.`;
    throw new CausewayError('version_conflict', remedy);
  }
  return row;
}

export const destinationNotFound = (id: string): CausewayError =>
  new CausewayError('destination_not_found', `There is no destination ${id}.`);

/** A page is continued after the row whose number this is: rows that are new meanwhile move nothing. */
export const cursorOf = ({ seq }: DestinationRow): string => Buffer.from(`d1:${seq}`).toString('base64url');

export function seqOfCursor(cursor: string): string {
  const [, seq] = /^d1:(\d{1,18})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (seq) return seq;
  throw new CausewayError('cursor_invalid', 'The cursor is none that a list of destinations gave: begin without one.');
}

import type { Database } from './pool.ts';

/** A destination whose credentials were replaced by this version, while a worker may have had earlier ones. */
export type Replaced = { destinationId: string; beforeVersion: number };

/**
 * A worker that says nothing for so long holds nothing, in ms. It says so every two seconds; cut off from Postgres it opens no destination,
 * and what it had opened by then is sent within the 30 s of an attempt.
 */
export const workerLeaseMs = 45_000;

/** Whoever replaces credentials shares it until that is committed; a worker that begins waits for it: it is counted, or has the new ones. */
const beginning = 7_204_115;

/** In the transaction that replaces them, before {@link noteEarlier}. */
export const noneBegins = `select pg_advisory_xact_lock_shared(${beginning})`;

/** In the transaction that replaces them. $1 destination, $2 its new version. Locked: none of the workers may be deleted meanwhile. */
export const noteEarlier = `
  insert into earlier_credentials (worker_id, destination_id, before_version)
  select id, $1, $2 from workers where until > now() for key share
  on conflict (worker_id, destination_id) do update set before_version = excluded.before_version, replaced_at = now()`;

/** How many workers may still send with earlier credentials of a destination, and since when; null where none may. */
export const earlierOf = (destinationId: string): string => `(
    select case when count(*) > 0 then jsonb_build_object('replacedAt', max(replaced_at), 'workers', count(*)) end
    from earlier_credentials e join workers w on w.id = e.worker_id
    where e.destination_id = ${destinationId} and w.until > now())`;

/** $1 worker, $2 for how long, in ms. */
const beginOne = `
  insert into workers (id, until) values ($1, now() + $2 * interval '1 millisecond')
  on conflict (id) do update set until = excluded.until`;

/**
 * The same of one that has begun: a row for each note, or one without; none where it is not known (any more). Whoever is locked is just
 * being renewed, or deleted by another one.
 */
const renewOne = `
  with mine as (
    update workers set until = now() + $2 * interval '1 millisecond' where id = $1 returning id
  ), dead as (
    delete from workers where id in (select id from workers where until < now() and id <> $1 for update skip locked)
  )
  select destination_id, before_version from mine left join earlier_credentials on worker_id = id`;

type Note = { destination_id: string | null; before_version: number | null };

/** Which workers run, and what of replaced credentials they have not let go of. Every method may throw `store_unreachable`. */
export class EarlierCredentials {
  constructor(private readonly database: Database) {}

  /** Says that the worker runs, for {@link workerLeaseMs} from now; what it has to let go of. */
  async renew(workerId: string): Promise<Replaced[]> {
    const values = [workerId, workerLeaseMs];
    const rows = await this.database.query<Note>(renewOne, values);
    if (rows.length === 0) await this.begin(values);
    return rows.flatMap(({ destination_id: destinationId, before_version: beforeVersion }) =>
      destinationId === null || beforeVersion === null ? [] : { destinationId, beforeVersion },
    );
  }

  /** It has nothing to let go of. */
  private begin(values: (string | number)[]): Promise<void> {
    return this.database.transaction(async (client) => {
      await client.query('select pg_advisory_xact_lock($1)', [beginning]);
      await client.query(beginOne, values);
    });
  }

  /** The worker sends nothing with them any more. Where they were replaced once more since, that one stays. */
  async letGo(workerId: string, { destinationId, beforeVersion }: Replaced): Promise<void> {
    await this.database.query(
      'delete from earlier_credentials where worker_id = $1 and destination_id = $2 and before_version = $3',
      [workerId, destinationId, beforeVersion],
    );
  }

  /** The worker has ended. */
  async leave(workerId: string): Promise<void> {
    await this.database.query('delete from workers where id = $1', [workerId]);
  }
}

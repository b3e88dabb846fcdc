import type { Database } from './pool.ts';

/** What one lane is told: some of its dead letters by their ids, or all. */
export type Told = { workflowId: string; deadLetters: number; ids?: string[] | undefined };

/** `lanes`: how many got it; absent until each has been told. `askedAtMs`: when it came first; absent where nothing remembers it. */
export type Intervention = { digest: string; told: Told[]; lanes?: number | undefined; askedAtMs?: number | undefined };

/** A request that comes again later than this is a new one, in hours. */
const keptHours = 24;

type Row = { request_digest: string; told: Told[]; lanes: number | null; asked_at: Date };

/** $1 key, $2 for how long. */
const findOne = `
  select request_digest, told, lanes, asked_at from interventions
  where request_key = $1 and asked_at > now() - $2 * interval '1 hour'`;

/** $1 key, $2 digest, $3 lanes, $4 for how long. One that is older makes room; one that is there stays. */
const addOne = `
  insert into interventions (request_key, request_digest, told) values ($1, $2, $3)
  on conflict (request_key) do update
    set request_digest = excluded.request_digest, told = excluded.told, lanes = null, asked_at = now()
    where interventions.asked_at <= now() - $4 * interval '1 hour'`;

const dropOld = `delete from interventions where asked_at < now() - 2 * $1 * interval '1 hour'`;

/** Requests for a replay or discard, so that one that comes again is the same one. Every method may throw `store_unreachable`. */
export class Interventions {
  constructor(private readonly database: Database) {}

  async find(key: string): Promise<Intervention | undefined> {
    const [row] = await this.database.query<Row>(findOne, [key, keptHours]);
    if (!row) return undefined;
    const { request_digest: digest, told, lanes, asked_at: askedAt } = row;
    return { digest, told, ...(lanes !== null && { lanes }), askedAtMs: askedAt.getTime() };
  }

  /** Remembers the request, before the first lane is told; the one that is there by then, which may be another process's. */
  async begin(key: string, asked: Intervention): Promise<Intervention> {
    await this.database.query(dropOld, [keptHours]);
    await this.database.query(addOne, [key, asked.digest, JSON.stringify(asked.told), keptHours]);
    return (await this.find(key)) ?? asked;
  }

  /** Each lane has been told. */
  async told(key: string, lanes: number): Promise<void> {
    await this.database.query('update interventions set lanes = $2 where request_key = $1', [key, lanes]);
  }
}

import type { DeliveryState } from '../domain/lane.ts';
import type { DestinationSeen, LaneCounts, Seen } from '../domain/numbers.ts';
import { plainText } from '../domain/plainText.ts';
import type { Traffic } from '../domain/traffic.ts';
import type { Database } from './pool.ts';

/** Of which destinations: undefined for all of them together. */
export type Of = readonly string[] | undefined;
export type Sampled = { at: Date; sampledAt?: Date | undefined; seen?: Seen | undefined };
export type SeriesRow = { at: Date } & Traffic & {
    deadLetters: number;
    waiting: number;
    suspended: number;
    isSampled: boolean;
  };
export type EventTypeRow = { eventType: string; customers: number; last24h: number; last7d: number; lastAt: Date };
export type NamedSeen = DestinationSeen & { name: string; customerExternalId: string };

/** Of so many destinations in trouble the course of time is kept, the worst ones. */
const gaugedMax = 1_000;

/** $1 holder, $2 for how long, in ms. A row where it has the turn. */
const takeTurn = `
  insert into sampler (holder, until) values ($1, now() + $2 * interval '1 millisecond')
  on conflict (only_one) do update set holder = excluded.holder, until = excluded.until
    where sampler.until < now() or sampler.holder = excluded.holder
  returning holder`;

const leaveTurn = `update sampler set until = '-infinity' where holder = $1`;

const dropHealthy = 'delete from destination_health where destination_id <> all($1::text[])';
/** $1 destinations, $2 states, $3 dead letters, $4 lanes, $5 errors, $6 since. What is as it was is not written. */
const putHealth = `
  insert into destination_health (destination_id, state, dead_letters, lanes, error, since)
  select * from unnest($1::text[], $2::text[], $3::bigint[], $4::jsonb[], $5::jsonb[], $6::timestamptz[])
  on conflict (destination_id) do update set
    state = excluded.state, dead_letters = excluded.dead_letters, lanes = excluded.lanes, error = excluded.error, since = excluded.since
    where (destination_health.state, destination_health.dead_letters, destination_health.lanes, destination_health.error, destination_health.since)
      is distinct from (excluded.state, excluded.dead_letters, excluded.lanes, excluded.error, excluded.since)`;
/** $1 destinations, $2 dead letters, $3 waiting and $4 suspended lanes. */
const putGauges = `
  insert into gauges (destination_id, step_seconds, at, dead_letters, waiting, suspended)
  select g.id, step.seconds, date_bin(step.seconds * interval '1 second', now(), 'epoch'), g.dead_letters, g.waiting, g.suspended
  from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) as g (id, dead_letters, waiting, suspended)
  cross join (values (60), (1800)) as step (seconds)
  on conflict (destination_id, step_seconds, at) do update set
    dead_letters = excluded.dead_letters, waiting = excluded.waiting, suspended = excluded.suspended`;

/** $1 the step of the rows, $2 that of the points, both in s; $3 and $4 from and to; $5 destinations. */
const selectSeries = `
  with points as (
    select at from generate_series($3::timestamptz, $4::timestamptz - interval '1 millisecond', $2 * interval '1 second') as at
  ), counted as (
    select date_bin($2 * interval '1 second', at, 'epoch') as point, sum(accepted)::float8 as accepted,
      sum(delivered)::float8 as delivered, sum(parked)::float8 as parked, sum(failed_tries)::float8 as failed_tries
    from traffic where destination_id = any($5::text[]) and step_seconds = $1 and at >= $3 and at < $4 group by 1
  ), last_gauges as (
    select distinct on (destination_id, date_bin($2 * interval '1 second', at, 'epoch'))
      date_bin($2 * interval '1 second', at, 'epoch') as point, dead_letters, waiting, suspended
    from gauges where destination_id = any($5::text[]) and step_seconds = $1 and at >= $3 and at < $4
    order by destination_id, date_bin($2 * interval '1 second', at, 'epoch'), at desc
  ), gauged as (
    select point, sum(dead_letters)::float8 as dead_letters, sum(waiting)::float8 as waiting, sum(suspended)::float8 as suspended
    from last_gauges group by 1
  ), sampled as (
    select distinct date_bin($2 * interval '1 second', at, 'epoch') as point
    from gauges where destination_id = '' and step_seconds = $1 and at >= $3 and at < $4
  )
  select p.at, coalesce(c.accepted, 0) as accepted, coalesce(c.delivered, 0) as delivered, coalesce(c.parked, 0) as parked,
    coalesce(c.failed_tries, 0) as "failedTries", coalesce(g.dead_letters, 0) as "deadLetters", coalesce(g.waiting, 0) as waiting,
    coalesce(g.suspended, 0) as suspended, s.point is not null as "isSampled"
  from points p left join counted c on c.point = p.at left join gauged g on g.point = p.at left join sampled s on s.point = p.at
  order by p.at`;

/** The last whole minute and what there is of this one. $1 destinations. */
const selectRates = `
  select coalesce(sum(accepted), 0)::float8 / seconds as accepted, coalesce(sum(delivered), 0)::float8 / seconds as delivered
  from (select 60 + extract(epoch from now() - date_trunc('minute', now()))::float8 as seconds) s
  left join traffic on destination_id = any($1::text[]) and step_seconds = 60 and at >= date_trunc('minute', now()) - interval '1 minute'
  group by seconds`;

/** $1 destinations or null, $2 how many. */
const selectWorst = `
  select h.*, d.name, d.customer_external_id from destination_health h
  join destinations d on d.id = h.destination_id
  where $1::text[] is null or h.destination_id = any($1::text[])
  order by array_position('{Suspended,Waiting,Parked,Paused}'::text[], h.state), h.dead_letters desc, h.destination_id limit $2`;

/** $1 customer or null, $2 what the type contains or null, $3 and $4 the count and type after which the page begins or null, $5 how many. */
const selectTypes = `
  select * from (
    select event_type as "eventType", count(distinct customer_external_id)::int as customers,
      coalesce(sum(accepted) filter (where step_seconds = 3600 and at > now() - interval '24 hours'), 0)::float8 as "last24h",
      coalesce(sum(accepted) filter (where step_seconds = 86400 and at > now() - interval '7 days'), 0)::float8 as "last7d",
      max(last_at) as "lastAt"
    from event_types
    where ($1::text is null or customer_external_id = $1) and ($2::text is null or lower(event_type) like lower($2))
    group by event_type
  ) t
  where $3::float8 is null or ("last7d", "eventType") < ($3, $4)
  order by "last7d" desc, "eventType" desc limit $5`;

/** What is older is deleted: step and for how long it is kept. */
const kept: readonly [table: string, stepSeconds: number, forHours: number][] = [
  ['traffic', 60, 25],
  ['traffic', 1_800, 8 * 24],
  ['gauges', 60, 25],
  ['gauges', 1_800, 8 * 24],
  ['event_types', 3_600, 26],
  ['event_types', 86_400, 9 * 24],
];
const typesKeptDays = 400;
/** So many rows go at once: nobody waits long for them. */
const forgottenAtOnce = 20_000;

type HealthRow = {
  destination_id: string;
  state: DeliveryState;
  dead_letters: string;
  lanes: LaneCounts;
  error: { name: string; message: string } | null;
  since: Date | null;
};
type NamedHealthRow = HealthRow & { name: string; customer_external_id: string };

/** What pages show of how it goes: sums that processes wrote, and what a sample of the lanes saw. Every method may throw `store_unreachable`. */
export class Numbers {
  constructor(private readonly database: Database) {}

  /** Whether this process is the one that asks Temporal for all, for so long from now. */
  async takeTurn(holder: string, forMs: number): Promise<boolean> {
    return (await this.database.query(takeTurn, [holder, forMs])).length > 0;
  }

  /** Lets another process have the turn at once. */
  async leaveTurn(holder: string): Promise<void> {
    await this.database.query(leaveTurn, [holder]);
  }

  /** Puts a sample in place of the one before. */
  async keep(seen: Seen, destinations: readonly DestinationSeen[]): Promise<void> {
    const gauged = destinations.slice(0, gaugedMax);
    await this.database.transaction(async (client) => {
      await client.query('update sampler set sampled_at = now(), seen = $1', [jsonOf(seen)]);
      await client.query(dropHealthy, [destinations.map(({ destinationId }) => destinationId)]);
      await client.query(putHealth, healthColumns(destinations));
      await client.query(putGauges, [
        ['', ...gauged.map(({ destinationId }) => destinationId)],
        [seen.deadLetters, ...gauged.map(({ deadLetters }) => deadLetters)],
        [seen.lanes.Waiting, ...gauged.map(({ lanes }) => lanes.Waiting ?? 0)],
        [seen.lanes.Suspended, ...gauged.map(({ lanes }) => lanes.Suspended ?? 0)],
      ]);
    });
  }

  async sampled(): Promise<Sampled> {
    const rows = await this.database.query<{ at: Date; sampled_at: Date | null; seen: Seen | null }>(
      'select now() as at, sampled_at, seen from (select 1) one left join sampler on true',
    );
    const { at = new Date(), sampled_at: sampledAt, seen } = rows[0] ?? {};
    return { at, ...(sampledAt && { sampledAt }), ...(seen && { seen }) };
  }

  /** Events a second, over the last one to two minutes. */
  async rates(of: Of): Promise<{ accepted: number; delivered: number }> {
    const [row] = await this.database.query<{ accepted: number; delivered: number }>(selectRates, [of ?? ['']]);
    return row ?? { accepted: 0, delivered: 0 };
  }

  /** Those in trouble, the worst first. */
  async worst(of: Of, limit: number): Promise<NamedSeen[]> {
    const rows = await this.database.query<NamedHealthRow>(selectWorst, [of ?? null, limit]);
    return rows.map((row) => ({ ...seenOf(row), name: row.name, customerExternalId: row.customer_external_id }));
  }

  /** Those of them that are in trouble, by id. */
  async health(ids: readonly string[]): Promise<Map<string, DestinationSeen>> {
    const rows = await this.database.query<HealthRow>(
      'select * from destination_health where destination_id = any($1::text[])',
      [ids],
    );
    return new Map(rows.map((row) => [row.destination_id, seenOf(row)]));
  }

  /** A row for each point in that time. */
  async series(of: Of, span: { from: Date; to: Date; rowSeconds: number; pointSeconds: number }): Promise<SeriesRow[]> {
    const { from, to, rowSeconds, pointSeconds } = span;
    return await this.database.query<SeriesRow>(selectSeries, [rowSeconds, pointSeconds, from, to, of ?? ['']]);
  }

  async eventTypes(query: {
    customerExternalId?: string | undefined;
    containing?: string | undefined;
    after?: { last7d: number; eventType: string } | undefined;
    limit: number;
  }): Promise<EventTypeRow[]> {
    const { customerExternalId, containing, after, limit } = query;
    const values = [
      customerExternalId ?? null,
      containing ?? null,
      after?.last7d ?? null,
      after?.eventType ?? null,
      limit,
    ];
    return await this.database.query<EventTypeRow>(selectTypes, values);
  }

  /** Deletes what is older than it is kept. */
  async forget(): Promise<void> {
    for (const [table, stepSeconds, hours] of kept) {
      await this.forgetFrom(table, `step_seconds = ${stepSeconds} and at < now() - interval '${hours} hours'`);
    }
    const over = `step_seconds = 0 and last_at < now() - interval '${typesKeptDays} days'`;
    await this.forgetFrom('event_types', over);
  }

  private async forgetFrom(table: string, where: string): Promise<void> {
    const some = `delete from ${table} where ctid = any(array(select ctid from ${table} where ${where} limit ${forgottenAtOnce})) returning 1`;
    while ((await this.database.query(some)).length === forgottenAtOnce);
  }
}

const seenOf = (row: HealthRow): DestinationSeen => ({
  destinationId: row.destination_id,
  state: row.state,
  deadLetters: Number(row.dead_letters),
  lanes: row.lanes,
  ...(row.error && { error: row.error }),
  ...(row.since && { since: row.since.toISOString() }),
});

/** Whatever a sample saw, one text in it must not keep the rest from being stored. */
const jsonOf = (value: object): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === 'string' ? plainText(part) : part));

const healthColumns = (destinations: readonly DestinationSeen[]): unknown[][] => [
  destinations.map(({ destinationId }) => destinationId),
  destinations.map(({ state }) => state),
  destinations.map(({ deadLetters }) => deadLetters),
  destinations.map(({ lanes }) => jsonOf(lanes)),
  destinations.map(({ error }) => (error ? jsonOf(error) : null)),
  destinations.map(({ since }) => since ?? null),
];

import { type EventTypeMeter, noTraffic, type Traffic, type TrafficMeter } from '../domain/traffic.ts';
import type { StoreLogger } from './logger.ts';
import type { Database } from './pool.ts';

/** Sums are written so long after the first of them, in ms: one statement for all destinations, whatever the number of events. */
const writeAfterMs = 5_000;
/** So many destinations, and so many types of customers, are told apart until then; what is over is counted in the total alone. */
const destinationsMax = 50_000;
const typesMax = 10_000;

/**
 * In one order, so that two processes that add to the same rows can't wait for each other; the total, which each adds to, is last, and locked for the
 * least time. $1 destinations; $2 accepted, $3 delivered, $4
 * parked and $5 failed tries of each.
 */
const addTraffic = `
  insert into traffic (destination_id, step_seconds, at, accepted, delivered, parked, failed_tries)
  select c.id, step.seconds, date_bin(step.seconds * interval '1 second', now(), 'epoch'), c.accepted, c.delivered, c.parked, c.failed
  from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) as c (id, accepted, delivered, parked, failed)
  cross join (values (60), (1800)) as step (seconds)
  order by c.id = '', c.id, step.seconds
  on conflict (destination_id, step_seconds, at) do update set
    accepted = traffic.accepted + excluded.accepted, delivered = traffic.delivered + excluded.delivered,
    parked = traffic.parked + excluded.parked, failed_tries = traffic.failed_tries + excluded.failed_tries`;

/** Senders make up types: of each customer so many are told apart in a day (UTC), those that came first; the others are counted under one name. */
export const typesOfDayMax = 200;
export const otherTypes = '(other)';

/**
 * $1 customers, $2 types, $3 how many of each, $4 {@link typesOfDayMax}, $5 {@link otherTypes}. Two processes that write at once may let a
 * few more through.
 */
const addTypes = `
  insert into event_types (customer_external_id, event_type, step_seconds, at, accepted, last_at)
  with given as (
    select * from unnest($1::text[], $2::text[], $3::bigint[]) as c (customer, type, accepted)
  ), today as (
    select customer_external_id as customer, event_type as type from event_types
    where customer_external_id = any($1::text[]) and step_seconds = 86400
      and at = date_bin(interval '86400 seconds', now(), 'epoch') and event_type <> $5
  ), held as (
    select customer, count(*) as types from today group by customer
  ), placed as (
    select g.*, t.type is not null as is_known,
      coalesce(h.types, 0) + row_number() over (partition by g.customer, t.type is not null order by g.type) as place
    from given g left join today t on t.customer = g.customer and t.type = g.type left join held h on h.customer = g.customer
  ), named as (
    select customer, case when is_known or place <= $4::int then type else $5 end as type, sum(accepted) as accepted
    from placed group by 1, 2
  )
  select c.customer, c.type, step.seconds,
    case step.seconds when 0 then 'epoch'::timestamptz else date_bin(step.seconds * interval '1 second', now(), 'epoch') end,
    c.accepted, now()
  from named c cross join (values (0), (3600), (86400)) as step (seconds)
  order by c.customer, c.type, step.seconds
  on conflict (customer_external_id, event_type, step_seconds, at) do update set
    accepted = event_types.accepted + excluded.accepted, last_at = greatest(event_types.last_at, excluded.last_at)`;

type Summed = { traffic: Map<string, Traffic>; types: Map<string, Map<string, number>>; typesCount: number };
const nothing = (): Summed => ({ traffic: new Map(), types: new Map(), typesCount: 0 });

/** What a process counts, written every few seconds; what is not written yet is lost with it. */
export class TrafficCounts implements TrafficMeter, EventTypeMeter {
  private sums = nothing();
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> | undefined;
  private isClosed = false;

  constructor(
    private readonly database: Database,
    private readonly logger: StoreLogger | undefined,
  ) {}

  add(destinationId: string, counts: Partial<Traffic>): void {
    const { traffic } = this.sums;
    addTo(traffic, '', counts);
    if (traffic.size < destinationsMax || traffic.has(destinationId)) addTo(traffic, destinationId, counts);
    this.writeLater();
  }

  accepted(customerExternalId: string, eventType: string): void {
    this.addTypes(customerExternalId, eventType, 1);
    this.writeLater();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.timer);
    await this.writing;
    await this.write();
  }

  private addTypes(customerExternalId: string, eventType: string, events: number): void {
    const { types, typesCount } = this.sums;
    const ofCustomer = types.get(customerExternalId) ?? new Map<string, number>();
    const before = ofCustomer.get(eventType);
    if (before === undefined && typesCount >= typesMax) return;
    if (before === undefined) this.sums.typesCount++;
    ofCustomer.set(eventType, (before ?? 0) + events);
    types.set(customerExternalId, ofCustomer);
  }

  private async write(): Promise<void> {
    const { traffic, types } = this.sums;
    this.sums = nothing();
    this.timer = undefined;
    this.writing = this.writeSums(traffic, types);
    await this.writing;
  }

  private async writeSums(traffic: Summed['traffic'], types: Summed['types']): Promise<void> {
    const keptTraffic = await this.tried(addTraffic, trafficColumns(traffic));
    const keptTypes = await this.tried(addTypes, typeColumns(types), [typesOfDayMax, otherTypes]);
    // Added to what came meanwhile, and written with it.
    if (!keptTraffic) for (const [id, counts] of traffic) addTo(this.sums.traffic, id, counts);
    if (!keptTypes)
      for (const [customer, ofCustomer] of types)
        for (const [type, events] of ofCustomer) this.addTypes(customer, type, events);
    if (!keptTraffic || !keptTypes) this.writeLater();
  }

  private async tried(statement: string, columns: unknown[][], more: unknown[] = []): Promise<boolean> {
    if (columns[0]?.length === 0) return true;
    try {
      await this.database.query(statement, [...columns, ...more]);
      return true;
    } catch (err) {
      this.logger?.warn({ err }, 'counts could not be written: they are kept, and tried again');
      return false;
    }
  }

  private writeLater(): void {
    if (!this.isClosed) this.timer ??= setTimeout(() => void this.write(), writeAfterMs).unref();
  }
}

function addTo(sums: Map<string, Traffic>, id: string, counts: Partial<Traffic>): void {
  const sum = sums.get(id) ?? { ...noTraffic };
  sum.accepted += counts.accepted ?? 0;
  sum.delivered += counts.delivered ?? 0;
  sum.parked += counts.parked ?? 0;
  sum.failedTries += counts.failedTries ?? 0;
  sums.set(id, sum);
}

function trafficColumns(traffic: Summed['traffic']): unknown[][] {
  const sums = [...traffic.values()];
  return [
    [...traffic.keys()],
    sums.map(({ accepted }) => accepted),
    sums.map(({ delivered }) => delivered),
    sums.map(({ parked }) => parked),
    sums.map(({ failedTries }) => failedTries),
  ];
}

function typeColumns(types: Summed['types']): unknown[][] {
  const rows = [...types].flatMap(([customer, ofCustomer]) =>
    [...ofCustomer].map(([type, events]) => ({ customer, type, events })),
  );
  return [rows.map(({ customer }) => customer), rows.map(({ type }) => type), rows.map(({ events }) => events)];
}

import type { Database } from './pool.ts';

/** Partitions exist for today and so many days to come: so long may nobody insert before one is missing. */
const daysAhead = 3;
const dayMs = 24 * 60 * 60 * 1000;
/** A partition is dropped under a lock that inserts wait for, so it is not waited for long, in ms: the next round does it. */
const dropLockTimeoutMs = 2_000;
const advisoryLock = 7_204_114;

/** The day of a time in UTC, as `2026-01-31`. */
export const dayOf = (time: Date): string => time.toISOString().slice(0, 10);

const partitionName = (day: string): string => `event_index_${day.replaceAll('-', '')}`;

/** Makes the partitions of today and the next days where they are missing. Safe when several processes do it at once. */
export async function ensurePartitions(database: Database, today: Date): Promise<{ throughDay: string }> {
  const days = Array.from({ length: daysAhead + 1 }, (_, i) => new Date(today.getTime() + i * dayMs));
  await database.transaction(async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [advisoryLock]);
    for (const day of days) {
      const name = partitionName(dayOf(day));
      const { rows } = await client.query('select 1 from pg_class where oid = to_regclass($1)', [name]);
      if (rows.length > 0) continue;
      // Attached, not created in place: that would wait for every insert, and every insert for it.
      await client.query(`create table ${name} (like event_index including all)`);
      const next = dayOf(new Date(day.getTime() + dayMs));
      await client.query(
        `alter table event_index attach partition ${name} for values from ('${dayOf(day)}') to ('${next}')`,
      );
    }
  });
  return { throughDay: dayOf(days.at(-1) ?? today) };
}

/** Drops the partitions of days before `date`; answers with their names. */
export async function dropPartitionsBefore(database: Database, date: Date): Promise<string[]> {
  const rows = await database.query<{ name: string }>(
    `select relid::regclass::text as name from pg_partition_tree('event_index') where isleaf and relid <> 'event_index'::regclass`,
  );
  const first = partitionName(dayOf(date));
  const old = rows.map(({ name }) => name).filter((name) => /^event_index_\d{8}$/.test(name) && name < first);
  for (const name of old) {
    await database.transaction(async (client) => {
      await client.query(`set local lock_timeout = ${dropLockTimeoutMs}`);
      await client.query(`drop table if exists ${name}`);
    });
  }
  return old;
}

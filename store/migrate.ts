import { readdir, readFile } from 'node:fs/promises';
import pg from 'pg';
import { connectTimeoutMs, storeError } from './pool.ts';

const folder = new URL('./migrations/', import.meta.url);
/** Any number will do, as long as nothing else in this database locks by it. */
const advisoryLock = 7_204_113;
/** How long to wait for another process that is migrating, in ms. */
const lockTimeoutMs = 60_000;

/**
 * Brings the database up to the schema of this code: applies, in order of their names, those files of store/migrations/
 * that were not applied yet, each in a transaction. Several processes may call it at once: one works, the others wait.
 * Throws `store_unreachable`, or `store_failed` when a migration was refused.
 */
export async function migrate(databaseUrl: string): Promise<void> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: connectTimeoutMs,
    lock_timeout: lockTimeoutMs,
    application_name: 'causeway-migrate',
  });
  // A connection that breaks between two queries: the next query says so.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select pg_advisory_lock($1)', [advisoryLock]);
    await client.query(
      'create table if not exists schema_migrations (name text primary key, applied_at timestamptz not null default now())',
    );
    const { rows } = await client.query<{ name: string }>('select name from schema_migrations');
    const applied = new Set(rows.map(({ name }) => name));
    for (const name of await migrationNames()) {
      if (!applied.has(name)) await apply(client, name);
    }
  } catch (error) {
    throw storeError(error, databaseUrl);
  } finally {
    // Ends the session, which frees the lock.
    await client.end().catch(() => undefined);
  }
}

const migrationNames = async (): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();

async function apply(client: pg.Client, name: string): Promise<void> {
  const sql = await readFile(new URL(name, folder), 'utf8');
  await client.query('begin');
  try {
    await client.query(sql);
    await client.query('insert into schema_migrations (name) values ($1)', [name]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

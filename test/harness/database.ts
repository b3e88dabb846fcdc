import { randomBytes } from 'node:crypto';
import { dropDatabase, ensureDatabase } from '../../dev/servers/postgres.ts';
import { track } from './running.ts';
import { sharedServers } from './sharedServers.ts';

/** A new, empty database for a test that needs no processes. `drop()` when done. */
export async function newDatabase(): Promise<{ databaseUrl: string; drop(): Promise<void> }> {
  const { databaseUrl } = sharedServers();
  const name = `store_${randomBytes(6).toString('hex')}`;
  const own = await ensureDatabase(databaseUrl, name);
  return { databaseUrl: own, drop: track(`the database ${name}`, () => dropDatabase(databaseUrl, name)) };
}

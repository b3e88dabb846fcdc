import pg from 'pg';
import { CausewayError } from '../domain/error.ts';

/** Connections of one process, the change listener's not counted. */
const connectionsMax = 10;
export const connectTimeoutMs = 5_000;
/** Postgres gives a statement up after this long; the client, should Postgres not even say that, a little later. */
const statementTimeoutMs = 10_000;
const queryTimeoutMs = 12_000;

export function createPool(databaseUrl: string, onIdleError: (error: Error) => void): pg.Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: connectionsMax,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: 30_000,
    statement_timeout: statementTimeoutMs,
    query_timeout: queryTimeoutMs,
    idle_in_transaction_session_timeout: statementTimeoutMs,
    keepAlive: true,
    application_name: 'causeway',
  });
  pool.on('error', onIdleError);
  // The pool listens to connections that are idle or have a query. One that breaks between two statements of a transaction
  // would end the process; the next statement says so.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** One database as the store's parts use it: each call answers, or throws a CausewayError. */
export class Database {
  constructor(
    readonly pool: pg.Pool,
    private readonly databaseUrl: string,
  ) {}

  /** Throws `store_unreachable`, `store_not_migrated` or `store_failed`. `Row` is what the statement selects. */
  async query<Row extends pg.QueryResultRow>(statement: string | pg.QueryConfig, values?: unknown[]): Promise<Row[]> {
    try {
      return (await this.pool.query<Row>(statement, values)).rows;
    } catch (error) {
      throw storeError(error, this.databaseUrl);
    }
  }

  /** Runs `work` in a transaction: committed when it resolves, rolled back when it rejects. */
  async transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect().catch((error) => Promise.reject(storeError(error, this.databaseUrl)));
    let broken: Error | undefined;
    try {
      await client.query('begin');
      const result = await work(client);
      await client.query('commit');
      return result;
    } catch (error) {
      broken = await client.query('rollback').then(
        () => undefined,
        (failure: Error) => failure,
      );
      throw storeError(error, this.databaseUrl);
    } finally {
      // A connection that could not roll back is thrown away.
      client.release(broken);
    }
  }
}

/** SQLSTATEs that say the server can't be used now, or not by us. */
const unreachableState = /^(08|28|57P|3D000|53300)/;
const undefinedTable = '42P01';

/** A failure of Postgres as a CausewayError, whose text never holds the password of the URL. */
export function storeError(error: unknown, databaseUrl: string): CausewayError {
  if (error instanceof CausewayError) return error;
  if (!(error instanceof pg.DatabaseError) || unreachableState.test(error.code ?? '')) {
    const why = error instanceof Error ? error.message || error.name : String(error);
    const remedy = `Postgres at ${placeOf(databaseUrl)} can't be used (${why}). See that it runs, and check DATABASE_URL.`;
    return new CausewayError('store_unreachable', remedy, { cause: error });
  }
  if (error.code === undefinedTable) {
    const remedy =
      'The database lacks tables of this version. Start the API once, which migrates it, or call migrate().';
    return new CausewayError('store_not_migrated', remedy, { cause: error });
  }
  return new CausewayError('store_failed', `Postgres refused a statement (${error.code ?? 'no code'}).`, {
    cause: error,
  });
}

function placeOf(databaseUrl: string): string {
  try {
    const { host, pathname } = new URL(databaseUrl);
    return host + pathname;
  } catch {
    return 'the address in DATABASE_URL';
  }
}

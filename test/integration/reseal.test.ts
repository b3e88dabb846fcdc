import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { main } from '../../cli/main.ts';
import type { SecretKey } from '../../domain/secretKeys.ts';
import { migrate } from '../../store/migrate.ts';
import { openStore, type Store } from '../../store/store.ts';
import { newDatabase } from '../harness/database.ts';
import { until } from '../harness/until.ts';

const newKey = (id: string): SecretKey => ({ id, key: randomBytes(32) });
const [old, young] = [newKey('old'), newKey('young')];
const root = fileURLToPath(new URL('../..', import.meta.url));
const count = 250; // More than are read at once.

let own: Awaited<ReturnType<typeof newDatabase>>;
let pool: pg.Pool;
beforeAll(async () => {
  own = await newDatabase();
  await migrate(own.databaseUrl);
  pool = new pg.Pool({ connectionString: own.databaseUrl, max: 4 });
});
afterAll(async () => {
  await pool.end();
  await own.drop();
});

async function withKeys<T>(secretKeys: readonly SecretKey[], use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore({ databaseUrl: own.databaseUrl, secretKeys });
  return await use(store).finally(() => store.close());
}

let ids: string[];
beforeEach(async () => {
  await pool.query('truncate destinations');
  ids = await withKeys([old], ({ destinations }) =>
    Promise.all(
      Array.from({ length: count }, async (_, n) => {
        const { id } = await destinations.create({
          ...{ customerExternalId: `acct_${n}`, type: 'KAFKA', name: 'n', brokers: ['b:9092'], topic: 't' },
          ...{ partitionKey: 'customerExternalId', eventTypes: ['*'], enabled: true, ordering: { lanes: 'key' } },
          auth: { mode: 'SASL_PLAIN', tls: true, username: 'u' },
          producer: { lingerMs: 0, batchSizeBytes: 1_000, acks: 'all' },
          onDeadLetter: 'continue',
          secrets: { password: `secret ${n}` },
        });
        return id;
      }),
    ),
  );
});

const passwordsWith = (...keys: SecretKey[]): Promise<(string | undefined)[]> =>
  withKeys(keys, ({ destinations }) =>
    Promise.all(ids.map(async (id) => (await destinations.open(id))?.secrets.password)),
  );
const allPasswords = Array.from({ length: count }, (_, n) => `secret ${n}`);

const envOf = (...keys: SecretKey[]) => ({
  DATABASE_URL: own.databaseUrl,
  CAUSEWAY_SECRET_KEYS: keys.map(({ id, key }) => `${id}:${key.toString('base64')}`).join(),
});

async function reseal(...keys: SecretKey[]): Promise<{ code: number; out: string; err: string }> {
  const ran = { out: '', err: '' };
  const code = await main(['secrets', 'reseal'], {
    out: (text) => {
      ran.out += text;
    },
    err: (text) => {
      ran.err += text;
    },
    ask: async () => undefined,
    env: envOf(...keys),
    cwd: '/nowhere',
    isTerminal: false,
    stop: new AbortController().signal,
  });
  return { code, ...ran };
}

describe('causeway secrets reseal', () => {
  test('moves every secret to the first key, deleted destinations too; the old key is then needed no more', async () => {
    const [deleted = ''] = ids;
    await withKeys([old], ({ destinations }) => destinations.remove(deleted));
    const { code, out } = await reseal(young, old);
    expect([code, out]).toEqual([
      0,
      `Sealed anew: ${count} secrets of ${count} destinations.\nKey "young" seals ${count} secrets.\n`,
    ]);
    expect(await passwordsWith(young)).toEqual(allPasswords);
    expect((await reseal(young)).out).toMatch(/^Sealed anew: 0 secrets of 0 destinations\./);
    const trail = `select subject, detail, key_name from audit_log where action = 'secrets.resealed' order by subject collate "C"`;
    const entry = { detail: { sealedWith: 'young', secrets: 1 }, key_name: 'causeway secrets reseal' };
    expect((await pool.query(trail)).rows).toEqual(ids.toSorted().map((subject) => ({ subject, ...entry })));
  });

  test('changes nothing else: who holds a version still has the right one', async () => {
    const versions = 'select id, version, updated_at, config from destinations order by id';
    const before = (await pool.query(versions)).rows;
    await reseal(young, old);
    expect((await pool.query(versions)).rows).toEqual(before);
  });

  test('loses no change that is made meanwhile, sealed with the old key though it is', async () => {
    const changing = withKeys([old, young], async ({ destinations }) => {
      for (const [n, id] of ids.entries()) await destinations.update(id, { secrets: { password: `changed ${n}` } });
    });
    const codes = new Set<number>();
    const isOver = changing.then(() => true);
    while (!(await Promise.race([isOver, reseal(young, old).then(({ code }) => codes.add(code) && false)])));
    expect((await reseal(young, old)).code).toBe(0);
    expect([...codes].filter((code) => code !== 0)).toEqual([]);
    expect(await passwordsWith(young)).toEqual(allPasswords.map((text) => text.replace('secret', 'changed')));
  });

  test('is killed halfway, and does the rest when it runs again', async () => {
    const moved = async (): Promise<number> => {
      const like = `v1.${young.id}.%`;
      const { rows } = await pool.query<{ n: number }>(
        `select count(*)::integer as n from destinations where sealed->>'password' like $1`,
        [like],
      );
      return rows[0]?.n ?? 0;
    };
    // A row in the middle is held by somebody else: there it has to wait.
    const holder = await pool.connect();
    const middle = ids.toSorted()[Math.floor(count / 2)];
    await holder.query('begin');
    await holder.query('select 1 from destinations where id = $1 for update', [middle]);
    const child = spawn(process.execPath, ['cli/causeway.mjs', 'secrets', 'reseal'], {
      ...{ cwd: root, stdio: 'ignore' },
      env: { PATH: process.env.PATH, ...envOf(young, old) },
    });
    const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    const half = await until('half of them', moved, (n) => n >= Math.floor(count / 2) - 1, 20_000);
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
    await holder.query('rollback');
    holder.release();
    expect(half).toBeLessThan(count);
    expect(await passwordsWith(young, old)).toEqual(allPasswords);

    expect((await reseal(young, old)).code).toBe(0);
    expect(await passwordsWith(young)).toEqual(allPasswords);
  });

  test('names the key that is missing, or the one that is another, and changes nothing', async () => {
    const missing = await reseal(young);
    expect([missing.code, missing.err]).toEqual([1, expect.stringContaining('sealed with the key "old"')]);
    const wrong = await reseal(young, newKey('old'));
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining('key "old" is not the key that sealed')]);
    expect(await passwordsWith(old)).toEqual(allPasswords);
  });

  test('moves the others and says which one is damaged', async () => {
    const [damaged = ''] = ids;
    await pool.query(
      `update destinations set sealed = jsonb_set(sealed, '{password}', '"v1.old.AAAA"') where id = $1`,
      [damaged],
    );
    const { code, out } = await reseal(young, old);
    expect([code, out]).toEqual([1, expect.stringContaining(`Can't be opened: password of ${damaged}.`)]);
    expect(out).toContain(`Sealed anew: ${count - 1} secrets`);
  });

  test('mends an id that is damaged, which keeps no process down; a text without its form is named', async () => {
    const damage = (id: string | undefined, from: string, to: string) =>
      pool.query(
        `update destinations set sealed = jsonb_set(sealed, '{password}', to_jsonb(replace(sealed->>'password', $2, $3)))
         where id = $1`,
        [id, from, to],
      );
    await damage(ids[0], 'v1.old.', 'v1.0ld.');
    await damage(ids[1], 'v1.old.', 'v1old');
    await withKeys([old], async ({ checkKeys, destinations }) => {
      await checkKeys();
      expect((await destinations.open(ids[0] ?? ''))?.secrets.password).toBe('secret 0');
      await expect(destinations.open(ids[1] ?? '')).rejects.toMatchObject({ code: 'secret_unreadable' });
    });
    const isMissing = { code: 'secret_key_missing', remedy: expect.stringContaining('"old"') };
    await expect(withKeys([young], ({ checkKeys }) => checkKeys())).rejects.toMatchObject(isMissing);

    const { code, out } = await reseal(young, old);
    expect([code, out]).toEqual([
      1,
      `Sealed anew: ${count - 1} secrets of ${count - 1} destinations.\nKey "young" seals ${count - 1} secrets.\n` +
        `Can't be opened: password of ${ids[1]}.\n`,
    ]);
    await withKeys([young], async ({ checkKeys, destinations }) => {
      await checkKeys();
      expect((await destinations.open(ids[0] ?? ''))?.secrets.password).toBe('secret 0');
    });
  });

  test('says which setting is missing', async () => {
    const { code, err } = await reseal();
    expect([code, err]).toEqual([2, expect.stringContaining('CAUSEWAY_SECRET_KEYS must be set')]);
  });
});

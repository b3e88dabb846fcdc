/** The guide's section on the keys that seal credentials, command by command, on a store whose ring is in a file. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate } from '../../store/migrate.ts';
import { readSecretKeys } from '../../store/secretKeys.ts';
import { openStore, type Store } from '../../store/store.ts';
import { newDatabase } from '../harness/database.ts';
import { blocksIn } from '../harness/guide.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
let dir: string;
let keys: string;
let own: Awaited<ReturnType<typeof newDatabase>>;
let commands: string[];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'causeway-keys-'));
  keys = join(dir, 'keys');
  await symlink(join(root, 'cli/causeway.mjs'), join(dir, 'causeway'));
  await writeFile(join(dir, 'kms'), 'the key of the KMS');
  own = await newDatabase();
  await migrate(own.databaseUrl);
  const blocks = await blocksIn('docs/operations.md', 'The keys that seal credentials');
  commands = blocks.flatMap((block) => block.trim().split('\n'));
});
afterAll(async () => {
  await own.drop();
  await rm(dir, { recursive: true, force: true });
});

/** Runs the guide's next command, which this pattern is to recognise, as it stands. */
async function next(pattern: RegExp): Promise<string> {
  const command = commands.shift() ?? '';
  expect(command).toMatch(pattern);
  const given = { KEYS: keys, KMS_KEY: join(dir, 'kms'), DATABASE_URL: own.databaseUrl };
  const env = { ...process.env, ...given, PATH: `${dir}:${process.env.PATH}` };
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', command], { env });
  return stdout + stderr;
}
const idsInFile = async (): Promise<(string | undefined)[]> =>
  (await readFile(keys, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => line.split(':')[0]);

/** As a process that is started now. */
async function withStore<T>(use: (store: Store) => Promise<T>): Promise<T> {
  const secretKeys = await readSecretKeys({ CAUSEWAY_SECRET_KEYS_FILE: keys });
  const store = await openStore({ databaseUrl: own.databaseUrl, secretKeys });
  return await use(store).finally(() => store.close());
}

test('a key ring comes out of a file or a command, and moves to a new key', { timeout: 180_000 }, async () => {
  await next(/openssl rand.*> "\$KEYS"/);
  expect((await stat(keys)).mode & 0o077).toBe(0);
  const { id } = await withStore(({ destinations }) =>
    destinations.create({
      ...{ customerExternalId: 'acct', type: 'KAFKA', name: 'n', brokers: ['b:9092'], topic: 't', enabled: true },
      ...{ partitionKey: 'customerExternalId', eventTypes: ['*'], ordering: { lanes: 'key' } },
      auth: { mode: 'SASL_PLAIN', tls: true, username: 'u' },
      producer: { lingerMs: 0, batchSizeBytes: 1_000, acks: 'all' },
      onDeadLetter: 'continue',
      secrets: { password: 'hunter2' },
    }),
  );
  const expectOpened = () =>
    withStore(async ({ checkKeys, destinations }) => {
      await checkKeys();
      expect((await destinations.open(id))?.secrets.password).toBe('hunter2');
    });

  await next(/^openssl enc /);
  expect(await next(/CAUSEWAY_SECRET_KEYS_COMMAND=/)).toContain('Key "k1" seals 1 secret.');
  await next(/>> "\$KEYS"/);
  await expectOpened();
  await next(/mv "\$KEYS\.new" "\$KEYS"/);
  expect(await idsInFile()).toEqual(['k2', 'k1']);
  await expectOpened();

  const ring = await readFile(keys, 'utf8');
  await writeFile(keys, `${ring.split('\n')[0]}\n`);
  const missing = { code: 'secret_key_missing', remedy: expect.stringContaining('sealed with the key "k1"') };
  await expect(expectOpened()).rejects.toMatchObject(missing);
  await writeFile(keys, ring);

  expect(await next(/CAUSEWAY_SECRET_KEYS_FILE=.* causeway secrets reseal/)).toContain('Key "k2" seals 1 secret.');
  await next(/^sed -i/);
  expect(await idsInFile()).toEqual(['k2']);
  await expectOpened();
  expect(commands).toEqual([]);
});

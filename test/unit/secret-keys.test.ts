import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CausewayError } from '../../domain/error.ts';
import { keyVariablesOf, type SecretKeySource } from '../../domain/secretKeys.ts';
import { readPayloadKeys, readSecretKeys } from '../../store/secretKeys.ts';

const [young, old] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'causeway-keys-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileWith(text: string): Promise<string> {
  const file = join(folder, randomBytes(4).toString('hex'));
  await writeFile(file, text);
  return file;
}
const read = async (source: SecretKeySource): Promise<string[]> =>
  (await readSecretKeys(source)).map(({ id, key }) => `${id}:${key.toString('base64')}`);
async function refusal(source: SecretKeySource): Promise<string> {
  const error = await readSecretKeys(source).catch((thrown: unknown) => thrown);
  if (!(error instanceof CausewayError)) throw new Error('It was not refused.');
  expect(error.code).toBe('secret_keys_unreadable');
  for (const key of [young, old, 'hunter2']) expect(String(error)).not.toContain(key);
  return error.remedy;
}

const ring = [`young:${young}`, `old-1:${old}`];

describe('the key ring, its first key first, is read from', () => {
  test('the variable itself', async () => {
    expect(await read({ CAUSEWAY_SECRET_KEYS: ring.join(', ') })).toEqual(ring);
  });

  test('a file, one a line', async () => {
    expect(await read({ CAUSEWAY_SECRET_KEYS_FILE: await fileWith(`${ring.join('\n')}\n`) })).toEqual(ring);
  });

  test('what a command prints, which may be a pipe', async () => {
    const file = await fileWith(ring.join('|'));
    expect(await read({ CAUSEWAY_SECRET_KEYS_COMMAND: `cat '${file}' | tr '|' ','` })).toEqual(ring);
  });
});

describe('a key ring that can not be read is refused by the variable, and nothing of it is shown', () => {
  test('none of the three is set, or two are', async () => {
    for (const name of keyVariablesOf('CAUSEWAY_SECRET_KEYS')) expect(await refusal({})).toContain(name);
    const two = { CAUSEWAY_SECRET_KEYS: `k:${young}`, CAUSEWAY_SECRET_KEYS_FILE: '/keys' };
    expect(await refusal(two)).toMatch(/^CAUSEWAY_SECRET_KEYS and CAUSEWAY_SECRET_KEYS_FILE must not be set together/);
  });

  test('a file that is not there, is empty, or holds something else', async () => {
    const missing = join(folder, 'missing');
    expect(await refusal({ CAUSEWAY_SECRET_KEYS_FILE: missing })).toContain(`(${missing}) can't be read (ENOENT)`);
    const empty = { CAUSEWAY_SECRET_KEYS_FILE: await fileWith('\n') };
    expect(await refusal(empty)).toContain('CAUSEWAY_SECRET_KEYS_FILE');
    const wrong = { CAUSEWAY_SECRET_KEYS_FILE: await fileWith('k1:hunter2') };
    expect(await refusal(wrong)).toMatch(/CAUSEWAY_SECRET_KEYS_FILE .* has no usable key "k1"/);
  });

  test('a command that fails, or prints something else', async () => {
    const failing = { CAUSEWAY_SECRET_KEYS_COMMAND: `printf 'k:${young}'; exit 3` };
    expect(await refusal(failing)).toContain('CAUSEWAY_SECRET_KEYS_COMMAND failed (3)');
    const wrong = { CAUSEWAY_SECRET_KEYS_COMMAND: `printf '${young}'` };
    expect(await refusal(wrong)).toMatch(/^What CAUSEWAY_SECRET_KEYS_COMMAND prints must be id:key/);
  });

  test('a command that does not end, and holds its output open', async () => {
    const endless = { CAUSEWAY_SECRET_KEYS_COMMAND: `printf 'k:${young}'; sleep 10 | cat` };
    const beganAtMs = performance.now();
    const refused = await readSecretKeys(endless, { commandMs: 200 }).catch((thrown: unknown) => thrown);
    expect(refused).toMatchObject({
      code: 'secret_keys_unreadable',
      remedy: expect.stringMatching(/^CAUSEWAY_SECRET_KEYS_COMMAND did not end in 0.2 s\./),
    });
    expect([String(refused).includes(young), performance.now() - beganAtMs < 5_000]).toEqual([false, true]);
  });

  test('two keys of one name, or a key of another length', async () => {
    expect(await refusal({ CAUSEWAY_SECRET_KEYS: `k:${young},k:${old}` })).toContain('an id of its own');
    const short = randomBytes(31).toString('base64');
    expect(await refusal({ CAUSEWAY_SECRET_KEYS: `k:${short}` })).toContain('32 bytes');
  });
});

describe('payload keys', () => {
  const idsIn = async (source: Parameters<typeof readPayloadKeys>[0]) => {
    const { encrypting, all } = await readPayloadKeys(source);
    return { encrypting: encrypting?.id, all: all.map(({ id }) => id) };
  };

  test('there need be none; the first one encrypts, and all decrypt', async () => {
    expect(await idsIn({})).toEqual({ encrypting: undefined, all: [] });
    expect(await idsIn({ CAUSEWAY_PAYLOAD_KEYS: ring.join() })).toEqual({
      encrypting: 'young',
      all: ['young', 'old-1'],
    });
    expect(await idsIn({ CAUSEWAY_PAYLOAD_KEYS_COMMAND: `echo 'k:${young}'` })).toEqual({
      encrypting: 'k',
      all: ['k'],
    });
  });

  test('with the word clear in the first place none encrypts', async () => {
    const file = await fileWith(`clear\n${ring.join('\n')}\n`);
    expect(await idsIn({ CAUSEWAY_PAYLOAD_KEYS_FILE: file })).toEqual({
      encrypting: undefined,
      all: ['young', 'old-1'],
    });
    expect(await idsIn({ CAUSEWAY_PAYLOAD_KEYS: 'clear' })).toEqual({ encrypting: undefined, all: [] });
  });

  test('what can not be read is refused under their own name', async () => {
    const refused = readPayloadKeys({ CAUSEWAY_PAYLOAD_KEYS_FILE: join(folder, 'missing') });
    await expect(refused).rejects.toMatchObject({
      code: 'payload_keys_unreadable',
      remedy: expect.stringContaining('CAUSEWAY_PAYLOAD_KEYS_FILE'),
    });
  });
});

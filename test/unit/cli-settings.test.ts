import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSettings } from '../../cli/settings.ts';
import { causeway } from '../harness/cli.ts';

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'causeway-cli-'));
  await mkdir(join(cwd, '.causeway'));
  await writeFile(
    join(cwd, '.causeway', 'stack.json'),
    JSON.stringify({ api: 'http://stack:1', apiKey: 'of the stack' }),
  );
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

const away = { url: 'https://causeway.example.com', key: 'k' };
test.each([
  [{ CAUSEWAY_API: 'https://causeway.example.com/', CAUSEWAY_API_KEY: 'k', CAUSEWAY_API_PORT: '9' }, away],
  [
    { CAUSEWAY_API_PORT: '8090', CAUSEWAY_API_KEY: 'k' },
    { url: 'http://127.0.0.1:8090', key: 'k' },
  ],
  [
    { CAUSEWAY_API_HOST: '0.0.0.0', CAUSEWAY_API_KEY: 'k' },
    { url: 'http://127.0.0.1:8080', key: 'k' },
  ],
  [
    { CAUSEWAY_API_HOST: '::1', CAUSEWAY_API_PORT: '81', CAUSEWAY_API_KEY: 'k' },
    { url: 'http://[::1]:81', key: 'k' },
  ],
  [
    { CAUSEWAY_API_HOST: 'api.internal', CAUSEWAY_API_KEY: 'k' },
    { url: 'http://api.internal:8080', key: 'k' },
  ],
  [{ CAUSEWAY_API_PORT: '8090' }, { url: 'http://stack:1', key: 'of the stack' }],
  [{}, { url: 'http://stack:1', key: 'of the stack' }],
])('%j: its own address and key, those of the API, or those of the stack in this folder', async (env, settings) => {
  expect(await readSettings({ env, cwd })).toEqual(settings);
});

test.each([
  [{ CAUSEWAY_API: 'causeway.example.com', CAUSEWAY_API_KEY: 'k' }, 'CAUSEWAY_API is not a URL'],
  [{ CAUSEWAY_API: 'https://causeway.example.com' }, 'CAUSEWAY_API_KEY is not'],
  [{ CAUSEWAY_API_PORT: 'x', CAUSEWAY_API_KEY: 'k' }, 'CAUSEWAY_API_HOST and CAUSEWAY_API_PORT are no address'],
])('%j: %s', async (env, says) => {
  await expect(readSettings({ env, cwd })).rejects.toMatchObject({
    message: expect.stringContaining(says),
    exit: 'usage',
  });
  await expect(readSettings({ env: {}, cwd: '/nowhere' })).rejects.toThrow('Which Causeway?');
});

test('help is shown of what follows the word, and asks no API', async () => {
  const api = { url: 'http://127.0.0.1:9', key: 'k' };
  expect(await causeway(api, ['help', 'replays', 'start'])).toMatchObject({
    ...{ code: 0, err: '', out: expect.stringContaining('Usage: causeway replays start') },
  });
  expect(await causeway(api, ['help'])).toMatchObject({ code: 0, out: expect.stringContaining('Exit codes: 0 ok') });
});

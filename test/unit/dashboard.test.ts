/** The pages and files of the dashboard, as the API serves them. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { createApp } from '../../api/app.ts';
import type { App } from '../../api/appEnv.ts';

const html = '<!doctype html><title>Causeway</title><script type="module" src="/assets/app-1.js"></script>';

async function builtFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'causeway-dashboard-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await mkdir(join(dir, 'assets'));
  const files = {
    'index.html': html,
    'assets/app-1.js': 'app',
    'assets/app-1.js.gz': 'zipped',
    'assets/app-1.js.br': 'brotli',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  await writeFile(join(dir, '..', `${dir.split('/').at(-1)}.secret`), 'outside');
  onTestFinished(() => rm(`${dir}.secret`, { force: true }));
  return dir;
}

function appWith(dir: string): App {
  const none = async () => undefined;
  return createApp({
    ...{ logger: pino({ level: 'silent' }), findApiKey: none, health: {}, routes: [] },
    dashboard: {
      ...{ findSession: none, publicUrl: undefined, dir, destinations: { get: none } },
      sessions: { beginWithKey: () => Promise.reject(new Error('none')), beginByLink: none, end: none },
    },
  });
}
const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

test('every page of it is the same document, which may run, show, ask and be framed by nothing foreign', async () => {
  const app = appWith(await builtFolder());
  for (const path of [
    '/',
    '/overview',
    '/destinations/dst_1/edit',
    '/deliveries/evt_1',
    '/sign-in',
    '/portal',
    '/replays/rpl_1',
  ]) {
    for (const headers of [browser, {}]) {
      const answer = await app.request(path, { headers });
      expect([path, answer.status, await answer.text()]).toEqual([path, 200, html]);
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'content-type': 'text/html; charset=UTF-8',
        'cache-control': 'no-cache',
        'content-security-policy':
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
          "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        'x-frame-options': 'DENY',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'permissions-policy': expect.stringContaining('camera=(), microphone=(), geolocation=()'),
      });
      expect(answer.headers.get('strict-transport-security')).toBe(null);
    }
  }
});

test('a page that is not there is one all the same for a browser, with its status, and a problem for programs', async () => {
  const app = appWith(await builtFolder());
  const shown = await app.request('/no/such/page', { headers: browser });
  expect([shown.status, await shown.text()]).toEqual([404, html]);
  expect(shown.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  const none = ['/no/such/page', '/v1/none', '/docs/none', '/assets/none.js', '/none.js'];
  for (const path of none) {
    const headers: Record<string, string> = path === '/no/such/page' ? {} : browser;
    const answer = await app.request(path, { headers });
    expect([path, answer.headers.get('content-type')]).toEqual([path, 'application/problem+json']);
    expect([path, answer.status]).toEqual([path, path === '/v1/none' ? 401 : 404]);
  }
  const posted = await app.request('/overview', { method: 'POST', headers: browser });
  expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
});

test('files are kept by browsers for good, compressed where these take it', async () => {
  const app = appWith(await builtFolder());
  const get = async (encodings: string) => {
    const answer = await app.request('/assets/app-1.js', { headers: { 'accept-encoding': encodings } });
    return [answer.status, answer.headers.get('content-encoding'), await answer.text(), answer.headers.get('vary')];
  };
  expect(await get('gzip, deflate, br, zstd')).toEqual([200, 'br', 'brotli', 'Accept-Encoding']);
  expect(await get('gzip, deflate')).toEqual([200, 'gzip', 'zipped', 'Accept-Encoding']);
  expect(await get('identity')).toEqual([200, null, 'app', null]);
  const { headers } = await app.request('/assets/app-1.js');
  expect([headers.get('cache-control'), headers.get('content-type'), headers.get('x-content-type-options')]).toEqual([
    'public, max-age=31536000, immutable',
    'text/javascript; charset=utf-8',
    'nosniff',
  ]);
});

test('no file outside of the build is served', async () => {
  const dir = await builtFolder();
  const app = appWith(dir);
  const name = `${dir.split('/').at(-1)}.secret`;
  for (const path of [
    `/assets/../../${name}`,
    `/assets/..%2f..%2f${name}`,
    `/assets/%2e%2e/%2e%2e/${name}`,
    `/assets/..\\..\\${name}`,
  ]) {
    const answer = await app.request(path);
    expect([path, answer.status, (await answer.text()).includes('outside')]).toEqual([path, 404, false]);
  }
});

test('where it is not built, its pages say how, and the API goes on', async () => {
  const app = appWith(join(tmpdir(), 'causeway-not-built'));
  const answer = await app.request('/overview', { headers: browser });
  expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining('npm run dashboard:build')]);
  expect((await app.request('/docs')).status).toBe(200);
});

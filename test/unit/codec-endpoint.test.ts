import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { deflateSync } from 'node:zlib';
import { type ServerType, serve } from '@hono/node-server';
import { OpenAPIHono } from '@hono/zod-openapi';
import proto from '@temporalio/proto';
import { afterEach, expect, test } from 'vitest';
import type { App, AppEnv } from '../../api/appEnv.ts';
import { type CodecOptions, codecRoutes } from '../../api/codec.ts';
import { answerProblem } from '../../api/problem.ts';
import { encryptionCodec } from '../../domain/encryptionCodec.ts';
import type { Scope } from '../../domain/scope.ts';
import { noPayloadKeys, type PayloadKeys } from '../../domain/secretKeys.ts';
import { digestOfApiKey } from '../../store/apiKeys.ts';
import { until } from '../harness/until.ts';

const MiB = 1024 * 1024;
const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64');

/** The body of a request whose payloads are small packed and large unpacked. */
function packed(bytes: number, count = 1): string {
  const inner = proto.temporal.api.common.v1.Payload.encode({ data: new Uint8Array(bytes) }).finish();
  const payload = { metadata: { encoding: base64('binary/zlib') }, data: base64(deflateSync(inner)) };
  return JSON.stringify({ payloads: Array(count).fill(payload) });
}

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

function appWith(options: Partial<CodecOptions> = {}): App {
  const app: App = new OpenAPIHono<AppEnv>();
  codecRoutes(app, { keys: noPayloadKeys, findApiKey: async () => undefined, ...options });
  app.onError((error, c) => answerProblem(c, error));
  return app;
}

/** The endpoint on a real socket. */
async function listening(): Promise<{ port: number; server: ServerType }> {
  const app = appWith();
  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  stops.push(() => server.close());
  return { server, port: (server.address() as AddressInfo).port }; // It listens on TCP.
}

const post = (port: number, body: string): Promise<Response> =>
  fetch(`http://127.0.0.1:${port}/codec/decode`, { method: 'POST', body });

const request = (body: string): string =>
  `POST /codec/decode HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** Asks, reads the status line, and then nothing more. */
async function askAndNotRead(port: number, body: string): Promise<{ socket: Socket; status: number }> {
  const socket = connect(port, '127.0.0.1');
  stops.push(() => socket.destroy());
  socket.write(request(body));
  await once(socket, 'readable');
  return { socket, status: Number(String(socket.read(12)).split(' ')[1]) };
}

test('what is packed small and unpacks to more than an answer may hold is refused', async () => {
  const { port } = await listening();
  expect((await post(port, packed(14 * MiB))).status).toBe(200);
  expect((await post(port, packed(9 * MiB, 2))).status).toBe(413);
});

test('answers that nobody reads fill no memory: the next is refused until they are gone', async () => {
  const { port } = await listening();
  const body = packed(14 * MiB);
  const sockets: Socket[] = [];
  let refused = false;
  while (!refused && sockets.length < 10) {
    const { socket, status } = await askAndNotRead(port, body);
    sockets.push(socket);
    refused = status === 503;
  }
  expect(refused).toBe(true);
  for (const socket of sockets) socket.destroy();
  const status = async (): Promise<number> => (await post(port, body)).status;
  await until('an answer', status, (seen) => seen === 200, 10_000);
});

test('who goes away before the answer takes no room along', async () => {
  const { port, server } = await listening();
  const body = packed(14 * MiB);
  for (let n = 0; n < 5; n++) {
    const came = once(server, 'request');
    const socket = connect(port, '127.0.0.1');
    socket.write(request(body));
    const [incoming] = await came;
    await once(incoming, 'end'); // It is being unpacked now.
    socket.destroy();
  }
  expect((await post(port, body)).status).toBe(200);
});

const keys = ((key): PayloadKeys => ({ encrypting: key, all: [key] }))({ id: 'k1', key: randomBytes(32) });
/** Knows a key for each scope, of its name. */
const findApiKey: CodecOptions['findApiKey'] = async (digest) => {
  const scope = (['ingest', 'read', 'manage'] as const).find((one) => digestOfApiKey(one).equals(digest));
  return scope && { id: scope, name: scope, scopes: [scope] };
};
const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

/** What the codec endpoint is sent for a payload that was encrypted with a key. */
async function encryptedBody(ring: PayloadKeys = keys): Promise<string> {
  const [payload] = await encryptionCodec(ring).encode([{ metadata: {}, data: Buffer.from('"order-7"') }]);
  const metadata = Object.fromEntries(
    Object.entries(payload?.metadata ?? {}).map(([name, value]) => [name, base64(value)]),
  );
  return JSON.stringify({ payloads: [{ metadata, data: base64(payload?.data ?? '') }] });
}

test('encrypted payloads are shown to an API key with the scope read, and encrypted for one with manage', async () => {
  const app = appWith({ keys, findApiKey });
  const asked = async (path: string, body: string, headers: Record<string, string> = {}) =>
    await app.request(`/codec/${path}`, { method: 'POST', body, headers });
  const encrypted = await encryptedBody();
  const shown = await asked('decode', encrypted, bearer('read'));
  expect([shown.status, await shown.json()]).toEqual([200, { payloads: [{ data: base64('"order-7"') }] }]);
  const decoded = JSON.stringify({ payloads: [{ metadata: {}, data: base64('"order-8"') }] });
  const made = await (await asked('encode', decoded, bearer('manage'))).text();
  expect(made).not.toContain(base64('"order-8"'));
  expect(await (await asked('decode', made, bearer('read'))).text()).toContain(base64('"order-8"'));

  const statuses = async (path: string) => {
    const all: [name: string, headers: Record<string, string>][] = [
      ['none', {}],
      ['unknown', bearer('unknown')],
      ...(['ingest', 'read', 'manage'] satisfies Scope[]).map((scope): [string, Record<string, string>] => [
        ...([scope, bearer(scope)] as const),
      ]),
    ];
    const answers = all.map(async ([name, headers]) => [name, (await asked(path, encrypted, headers)).status]);
    return Object.fromEntries(await Promise.all(answers));
  };
  expect(await statuses('decode')).toEqual({ none: 401, unknown: 401, ingest: 403, read: 200, manage: 403 });
  expect(await statuses('encode')).toEqual({ none: 401, unknown: 401, ingest: 403, read: 403, manage: 200 });
});

test('a payload whose key the API lacks is answered 503, one that is damaged 400', async () => {
  const app = appWith({ keys, findApiKey });
  const asked = (body: string) => app.request('/codec/decode', { method: 'POST', body, headers: bearer('read') });
  const other = { id: 'k9', key: randomBytes(32) };
  const missing = await asked(await encryptedBody({ encrypting: other, all: [other] }));
  expect([missing.status, await missing.json()]).toEqual([
    503,
    expect.objectContaining({ code: 'payload_key_missing' }),
  ]);
  const { payloads } = JSON.parse(await encryptedBody());
  const damaged = { payloads: [{ ...payloads[0], data: base64(randomBytes(80)) }] };
  expect((await asked(JSON.stringify(damaged))).status).toBe(400);
});

test("Temporal's UI may ask with the cookie of an operator who signed in, from its own origin alone", async () => {
  const ui = 'https://temporal.example.com';
  const app = appWith({ keys, findApiKey, origins: [ui] });
  const signIn = (key: string) =>
    app.request('/codec/sign-in', {
      method: 'POST',
      body: new URLSearchParams({ key }),
      headers: { host: 'api.example.com' },
    });
  expect((await signIn('unknown')).status).toBe(401);
  expect((await signIn('manage')).status).toBe(403);
  expect((await app.request('/codec/sign-in')).status).toBe(200);
  const cookie = (await signIn('read')).headers.get('set-cookie') ?? '';
  expect(cookie).toBe('causeway_codec=read; Max-Age=43200; Path=/codec; HttpOnly; Secure; SameSite=Strict');

  const body = await encryptedBody();
  const ask = (origin: string) =>
    app.request('/codec/decode', { method: 'POST', body, headers: { origin, cookie: cookie.split(';')[0] ?? '' } });
  const allowed = ({ headers }: Response) => [
    headers.get('access-control-allow-origin'),
    headers.get('access-control-allow-credentials'),
  ];
  const answer = await ask(ui);
  expect([answer.status, ...allowed(answer)]).toEqual([200, ui, 'true']);
  expect(allowed(await ask('https://evil.example.com'))[0]).toBe(null);
  const preflight = await app.request('/codec/decode', {
    method: 'OPTIONS',
    headers: { origin: ui, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-namespace' },
  });
  expect([preflight.status, ...allowed(preflight)]).toEqual([204, ui, 'true']);
  const out = await app.request('/codec/sign-in', { method: 'POST', body: new URLSearchParams() });
  expect(out.headers.get('set-cookie')).toMatch(/^causeway_codec=; Max-Age=0;/);
});

test('without payload keys the endpoint needs no API key, and pages of this machine may ask', async () => {
  const app = appWith();
  const asked = await app.request('/codec/decode', {
    method: 'POST',
    body: JSON.stringify({ payloads: [] }),
    headers: { origin: 'http://127.0.0.1:8233' },
  });
  expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([200, 'http://127.0.0.1:8233']);
  expect(asked.headers.get('access-control-allow-credentials')).toBe(null);
  expect((await app.request('/codec/sign-in')).status).toBe(404);
});

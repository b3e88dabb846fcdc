import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { deflateSync } from 'node:zlib';
import { type ServerType, serve } from '@hono/node-server';
import { OpenAPIHono } from '@hono/zod-openapi';
import proto from '@temporalio/proto';
import { afterEach, expect, test } from 'vitest';
import type { App, AppEnv } from '../../api/appEnv.ts';
import { codecRoutes } from '../../api/codec.ts';
import { answerProblem } from '../../api/problem.ts';
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

/** The endpoint on a real socket. */
async function listening(): Promise<{ port: number; server: ServerType }> {
  const app: App = new OpenAPIHono<AppEnv>();
  codecRoutes(app);
  app.onError((error, c) => answerProblem(c, error));
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

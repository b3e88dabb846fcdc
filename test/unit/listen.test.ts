import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { OpenAPIHono } from '@hono/zod-openapi';
import { expect, onTestFinished, test } from 'vitest';
import type { App, AppEnv } from '../../api/appEnv.ts';
import { BodyBudget } from '../../api/eventBody.ts';
import { eventRoutes } from '../../api/events.ts';
import { listen } from '../../api/listen.ts';
import { answerProblem } from '../../api/problem.ts';
import { until } from '../harness/until.ts';

const eventBytesMax = 1_000;
const event = JSON.stringify({ eventType: 'e', customerExternalId: 'c', payload: {} });

/** The API's own routes, with room for so many bytes; the accept is the test's, which is told of each event. */
async function listening(budgetBytes: number, requestTimeoutMs = 10_000, accepted: () => void = () => {}) {
  const app: App = new OpenAPIHono<AppEnv>();
  app.onError((error, c) => answerProblem(c, error));
  const receipt = { id: 'evt_AAAAAAAAAAAAAAAAAAAAAA', deliveries: [] };
  const accept = async () => {
    accepted();
    return receipt;
  };
  eventRoutes(app, { accept, budget: new BodyBudget(budgetBytes), eventBytesMax });
  const server = await listen(app, { hostname: '127.0.0.1', port: 0, requestTimeoutMs });
  onTestFinished(() => {
    server.close();
  });
  const { port } = server.address() as AddressInfo; // It listens at a TCP address.
  const post = (path: string, body = event) =>
    fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  /** Sends the beginning of a request, and keeps what is answered. */
  const begin = (path: string, headers: string, body: string) => {
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => {
      socket.destroy();
    });
    socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${headers}\r\n\r\n${body}`);
    const answer = { text: '', socket };
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer.text += text;
    });
    return answer;
  };
  return { post, begin };
}
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
const batchPath = '/v1/events/batch';

test('a request whose body stalls is answered 408, and what it held is free for others', async () => {
  const { post, begin } = await listening(eventBytesMax, 300);
  const stalled = begin('/v1/events', 'content-length: 1000', '{');
  await once(stalled.socket, 'close');
  expect(stalled.text).toContain('HTTP/1.1 408');
  expect((await post('/v1/events')).status).toBe(202);
});

test.each([
  ['says no size', 'transfer-encoding: chunked', chunk(`[${event}`)],
  ['declares much', 'content-length: 500000', `[${event}`],
])('a batch that %s and stalls holds room for what it has sent, and others are taken', async (_, headers, body) => {
  const { post, begin } = await listening(600_000);
  for (let n = 0; n < 20; n++) begin(batchPath, headers, body);
  await until(
    'the stalled ones to be under way',
    () => post(batchPath, `[${event}]`),
    ({ status }) => status === 202,
  );
});

test('a batch of no declared size is taken, and refused once it is larger than the room that there is', async () => {
  const { post, begin } = await listening(100_000);
  const taken = begin(batchPath, 'transfer-encoding: chunked', `${chunk('[')}${chunk(event)}${chunk(']')}${chunk('')}`);
  await until(
    'its answer',
    () => taken.text,
    (text) => text.includes('HTTP/1.1 202'),
  );
  const large = begin(batchPath, 'transfer-encoding: chunked', chunk(`["${'x'.repeat(110_000)}`));
  await until(
    'its refusal',
    () => large.text,
    (text) => text.includes('HTTP/1.1 503') && text.includes('overloaded'),
  );
  expect((await post(batchPath, `[${event}]`)).status).toBe(202); // Its room is free again.
});

test('a batch for which there is no room is refused before its body is sent', async () => {
  const { begin } = await listening(100_000);
  const refused = begin(batchPath, 'content-length: 200000', '');
  await until(
    'its refusal',
    () => refused.text,
    (text) => text.includes('HTTP/1.1 503') && text.includes('retry-after: 1'),
  );
});

test.each([
  ['declared', 'content-length: 6000000', ''],
  ['not declared', 'transfer-encoding: chunked', chunk('x'.repeat(5_300_000))],
])('a batch of more than 5 MiB is answered 413: its size is %s', async (_, headers, body) => {
  const { begin } = await listening(32_000_000);
  const refused = begin(batchPath, headers, body);
  await until(
    'its refusal',
    () => refused.text,
    (text) => text.includes('HTTP/1.1 413'),
  );
});

/** Batches whose second halves come together, when all have had their turn to be read. */
async function together(batches: number, accepted: () => void): Promise<string[]> {
  const { post, begin } = await listening(1_000_000, 10_000, accepted);
  const body = `[${event}]`;
  const begun = Array.from({ length: batches }, () =>
    begin(batchPath, `content-length: ${body.length}`, body.slice(0, 20)),
  );
  await post(batchPath, body); // Turns are in order.
  for (const { socket } of begun) socket.write(body.slice(20));
  await until(
    'all answers',
    () => begun.map(({ text }) => text.slice(9, 12)),
    (statuses) => statuses.every((status) => status !== ''),
  );
  return begun.map(({ text }) => text.slice(9, 12));
}

test('batches whose bodies are complete at once are read in a turn of the event loop each', async () => {
  let turn = 0;
  let isOver = false;
  const count = (): void => {
    turn++;
    if (!isOver) setImmediate(count);
  };
  count();
  const turns: number[] = [];
  const statuses = await together(20, () => turns.push(turn));
  isOver = true;
  expect(new Set(statuses)).toEqual(new Set(['202']));
  expect(turns).toHaveLength(21);
  expect(new Set(turns).size).toBe(21);
});

test('of batches whose bodies are complete at once those that wait for more than a second are refused', async () => {
  const busy = (): void => {
    for (const endsAt = performance.now() + 100; performance.now() < endsAt; );
  };
  const statuses = await together(20, busy);
  expect(new Set(statuses)).toEqual(new Set(['202', '503']));
});

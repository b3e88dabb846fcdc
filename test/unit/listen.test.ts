import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { OpenAPIHono } from '@hono/zod-openapi';
import { expect, onTestFinished, test } from 'vitest';
import type { App, AppEnv } from '../../api/appEnv.ts';
import { BodyBudget } from '../../api/eventBody.ts';
import { eventRoutes } from '../../api/events.ts';
import { listen } from '../../api/listen.ts';

test('a request whose body stalls is answered 408, and what it held is free for others', async () => {
  const app: App = new OpenAPIHono<AppEnv>();
  const eventBytesMax = 1_000;
  const receipt = { id: 'evt_AAAAAAAAAAAAAAAAAAAAAA', deliveries: [] };
  eventRoutes(app, { accept: async () => receipt, budget: new BodyBudget(eventBytesMax), eventBytesMax });
  const server = await listen(app, { hostname: '127.0.0.1', port: 0, requestTimeoutMs: 300 });
  onTestFinished(() => {
    server.close();
  });
  const { port } = server.address() as AddressInfo; // It listens at a TCP address.
  const stalled = connect(port, '127.0.0.1');
  const head = 'POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{';
  stalled.write(head);
  let answer = '';
  stalled.setEncoding('utf8').on('data', (text: string) => {
    answer += text;
  });
  await once(stalled, 'close');
  expect(answer).toContain('HTTP/1.1 408');
  const body = JSON.stringify({ eventType: 'e', customerExternalId: 'c', payload: {} });
  const post = () =>
    fetch(`http://127.0.0.1:${port}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
  expect((await post()).status).toBe(202);
});

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { BodyBudget, withBody } from '../../api/eventBody.ts';

const budgetBytes = 1_000_000;

/** Sends so many chunks of a byte each; `atEnd` is called when all have been read and the body hasn't ended. */
async function sent(chunks: number, budget: BodyBudget, atEnd: () => void = () => {}): Promise<string> {
  const app = new Hono();
  app.post('/', async (c) => c.text(await withBody(c, { budget, bytesMax: 600_000 }, async (body) => text(body))));
  let left = chunks;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (left-- > 0) return controller.enqueue(Uint8Array.of(97 + (left % 26)));
        atEnd();
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  const request = new Request('http://x/', { method: 'POST', body, duplex: 'half' });
  return await (await app.request(request)).text();
}
const text = (body: Uint8Array): string => new TextDecoder().decode(body);
const room = (budget: BodyBudget, bytes: number): boolean => {
  try {
    budget.check(bytes);
    return true;
  } catch {
    return false;
  }
};

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');
const heapBytes = (): number => {
  collect();
  return process.memoryUsage().heapUsed;
};

test('a body of many chunks of a byte holds its bytes, not an object for each', async () => {
  const before = heapBytes();
  let held = 0;
  const body = await sent(300_000, new BodyBudget(budgetBytes), () => {
    held = heapBytes() - before;
  });
  expect(body).toHaveLength(300_000);
  expect(body.endsWith('dcba')).toBe(true);
  expect(held).toBeLessThan(10_000_000);
});

test('a body of no declared size has room for what it has allocated, up to twice what has come, until it is done', async () => {
  const budget = new BodyBudget(budgetBytes);
  let rooms: boolean[] = [];
  await sent(40_000, budget, () => {
    rooms = [room(budget, budgetBytes - 80_000), room(budget, budgetBytes - 40_000)];
  });
  expect(rooms).toEqual([true, false]);
  expect(room(budget, budgetBytes)).toBe(true);
});

import { OpenAPIHono } from '@hono/zod-openapi';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ListedLane } from '../../activities/laneList.ts';
import type { AppEnv } from '../../api/appEnv.ts';
import { deadLetterRoutes } from '../../api/deadLetters.ts';
import { SharedReads } from '../../api/sharedReads.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const lane: ListedLane = {
  ...{ workflowId: 'delivery:dst_x:0', runId: 'r', destinationId: 'dst_x', lane: '0', state: 'Parked' },
  ...{ deadLetters: 1, runStartedAt: new Date(0) },
};

/** Dead letters behind a count of what Temporal is asked for them. Who asks is `key`, `operator` or a link's customer. */
function countingApp() {
  const asked = { lists: 0, lanes: 0 };
  let waitsFor: Promise<void> | undefined;
  let isFailing = false;
  const app = new OpenAPIHono<AppEnv>();
  app.onError((_, c) => c.text('failed', 503));
  app.use(async (c, next) => {
    const who = c.req.header('who') ?? 'key';
    if (who !== 'key') c.set('via', who === 'operator' ? 'dashboard' : 'portal');
    if (who.startsWith('acct_')) c.set('portal', { linkId: 'l', customerExternalId: who, permissions: ['read'] });
    await next();
  });
  const shared = new SharedReads();
  shared.watch(app);
  app.all('/v1/destinations/*', (c) => c.text('done'));
  app.all('/v1/replays/*', (c) => c.text('done'));
  app.all('/v1/events', (c) => c.text('done'));
  deadLetterRoutes(app, {
    ...{ shared, destinations: { get: async () => undefined } },
    list: async () => {
      asked.lists++;
      await waitsFor;
      if (isFailing) throw new Error('Temporal is away');
      return { lanes: [lane] };
    },
    lanes: {
      deadLetters: async () => {
        asked.lanes++;
        return [];
      },
    },
  });
  const ask = async (who: string, query = '') =>
    (await app.request(`/v1/dead-letters?${query}`, { headers: { who } })).status;
  const deed = async (path: string, method = 'POST') => await app.request(path, { method, headers: { who: 'key' } });
  return {
    ...{ asked, ask, deed },
    waitFor: (what: Promise<void> | undefined) => {
      waitsFor = what;
    },
    fail: (isIt: boolean) => {
      isFailing = isIt;
    },
  };
}
const operators = Array.from({ length: 10 }, () => 'operator');

test('ten dashboards that show the same cost Temporal and the lanes what one does, and see what is five seconds old at the most', async () => {
  const { asked, ask } = countingApp();
  expect(await Promise.all(operators.map((who) => ask(who)))).toEqual(Array(10).fill(200));
  await vi.advanceTimersByTimeAsync(4_900);
  await ask('operator');
  expect(asked).toEqual({ lists: 1, lanes: 1 });
  await vi.advanceTimersByTimeAsync(100);
  await ask('operator');
  expect(asked).toEqual({ lists: 2, lanes: 2 });
});

test('nobody gets another customer’s answer, nor an operator’s; links of one customer share theirs; who has an API key gets its own', async () => {
  const { asked, ask } = countingApp();
  const all = ['operator', 'acct_a', 'acct_b', 'acct_a', 'key', 'key'];
  await Promise.all(all.map((who) => ask(who)));
  expect(asked.lists).toBe(5);
  // A link that names its customer asks for what an operator asks for who names it: neither gets the other's.
  await Promise.all(['operator', 'acct_a'].map((who) => ask(who, 'customerExternalId=acct_a')));
  expect(asked.lists).toBe(6);
});

test('another question has another answer, and long pages are kept for nobody', async () => {
  const { asked, ask } = countingApp();
  for (const query of ['', 'limit=99', 'error=MESSAGE_TOO_LARGE', 'customerExternalId=acct_a', '']) {
    await ask('operator', query);
  }
  expect(asked.lists).toBe(4);
  await Promise.all(operators.map((who) => ask(who, 'limit=101')));
  expect(asked.lists).toBe(14);
});

test('after a deed, and after a look at a replay that may be over, the list is asked for anew; an event that came in is no deed', async () => {
  const { asked, ask, deed } = countingApp();
  await ask('operator');
  await deed('/v1/events');
  await deed('/v1/destinations/dst_x', 'GET');
  await ask('operator');
  expect(asked.lists).toBe(1);
  for (const [n, [path, method]] of [
    ['/v1/destinations/dst_x/discard', 'POST'],
    ['/v1/destinations/dst_x', 'DELETE'],
    ['/v1/replays/rpl_a', 'GET'],
  ].entries()) {
    await deed(path ?? '', method);
    await Promise.all(operators.map((who) => ask(who)));
    expect(asked.lists).toBe(n + 2);
  }
});

test('what was asked for before a deed was done is not given to who asks after it', async () => {
  const { asked, ask, deed, waitFor } = countingApp();
  let goOn: () => void = () => undefined;
  waitFor(
    new Promise((go) => {
      goOn = go;
    }),
  );
  const before = ask('operator');
  await vi.waitFor(() => expect(asked.lists).toBe(1));
  await deed('/v1/destinations/dst_x/replay');
  waitFor(undefined);
  await ask('operator');
  expect(asked.lists).toBe(2);
  goOn();
  await before;
  await ask('operator');
  expect(asked.lists).toBe(2);
});

test('a failure is kept for nobody', async () => {
  const { asked, ask, fail } = countingApp();
  fail(true);
  expect(await ask('operator')).toBe(503);
  fail(false);
  expect(await ask('operator')).toBe(200);
  expect(asked.lists).toBe(2);
});

import { Hono } from 'hono';
import { expect, test } from 'vitest';
import type { AppEnv } from '../../api/appEnv.ts';
import { portalTurns, searchPaths } from '../../api/portalTurns.ts';
import { CausewayError } from '../../domain/error.ts';
import { until } from '../harness/until.ts';

/** An app whose answers wait until they are let go; the customer is in the query, an operator has none. */
function waitingApp() {
  const going: { name: string; go: () => void }[] = [];
  const app = new Hono<AppEnv>();
  app.use((c, next) => {
    const customerExternalId = c.req.query('customer');
    c.set('portal', customerExternalId ? { linkId: 'l', customerExternalId, permissions: ['read'] } : undefined);
    return next();
  });
  const turns = portalTurns();
  for (const path of searchPaths.store) app.use(path, turns('shared'));
  for (const path of searchPaths.temporal) app.use(path, turns('own'));
  const handle = (name: string) => new Promise<void>((go) => going.push({ name, go: () => go() }));
  app.all('*', async (c) => {
    const name = c.req.query('as') ?? c.req.query('customer') ?? 'operator';
    await handle(name);
    if (c.req.query('fails')) throw new Error('It failed.');
    return c.text(name);
  });
  app.onError((error, c) => c.text(error instanceof CausewayError ? error.code : 'failed', 503));
  const ask = async (query = '', init: RequestInit = {}, path = 'deliveries') =>
    (await app.request(`/v1/${path}?${query}`, init)).text();
  const names = () => going.map(({ name }) => name);
  const goOn = (name: string): void => {
    const at = going.findIndex((one) => one.name === name);
    going.splice(at, 1)[0]?.go();
  };
  return { ask, names, goOn };
}

test('a customer’s links search one at a time, two customers at once, and operators beside them as they like', async () => {
  const { ask, names, goOn } = waitingApp();
  const answers = ['customer=a', 'customer=a', 'customer=a', 'customer=b', 'customer=c', '', ''].map((query) =>
    ask(query),
  );
  await until('operators', names, (going) => going.filter((name) => name === 'operator').length === 2);
  expect(names().toSorted()).toEqual(['a', 'b', 'operator', 'operator']);
  goOn('a');
  await until('the one that waited', names, (going) => going.includes('c'));
  expect(names().toSorted()).toEqual(['b', 'c', 'operator', 'operator']);
  for (const name of ['operator', 'operator', 'b', 'c']) goOn(name);
  for (let n = 0; n < 2; n++) {
    await until('the next of the first customer', names, (going) => going.length > 0);
    expect(names()).toEqual(['a']);
    goOn('a');
  }
  expect(await Promise.all(answers)).toEqual(['a', 'a', 'a', 'b', 'c', 'operator', 'operator']);
});

test('one that fails leaves its turn, and who asks for too much is told to come again, whatever the method', async () => {
  const { ask, names, goOn } = waitingApp();
  const first = ask('customer=a&fails=1');
  const methods = ['GET', 'HEAD', 'POST'];
  const waiting = Array.from({ length: 20 }, (_, n) => ask('customer=a', { method: methods[n % 3] ?? 'GET' }));
  for (const method of ['GET', 'POST']) expect(await ask('customer=a', { method })).toBe('overloaded');
  expect(names()).toEqual(['a']);
  goOn('a');
  expect(await first).toBe('failed');
  for (const [n, one] of waiting.entries()) {
    await until('the next', names, (going) => going.length > 0);
    expect(names()).toEqual(['a']);
    goOn('a');
    expect(await one).toBe(n % 3 === 1 ? '' : 'a');
  }
});

test('what waits for lanes is in nobody else’s way, and a page of lanes without their status not behind the one with it', async () => {
  const { ask, names, goOn } = waitingApp();
  const lanes = ['a', 'b', 'c'].map((customer) => ask(`customer=${customer}`, {}, 'destinations/dst_x/lanes'));
  const quick = ['a1', 'a2'].map((as) => ask(`customer=a&withStatus=false&as=${as}`, {}, 'destinations/dst_x/lanes'));
  const search = ask('customer=d');
  await until('all but one', names, (going) => going.length === 5);
  expect(names().toSorted()).toEqual(['a', 'a1', 'b', 'c', 'd']);
  goOn('a1');
  await until('the second quick page', names, (going) => going.includes('a2'));
  for (const name of ['a', 'a2', 'b', 'c', 'd']) goOn(name);
  expect(await Promise.all([...lanes, ...quick, search])).toEqual(['a', 'b', 'c', 'a1', 'a2', 'd']);
});

test.each(['events/evt_x', 'events/evt_x/value', 'dead-letters'])(
  'what may wait for silent lanes and segments keeps no other customer from a search: %s',
  async (path) => {
    const { ask, names, goOn } = waitingApp();
    const slow = ['a', 'b', 'a'].map((customer) => ask(`customer=${customer}`, {}, path));
    const searches = ['c', 'd'].map((customer) => ask(`customer=${customer}`));
    await until('the searches, and one of each customer', names, ({ length }) => length === 4);
    expect(names().toSorted()).toEqual(['a', 'b', 'c', 'd']);
    goOn('a');
    await until('the next of the first customer', names, (going) => going.includes('a'));
    for (const name of ['a', 'b', 'c', 'd']) goOn(name);
    expect(await Promise.all([...slow, ...searches])).toEqual(['a', 'b', 'a', 'c', 'd']);
  },
);

test('a request that its browser gave up keeps no place, and is not begun', async () => {
  const { ask, names, goOn } = waitingApp();
  const first = ask('customer=a');
  const gone = new AbortController();
  const given = Array.from({ length: 20 }, () => ask('customer=a&as=gone', { signal: gone.signal }));
  expect(await ask('customer=a')).toBe('overloaded');
  gone.abort();
  expect(await Promise.all(given)).toEqual(Array(20).fill(''));
  expect(await ask('customer=a&as=gone', { signal: gone.signal })).toBe('');
  const next = ask('customer=a&as=next');
  goOn('a');
  await until('the next', names, (going) => going.length > 0);
  expect(names()).toEqual(['next']);
  goOn('next');
  expect(await Promise.all([first, next])).toEqual(['a', 'next']);
});

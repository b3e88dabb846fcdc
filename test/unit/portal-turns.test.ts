import { Hono } from 'hono';
import { expect, test } from 'vitest';
import type { AppEnv } from '../../api/appEnv.ts';
import { portalTurns } from '../../api/portalTurns.ts';
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
  app.use('/search', portalTurns());
  const handle = (name: string) => new Promise<void>((go) => going.push({ name, go: () => go() }));
  app.all('/search', async (c) => {
    const name = c.req.query('customer') ?? 'operator';
    await handle(name);
    if (c.req.query('fails')) throw new Error('It failed.');
    return c.text(name);
  });
  app.onError((error, c) => c.text(error instanceof CausewayError ? error.code : 'failed', 503));
  const ask = async (query = '', method = 'GET') => (await app.request(`/search?${query}`, { method })).text();
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

test('one that fails leaves its turn, who asks for too much is told to come again, and what changes something does not wait', async () => {
  const { ask, names, goOn } = waitingApp();
  const first = ask('customer=a&fails=1');
  const waiting = Array.from({ length: 20 }, () => ask('customer=a'));
  expect(await ask('customer=a')).toBe('overloaded');
  const change = ask('customer=a', 'POST');
  await until('the change', names, (going) => going.length === 2);
  goOn('a');
  expect(await first).toBe('failed');
  goOn('a');
  expect(await change).toBe('a');
  for (const one of waiting) {
    await until('the next', names, (going) => going.length === 1);
    goOn('a');
    expect(await one).toBe('a');
  }
});

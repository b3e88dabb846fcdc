import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate } from '../../store/migrate.ts';
import { openStore } from '../../store/store.ts';
import { otherTypes, typesOfDayMax } from '../../store/trafficCounts.ts';
import { newDatabase } from '../harness/database.ts';

let own: Awaited<ReturnType<typeof newDatabase>>;
beforeAll(async () => {
  own = await newDatabase();
  await migrate(own.databaseUrl);
});
afterAll(() => own?.drop());

const key = { id: 'k1', key: randomBytes(32) };
const opened = () => openStore({ databaseUrl: own.databaseUrl, secretKeys: [key] });

/** Counts these as one process does, which writes them as it ends. */
async function accept(customer: string, types: readonly string[]): Promise<void> {
  const store = await opened();
  for (const type of types) store.traffic.accepted(customer, type);
  await store.close();
}

async function counted(customer: string): Promise<Map<string, number>> {
  const store = await opened();
  try {
    const rows = await store.numbers.eventTypes({ customerExternalId: customer, limit: 10_000 });
    return new Map(rows.map(({ eventType, last7d }) => [eventType, last7d]));
  } finally {
    await store.close();
  }
}

const made = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `made.up.${String(from + n).padStart(6, '0')}`);

test('of a sender that makes up event types so many are told apart in a day, and the others are counted together', async () => {
  await accept('honest', ['order.paid', 'order.paid']);
  await accept('sender', ['order.paid', ...made(0, typesOfDayMax - 11)]);
  expect((await counted('sender')).size).toBe(typesOfDayMax - 10);
  await accept('sender', [...made(1_000, 5_000), 'order.paid']);
  const after = await counted('sender');
  expect(after.size).toBe(typesOfDayMax + 1);
  expect([after.get('order.paid'), after.get(otherTypes)]).toEqual([2, 5_000 - 10]);
  await accept('sender', ['order.paid', ...made(9_000, 3), ...made(1_000, 2)]);
  const last = await counted('sender');
  expect([last.size, last.get('order.paid')]).toEqual([typesOfDayMax + 1, 3]);
  expect(last.get(otherTypes)).toBe(5_000 - 10 + 3);
  expect(last.get('made.up.001001')).toBe(2);
  // Nobody else has less room for it.
  await accept('honest', ['order.shipped']);
  expect(await counted('honest')).toEqual(
    new Map([
      ['order.paid', 2],
      ['order.shipped', 1],
    ]),
  );
});

test('counts of 10,000 customers are written in one go in a moment, those that have many types today among them', async () => {
  const customers = Array.from({ length: 10_000 }, (_, n) => `many_${n}`);
  const write = async (type: string): Promise<number> => {
    const store = await opened();
    for (const customer of customers) store.traffic.accepted(customer, type);
    const beganMs = performance.now();
    await store.close();
    return performance.now() - beganMs;
  };
  await write('first');
  // Nothing has been analysed yet, so Postgres plans as for few rows; each customer's types are looked through.
  const tookMs = await write('second');
  expect(await counted('many_9999')).toEqual(
    new Map([
      ['first', 1],
      ['second', 1],
    ]),
  );
  expect(tookMs).toBeLessThan(5_000);
  await write('second');
  expect((await counted('many_0')).get('second')).toBe(2);
}, 60_000);

import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPool, Database } from '../../store/pool.ts';
import { newDatabase } from '../harness/database.ts';

let own: Awaited<ReturnType<typeof newDatabase>>;
let database: Database;
beforeAll(async () => {
  own = await newDatabase();
  database = new Database(
    createPool(own.databaseUrl, () => undefined),
    own.databaseUrl,
  );
});
afterAll(async () => {
  await database.pool.end();
  await own.drop();
});

test('a connection lost between two statements of a transaction fails the transaction, and not the process', async () => {
  const uncaught: unknown[] = [];
  let onUncaught = (_: unknown): void => undefined;
  const transaction = database.transaction(async (client) => {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const ended = new Promise<void>((resolve) => {
      client.once('end', resolve);
      // What nobody listens to would end the process here.
      onUncaught = (error) => resolve(void uncaught.push(error));
      process.on('uncaughtException', onUncaught);
    });
    await database.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
    await ended;
    return await client.query('select 1');
  });
  await expect(transaction).rejects.toMatchObject({ code: 'store_unreachable' });
  process.off('uncaughtException', onUncaught);
  expect(uncaught).toEqual([]);
  expect(await database.transaction((client) => client.query('select 1').then(({ rowCount }) => rowCount))).toBe(1);
});

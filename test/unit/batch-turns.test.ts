import { expect, test } from 'vitest';
import { BatchTurns } from '../../api/batchTurns.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('each batch gets a turn of the event loop of its own, in the order in which they came', async () => {
  const turns = new BatchTurns();
  const done: number[] = [];
  for (const n of [0, 1, 2]) void turns.mine().then(() => done.push(n));
  for (const expected of [[0], [0, 1], [0, 1, 2]]) {
    await turn();
    expect(done).toEqual(expected);
  }
});

test('one that waited for more than a second is refused, and the next one has its turn at once', async () => {
  let nowMs = 0;
  const turns = new BatchTurns({ now: () => nowMs });
  const late = [turns.mine(), turns.mine()];
  nowMs = 1_001;
  const next = turns.mine();
  const results = await Promise.allSettled([...late, next]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  expect(results[0]).toMatchObject({ reason: { code: 'overloaded' } });
});

test('turns go to new connections while there are any, and no more than 32 between two batches', async () => {
  let connections = 0;
  const turns = new BatchTurns({ connections: () => connections });
  let done = 0;
  const count = (): void => {
    done++;
  };
  void turns.mine().then(count);
  await turn();
  expect(done).toBe(1);
  for (const _ of [1, 2]) void turns.mine().then(count);
  for (let n = 0; n < 32; n++) {
    connections++;
    await turn();
  }
  expect(done).toBe(1);
  connections++;
  await turn();
  expect(done).toBe(2); // As many connections as may come: a batch has its turn.
  connections++;
  await turn();
  expect(done).toBe(2);
  await turn(); // No new one.
  expect(done).toBe(3);
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { WorkersSeen } from '../../activities/workersSeen.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';
import { heldLanes, impatient, keysUpTo } from '../harness/heldLanes.ts';
import { type TestTemporal, testTemporal } from '../harness/temporal.ts';

let causeway: Causeway;
let temporal: TestTemporal;
beforeAll(async () => {
  causeway = await startCauseway({ workers: 2, workerEnv: impatient });
  temporal = await testTemporal(causeway);
});
afterAll(async () => {
  await temporal?.stop();
  await causeway?.stop();
});

const { keyed, untilCount, looksOf, patch } = heldLanes(() => ({ causeway, temporal }));

/** Of two workers that know of each other each leaves every second one to the other. */
const lookEveryMs = 2_000;
const areShared = (ofOne: readonly number[]): boolean =>
  ofOne.every((ms, n) => n === 0 || ms - (ofOne[n - 1] ?? ms) >= 2 * lookEveryMs);

test('lanes that two workers let wait look by themselves one every two seconds, both workers together', async () => {
  const seen = new WorkersSeen(temporal.client, causeway.temporal.taskQueue);
  const count = async (): Promise<number> => {
    await seen.look();
    return seen.count;
  };
  await until('both workers to be seen', count, (workers) => workers >= 2);
  const destination = await keyed({ brokers: [`127.0.0.1:${await freePort()}`] });
  let rounds = 0;
  const round = () =>
    looksOf(
      destination,
      keysUpTo(8).map((key) => `${key}-${rounds}`),
    ).finally(() => rounds++);
  // A worker looks for others every half minute.
  const looks = await until(
    'two workers that know of each other',
    round,
    (ofEach) => ofEach.length === 2 && ofEach.every((ofOne) => ofOne.length > 2 && areShared(ofOne)),
    120_000,
  );
  const all = looks.flat().toSorted((a, b) => a - b);
  const inWindow = (fromMs: number) => all.filter((ms) => ms >= fromMs && ms < fromMs + 2 * lookEveryMs).length;
  expect(Math.max(...all.map(inWindow))).toBeLessThanOrEqual(2);
  await patch(destination, { brokers: causeway.kafka.brokers });
  await untilCount(destination, 'Waiting', 0);
});

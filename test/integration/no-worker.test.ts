import { randomBytes } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { runSizesOf } from '../../dev/laneRuns.ts';
import { laneWorkflowId } from '../../domain/lane.ts';
import { type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { firstSeen } from '../harness/order.ts';
import { expectProblem } from '../harness/problem.ts';
import { testTemporal } from '../harness/temporal.ts';

const minutes = 60_000;
const perPost = 100;
const postsMax = 400;

test('without a worker a lane takes events until 503 lane_full, alone; once a worker is there, all that was accepted arrives in order', {
  timeout: 4 * minutes,
}, async () => {
  const causeway = await startCauseway({ workers: 0 });
  onTestFinished(() => causeway.stop());
  const { client, stop } = await testTemporal(causeway);
  onTestFinished(() => stop());
  const [one, other] = [await causeway.createDestination(), await causeway.createDestination()];
  const accepted: string[] = [];
  const batch = ({ customerExternalId }: CreatedDestination, post: number) =>
    Array.from({ length: perPost }, (_, n) => ({
      eventType: 'e',
      customerExternalId,
      idempotencyKey: String(post * perPost + n),
      payload: { text: randomBytes(700).toString('hex') },
    }));

  let refused: Awaited<ReturnType<typeof causeway.api.postBatch>> | undefined;
  for (let post = 0; post < postsMax && !refused; post++) {
    const answer = await causeway.api.postBatch(batch(one, post));
    if (answer.status === 503) refused = answer;
    const { results = [] } = answer.body as { results?: { status: number }[] };
    results.forEach(({ status }, n) => {
      if (status === 202) accepted.push(String(post * perPost + n));
    });
  }
  if (!refused) throw new Error(`Nothing was refused of ${accepted.length} events.`);
  expectProblem(refused, 503, 'lane_full');
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await causeway.api.postBatch(batch(other, 0))).status).toBe(202);

  await causeway.worker.start();
  const order = await until(
    'all that was accepted to arrive',
    async () => firstSeen(await causeway.kafka.records(one.topic), one.customerExternalId),
    ({ length }) => length >= accepted.length,
    2 * minutes,
  );
  expect(order).toEqual(accepted);
  const last = batch(one, postsMax);
  await until(
    'the lane to take events again',
    () => causeway.api.postBatch(last),
    ({ status }) => status === 202,
  );
  const runs = await runSizesOf(client, laneWorkflowId(one.id, one.customerExternalId));
  console.log(`${accepted.length} events accepted without a worker; runs since: ${JSON.stringify(runs)}`);
  expect(Math.max(...runs.map(({ historyBytes }) => historyBytes))).toBeLessThan(10_000_000);
  expect(Math.max(...runs.map(({ historyEvents }) => historyEvents))).toBeLessThan(10_000);
});

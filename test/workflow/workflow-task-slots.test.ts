import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { WorkflowTaskSlots } from '../../worker/workflowTaskSlots.ts';
import { timeSkipping } from '../harness/timeSkipping.ts';
import { until } from '../harness/until.ts';
import { newLane, noting, produceActivity, whileWorking } from '../harness/workflowLane.ts';

const server = timeSkipping();
const lanes = 12;
/** Each takes two tasks of each lane: a slot that was lost would soon be missing. */
const rounds = 8;

test('many lanes go through few slots for workflow tasks, of which none is lost', async () => {
  const taskQueue = randomUUID();
  const { sent, produce } = noting();
  const places = { type: 'fixed-size', numSlots: 2 } as const;
  const worker = await server.workflowWorker(taskQueue, {
    activities: { produce: produceActivity(produce) },
    tuner: {
      workflowTaskSlotSupplier: new WorkflowTaskSlots({ cached: 2, fresh: 2 }),
      activityTaskSlotSupplier: places,
      localActivityTaskSlotSupplier: places,
      nexusTaskSlotSupplier: places,
    },
  });
  const all = Array.from({ length: lanes }, () => newLane(server, taskQueue, {}));
  const [first, ...others] = all;
  if (!first) throw new Error('There are no lanes.');
  await whileWorking(worker, first, async () => {
    for (let round = 0; round < rounds; round++) {
      await Promise.all(all.map(({ enqueue }, lane) => enqueue([round * lanes + lane], 0)));
      await until('all that was sent', () => sent.length === (round + 1) * lanes);
    }
    await Promise.all(others.map(({ handle }) => handle.terminate()));
  });
  expect(new Set(sent).size).toBe(lanes * rounds);
});

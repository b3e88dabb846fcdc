import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { expect, onTestFinished, test } from 'vitest';
import { laneRuns, workersBehind } from '../../api/workersBehind.ts';
import { sharedServers } from '../harness/sharedServers.ts';
import { until } from '../harness/until.ts';

const tasks = 30;

test('Temporal says how many tasks wait for a worker, for how long, and whether a worker asks for them', async () => {
  const { address, namespace } = sharedServers().temporal;
  const connection = await Connection.connect({ address });
  onTestFinished(() => connection.close());
  const client = new Client({ connection, namespace });
  const taskQueue = randomUUID();
  const ask = workersBehind(client, taskQueue);
  const none = { waiting: 0, oldestMs: 0, takenPerSecond: 0, askedAgoMs: undefined };
  expect(await ask()).toEqual({ workflows: none, activities: none });
  const ids = Array.from({ length: tasks }, () => randomUUID());
  for (const workflowId of ids) await client.workflow.start('noise', { workflowId, taskQueue });
  const behind = await until('them to be counted', ask, ({ workflows }) => workflows.waiting === tasks);
  expect(behind).toMatchObject({ workflows: { takenPerSecond: 0, askedAgoMs: undefined }, activities: none });
  expect(behind.workflows.oldestMs).toBeGreaterThan(0);

  const [first = ''] = ids;
  const runs = laneRuns(client);
  expect(await runs(first)).toBe(true);
  const polled = await connection.withDeadline(Date.now() + 10_000, () =>
    client.workflowService.pollWorkflowTaskQueue({ namespace, taskQueue: { name: taskQueue }, identity: 'test' }),
  );
  expect(ids).toContain(polled.workflowExecution?.workflowId);
  const asked = await until('the poll to be seen', ask, ({ workflows }) => workflows.askedAgoMs !== undefined);
  expect(asked.workflows.askedAgoMs).toBeLessThan(60_000);
  await until('the task to be seen as taken', ask, ({ workflows }) => workflows.takenPerSecond > 0);
  for (const id of ids) await client.workflow.getHandle(id).terminate();
  expect([await runs(first), await runs(randomUUID())]).toEqual([false, false]);
});

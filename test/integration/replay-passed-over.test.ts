import { afterAll, beforeAll, expect, test } from 'vitest';
import { laneWorkflowId, laneWorkflowType } from '../../domain/lane.ts';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';
import { causeway as run } from '../harness/cli.ts';
import { postEvent, untilDelivery } from '../harness/eventLog.ts';
import { untilReplay } from '../harness/replays.ts';
import { type TestTemporal, testTemporal } from '../harness/temporal.ts';

let causeway: Causeway;
let temporal: TestTemporal;
beforeAll(async () => {
  causeway = await startCauseway();
  temporal = await testTemporal(causeway);
});
afterAll(async () => {
  await temporal?.stop();
  await causeway?.stop();
});

test('a replay passes over a lane that does not answer, sends all others, says so, and continued sends what is left, once', {
  timeout: 120_000,
}, async () => {
  const topic = await causeway.kafka.newTopic(1);
  const destination = await causeway.createDestination({
    ...{ topic, partitionKey: 'payload.key', ordering: { lanes: 'key' } },
  });
  const { id: destinationId, customerExternalId } = destination;
  // The silent lane first: the others would wait behind it.
  const deliver = async (key: string): Promise<void> => {
    const id = await postEvent(causeway.api, { eventType: 'e', customerExternalId, payload: { key } });
    await untilDelivery('it is delivered', causeway.api, id, ({ status }) => status === 'delivered');
  };
  for (const key of ['silent', 'silent', 'a', 'b']) await deliver(key);
  const workflowId = laneWorkflowId(destinationId, 'silent');
  await temporal.client.workflow.getHandle(workflowId).terminate();
  const silent = await temporal.client.workflow.start(laneWorkflowType, {
    ...{ workflowId, taskQueue: `${causeway.temporal.taskQueue}:nobody`, args: [] },
    searchAttributes: { DestinationId: [destinationId], CustomerExternalId: [customerExternalId] },
  });
  await until(
    'its end is listed',
    () => temporal.client.workflow.count(`WorkflowId="${workflowId}" AND ExecutionStatus="Terminated"`),
    ({ count }) => count === 1,
  );

  const began = await run(causeway.api, ['replays', 'start', '--destination', destinationId, '--status', 'delivered']);
  const [id = ''] = /rpl_[\w-]+/.exec(began.out) ?? [];
  const named = { unanswered: 1, unansweredEvents: 2, unansweredLanes: [workflowId] };
  const running = await untilReplay('it names the lane', causeway.api, { id }, (now) => now.unanswered === 1, 60_000);
  expect(running).toMatchObject(named);
  const ended = await run(causeway.api, ['replays', 'show', id, '--follow']);
  expect([ended.code, ended.err]).toEqual([
    1,
    expect.stringMatching(
      `2 events of 1 lane were not sent.*did not answer.*: ${workflowId}\\. .*causeway replays continue ${id} `,
    ),
  ]);
  const records = () => causeway.kafka.records(topic);
  const keysOf = async () => (await records()).map(({ key }) => String(key)).toSorted();
  await until('the others are there once more', records, (all) => all.length === 6);

  await silent.terminate();
  await deliver('silent'); // Begins the lane where a worker looks at it.
  const over = await run(causeway.api, ['replays', 'continue', id, '--follow']);
  expect([over.code, over.err]).toEqual([0, '']);
  expect(over.out).toMatch(/^status +done\nevents +4\nof +4$/m);
  await until('all are there once more', records, (all) => all.length === 9);
  expect(await keysOf()).toEqual(['a', 'a', 'b', 'b', ...Array(5).fill('silent')]);
  expect(await run(causeway.api, ['replays', 'continue', id])).toMatchObject({
    ...{ code: 1, err: expect.stringContaining('It has sent everything') },
  });
  // And nothing more: it would stand before these in its lane.
  for (const key of ['a', 'b', 'silent']) await deliver(key);
  await until('these are there', records, (all) => all.length >= 12);
  expect(await keysOf()).toEqual(['a', 'a', 'a', 'b', 'b', 'b', ...Array(6).fill('silent')]);
});

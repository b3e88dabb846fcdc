/** What a broker that takes long costs the other destinations, and how its own lanes fare: docs/decisions/slow-brokers.md. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { laneWorkflowId, slowTaskQueue } from '../../domain/lane.ts';
import { type Causeway, type CreatedDestination, startCauseway } from '../harness/causeway.ts';
import { postEvent, untilDelivery } from '../harness/eventLog.ts';
import { type Kfake, startKfake } from '../harness/kfake.ts';
import { testTemporal } from '../harness/temporal.ts';

let causeway: Causeway;
let kfake: Kfake;
beforeAll(async () => {
  [causeway, kfake] = await Promise.all([startCauseway(), startKfake()]);
});
afterAll(async () => {
  await Promise.all([causeway.stop(), kfake.stop()]);
});

/** The task queues that a lane's batches were given to, in order. */
async function queuesOf({ id }: CreatedDestination, key: string): Promise<string[]> {
  const { client, stop } = await testTemporal(causeway);
  try {
    const { events } = await client.workflow.getHandle(laneWorkflowId(id, key)).fetchHistory();
    return (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
      scheduled?.activityType?.name === 'produce' ? (scheduled.taskQueue?.name ?? '') : [],
    );
  } finally {
    await stop();
  }
}

test('batches to a broker that takes long wait in places of their own, and in the usual ones once it answers soon', async () => {
  const topic = await kfake.newTopic();
  const destination = await causeway.createDestination({
    ...{ brokers: kfake.brokers, topic, partitionKey: 'payload.key', ordering: { lanes: 'key' } },
  });
  const { customerExternalId } = destination;
  const post = (key: string, n: number): Promise<string> =>
    postEvent(causeway.api, { eventType: 'e', customerExternalId, idempotencyKey: `${key}-${n}`, payload: { key } });
  const delivered = (event: string) =>
    untilDelivery('its record', causeway.api, event, ({ status }) => status === 'delivered');
  const usual = causeway.temporal.taskQueue;
  const slow = slowTaskQueue(usual);

  await kfake.delay({ api: 'Produce', delayMs: 2_500 });
  for (const n of [0, 1]) await delivered(await post('a', n)); // One late answer may be a leader that moved.
  const second = await post('b', 0);
  // To have stepped aside is no attempt: nothing was begun.
  expect((await delivered(second)).attempts).toMatchObject([{ number: 1, outcome: 'delivered' }]);
  expect(await queuesOf(destination, 'a')).toEqual([usual, usual]);
  expect(await queuesOf(destination, 'b')).toEqual([usual, slow]);

  await delivered(await post('a', 2)); // Which was told by its second.
  expect(await queuesOf(destination, 'a')).toEqual([usual, usual, slow]);

  await kfake.reset();
  for (const n of [3, 4]) await delivered(await post('a', n));
  expect(await queuesOf(destination, 'a')).toEqual([usual, usual, slow, slow, usual]);
});

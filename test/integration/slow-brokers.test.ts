import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { laneWorkflowId } from '../../domain/lane.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { deliveryOf, type LoggedDelivery, postEvent, untilDelivery } from '../harness/eventLog.ts';
import { eventOf, heldLanes, keysUpTo } from '../harness/heldLanes.ts';
import { type Kfake, startKfake } from '../harness/kfake.ts';
import { type TestTemporal, testTemporal } from '../harness/temporal.ts';
import { type Tries, triesOf } from '../harness/triesRunning.ts';

/** A worker with few places, so that few lanes fill them. */
const placesMax = 20;
const slowPlacesMax = placesMax / 5;
const lanes = 3 * placesMax;
const keys = keysUpTo(lanes);
/** A broker that answers a write so late is slow, and is not given up. */
const writesInMs = 5_000;

let causeway: Causeway;
let temporal: TestTemporal;
let kfake: Kfake;
let well: CreatedDestination;
beforeAll(async () => {
  kfake = await startKfake();
  causeway = await startCauseway({ workerEnv: { CAUSEWAY_BATCHES_AT_ONCE_MAX: String(placesMax) } });
  temporal = await testTemporal(causeway);
  well = await keyed();
});
afterEach(() => kfake.reset());
afterAll(async () => {
  await temporal.stop();
  await causeway.stop();
  await kfake.stop();
});
const { keyed, patch } = heldLanes(() => ({ causeway, temporal }));

/** The most tries of each destination that were seen to run at once. */
const mostRunning = new Map<string, number>();
async function triesFor({ id }: CreatedDestination): Promise<Tries> {
  const ids = keys.map((key) => laneWorkflowId(id, key));
  const tries = await triesOf(temporal.client, ids);
  mostRunning.set(id, Math.max(mostRunning.get(id) ?? 0, tries.running.length));
  return tries;
}

/** An event for each lane of the destination; resolves to their ids once each lane's batch has begun to be tried, or was put off. */
async function begunIn(destination: CreatedDestination): Promise<string[]> {
  const { body } = await causeway.api.postBatch(keys.map((key) => eventOf(destination, key, 1)));
  const ids = (body as { results: { id: string }[] }).results.map(({ id }) => id); // What a 202 holds.
  await until(
    'each lane to have begun',
    () => triesFor(destination),
    ({ running, unbegun }) => unbegun === 0 && running.length > 0,
    120_000,
  );
  return ids;
}

/** Delivers events of the other destination until one has come through while no batch of this one was through with its place. */
async function expectOthersNotToWait(destination: CreatedDestination): Promise<void> {
  let n = 0;
  await until(
    'an event of another destination that waited for no place',
    async () => {
      const before = await triesFor(destination);
      n++;
      const id = await postEvent(causeway.api, eventOf(well, 'k', n));
      await untilDelivery('delivery', causeway.api, id, ({ status }) => status === 'delivered');
      const after = await triesFor(destination);
      const gone = before.running.filter((one) => !after.running.includes(one));
      return { running: before.running.length, gone: gone.length };
    },
    ({ running, gone }) => running >= slowPlacesMax && gone === 0,
    120_000,
  );
  expect(mostRunning.get(destination.id)).toBeLessThan(placesMax);
}

const untilAllDelivered = (ids: readonly string[]): Promise<LoggedDelivery[]> =>
  until(
    'all events to be delivered',
    () => Promise.all(ids.map((id) => deliveryOf(causeway.api, id))),
    (seen) => seen.every(({ status }) => status === 'delivered'),
    120_000,
  );

test('events of other destinations do not wait for one whose broker never answers, and its own are delivered once it has another', async () => {
  await kfake.silence({ api: 'ApiVersions' });
  const silent = await keyed({ brokers: kfake.brokers });
  const ids = await begunIn(silent);
  await expectOthersNotToWait(silent);

  await kfake.reset();
  await patch(silent, { brokers: causeway.kafka.brokers });
  const deliveries = await untilAllDelivered(ids);
  // What was put off is no attempt: each that is told of was one.
  for (const { attempts } of deliveries) {
    expect(attempts.at(-1)?.outcome).toBe('delivered');
    const others = attempts.slice(0, -1).map(({ outcome, error }) => [outcome, error?.name]);
    for (const other of others) expect(other).toEqual(['failed', 'CONNECT_TIMEOUT']);
  }
}, 480_000);

test('events of other destinations do not wait for one that writes slowly, of which each event is written once', async () => {
  const topic = await kfake.newTopic();
  await kfake.delay({ api: 'Produce', delayMs: writesInMs });
  const slow = await keyed({ brokers: kfake.brokers, topic });
  const ids = await begunIn(slow);
  await expectOthersNotToWait(slow);

  await kfake.reset();
  const deliveries = await untilAllDelivered(ids);
  expect(deliveries.flatMap(({ attempts }) => attempts.map(({ outcome }) => outcome))).toEqual(
    ids.map(() => 'delivered'),
  );
  expect(deliveries.map(({ offset }) => offset).toSorted((a = 0, b = 0) => a - b)).toEqual(ids.map((_, n) => n));
}, 480_000);

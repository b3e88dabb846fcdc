import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { deliveryOf, postEvent, untilDelivery } from '../harness/eventLog.ts';
import { type Load, startLoad } from '../harness/load.ts';
import { firstSeen } from '../harness/order.ts';
import { ownKafka, ownTemporal } from '../harness/servers.ts';

/** After an outage Temporal's and our own retries may be seconds apart. */
const deliveredWithinMs = 60_000;

const keyed = (causeway: Causeway): Promise<CreatedDestination> =>
  causeway.createDestination({
    partitionKey: 'payload.key',
    ordering: { lanes: 'key' },
    producer: { lingerMs: 20 },
  });

const untilAccepted = (load: Load, count: number): Promise<number> =>
  until(`${count} events to be accepted`, load.count, (accepted) => accepted >= count, deliveredWithinMs);

/** At least once: a repeat is allowed, a swap and a loss are not. Answers how many records there are. */
async function expectAllInOrder({ kafka }: Causeway, topic: string, load: Load): Promise<number> {
  const keys = [...load.accepted.keys()];
  const records = await until(
    `${load.count()} events on the topic`,
    () => kafka.records(topic),
    (seen) => keys.reduce((sum, key) => sum + firstSeen(seen, key).length, 0) >= load.count(),
    deliveredWithinMs,
  );
  for (const [key, accepted] of load.accepted) expect(firstSeen(records, key)).toEqual(accepted);
  return records.length;
}

describe('when processes of ours die', () => {
  let causeway: Causeway;
  beforeAll(async () => {
    causeway = await startCauseway();
  });
  afterAll(() => causeway.stop());

  test('over 1,000 events of one key arrive in order, though the worker is killed and started again in their midst', async () => {
    const { customerExternalId, topic } = await keyed(causeway);
    const load = startLoad(causeway.api, { customerExternalId, keys: ['order-7'], batch: 20 });

    await untilAccepted(load, 300);
    await causeway.worker.kill();
    await untilAccepted(load, load.count() + 300);
    await causeway.worker.start();
    await untilAccepted(load, load.count() + 401);
    await load.stop();

    expect(load.count()).toBeGreaterThan(1_000);
    await expectAllInOrder(causeway, topic, load);
  });

  test('an event is accepted while no worker runs, and delivered once one does', async () => {
    const { customerExternalId, topic } = await causeway.createDestination();
    await causeway.worker.stop();

    const id = await postEvent(causeway.api, { eventType: 'e', customerExternalId, payload: {} });
    expect(await deliveryOf(causeway.api, id)).toMatchObject({ status: 'queued', attempts: [] });
    await causeway.worker.start();

    await until(
      'the record',
      () => causeway.kafka.records(topic),
      (seen) => seen.length === 1,
    );
  });

  test('every event that got its 202 is on the topic, once, though the API is killed in the middle of a load', async () => {
    const { customerExternalId, topic } = await keyed(causeway);
    const keys = Array.from({ length: 8 }, (_, n) => `order-${n}`);
    const load = startLoad(causeway.api, { customerExternalId, keys });

    for (let kills = 0; kills < 2; kills++) {
      await untilAccepted(load, load.count() + 60);
      await causeway.apiProcess.kill();
      await causeway.apiProcess.start();
    }
    await untilAccepted(load, load.count() + 60);
    await load.stop();

    // Senders sent again what was stored already, and the lane dropped it.
    expect(await expectAllInOrder(causeway, topic, load)).toBe(load.count());
  });
});

describe('when Temporal is away', () => {
  let temporal: Awaited<ReturnType<typeof ownTemporal>>;
  let causeway: Causeway;
  beforeAll(async () => {
    temporal = await ownTemporal();
    causeway = await startCauseway({ temporal });
  });
  afterAll(async () => {
    await causeway.stop();
    await temporal.remove();
  });

  test.for(['stop', 'kill'] as const)(
    'what was accepted before and after a %s in the middle of a load arrives in order; meanwhile the answer is 503',
    async (end) => {
      const { customerExternalId, topic } = await keyed(causeway);
      const load = startLoad(causeway.api, { customerExternalId, keys: ['a', 'b', 'c', 'd'], batch: 5 });

      await untilAccepted(load, 200);
      await temporal[end]();
      const refused = await causeway.api.post({ eventType: 'e', customerExternalId, payload: { key: 'e' } });
      expect([refused.status, refused.headers.get('retry-after')], refused.text).toEqual([503, expect.any(String)]);
      await temporal.restart();
      await untilAccepted(load, load.count() + 200);
      await load.stop();

      await expectAllInOrder(causeway, topic, load);
    },
  );
});

describe('when the broker is away', () => {
  let broker: Awaited<ReturnType<typeof ownKafka>>;
  let causeway: Causeway;
  beforeAll(async () => {
    broker = await ownKafka();
    causeway = await startCauseway({ kafka: broker });
  });
  afterAll(async () => {
    await causeway.stop();
    await broker.remove();
  });

  test('what is accepted before, meanwhile and after arrives in order, with every attempt on record', async () => {
    const { api } = causeway;
    const { customerExternalId, topic } = await keyed(causeway);
    const load = startLoad(api, { customerExternalId, keys: ['a', 'b', 'c', 'd'], batch: 5 });

    await untilAccepted(load, 200);
    await broker.kill();
    const payload = { key: 'late' };
    const id = await postEvent(api, { eventType: 'e', customerExternalId, payload });
    await untilDelivery('a failed attempt', api, id, ({ attempts }) => attempts.some(({ error }) => error));
    await untilAccepted(load, load.count() + 100);
    await broker.restart();
    await untilAccepted(load, load.count() + 200);
    await load.stop();

    const isDelivered = ({ status }: { status: string }): boolean => status === 'delivered';
    const { attempts, error } = await untilDelivery('its delivery', api, id, isDelivered, deliveredWithinMs);
    const failed = attempts.slice(0, -1);
    expect(failed[0]).toMatchObject({
      outcome: 'failed',
      durationMs: expect.any(Number),
      error: { kind: 'transient', name: expect.stringMatching(/^(ECONN|CONNECT)/), remedy: expect.any(String) },
    });
    // A broker that is coming up refuses in many ways.
    for (const attempt of failed) expect(attempt.error?.kind).toMatch(/^(transient|outcomeUnknown)$/);
    expect(attempts.at(-1)).toMatchObject({ outcome: 'delivered', broker: broker.brokers[0], partition: 0 });
    expect(attempts.map(({ number }) => number)).toEqual(attempts.map((_, n) => n + 1));
    expect(error).toBeUndefined();
    await expectAllInOrder(causeway, topic, load);
  });
});

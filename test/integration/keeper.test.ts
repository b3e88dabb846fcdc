import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../dev/servers/ports.ts';
import { type KeeperState, keeperQueries, keeperSignals, keeperWorkflowId } from '../../domain/keeper.ts';
import { laneWorkflowId } from '../../domain/lane.ts';
import { type LaneStatus, laneQueries, laneSignals } from '../../domain/laneMessages.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { deliveryOf, postEvent, untilDelivery } from '../harness/eventLog.ts';
import { type TestKafka, testKafka } from '../harness/kafka.ts';
import { firstSeen } from '../harness/order.ts';
import { principals, type SecuredKafka } from '../harness/securedListeners.ts';
import { ownKafka } from '../harness/servers.ts';
import { authOf, securedKafka, writeAcl } from '../harness/sharedSecuredKafka.ts';
import { type TestTemporal, testTemporal } from '../harness/temporal.ts';
import { stateTransitionsOf } from '../harness/transitions.ts';

/** For a machine that has four times as much to do as it can: there the test of hundreds of lanes took over 4 minutes. */
const timeoutMs = 480_000;
/** A worker that lets a lane wait after seconds, for a test can't wait a minute. */
const impatient = { CAUSEWAY_WAIT_AFTER_MS: '3000' };

/** One of its workers may be killed at any time. */
let causeway: Causeway;
let temporal: TestTemporal;
beforeAll(async () => {
  causeway = await startCauseway({ workers: 2, workerEnv: impatient });
  temporal = await testTemporal(causeway);
});
afterAll(async () => {
  await temporal.stop();
  await causeway.stop();
});

const keyed = (overrides: Record<string, unknown> = {}): Promise<CreatedDestination> =>
  causeway.createDestination({
    partitionKey: 'payload.key',
    ordering: { lanes: 'key' },
    producer: { lingerMs: 0 },
    ...overrides,
  });

const keysUpTo = (count: number): string[] => Array.from({ length: count }, (_, n) => `k${n}`);

const event = ({ customerExternalId }: CreatedDestination, key: string, n: number) => ({
  eventType: 'e',
  customerExternalId,
  idempotencyKey: `${key}#${n}`,
  payload: { key },
});

async function post(destination: CreatedDestination, keys: readonly string[], n: number): Promise<void> {
  const batch = 100;
  for (let at = 0; at < keys.length; at += batch) {
    const events = keys.slice(at, at + batch).map((key) => event(destination, key, n));
    const answer = await until(
      'the batch to be accepted',
      () => causeway.api.postBatch(events),
      ({ status }) => status === 202,
      120_000,
    );
    expect(answer.status, answer.text).toBe(202);
  }
}

const lane = ({ id }: CreatedDestination, key: string) => temporal.client.workflow.getHandle(laneWorkflowId(id, key));
const keeper = ({ id }: CreatedDestination) => temporal.client.workflow.getHandle(keeperWorkflowId(id));
const statusOf = (destination: CreatedDestination, key: string): Promise<LaneStatus> =>
  lane(destination, key).query<LaneStatus>(laneQueries.status);
const untilState = (destination: CreatedDestination, key: string, state: string, timeoutMs = 60_000) =>
  until(
    `lane ${key} to be ${state}`,
    () => statusOf(destination, key),
    (seen) => seen.state === state,
    timeoutMs,
  );

/** How many of a destination's lanes visibility shows in this state. */
const countIn = async ({ id }: CreatedDestination, state: string): Promise<number> =>
  (await temporal.client.workflow.count(`DestinationId="${id}" AND DeliveryState="${state}"`)).count;
const untilCount = (destination: CreatedDestination, state: string, count: number) =>
  until(
    `${count} lanes to be ${state}`,
    () => countIn(destination, state),
    (seen) => seen === count,
    120_000,
  );

/** At least once: a repeat is allowed, a swap and a loss are not. */
async function expectInOrder(
  { topic }: CreatedDestination,
  keys: readonly string[],
  count: number,
  kafka: TestKafka = causeway.kafka,
): Promise<void> {
  const records = await until(
    'all records',
    () => kafka.records(topic),
    (seen) => keys.every((key) => firstSeen(seen, key).length >= count),
    90_000,
  );
  const numbers = Array.from({ length: count }, (_, n) => n + 1);
  for (const key of keys) expect(firstSeen(records, key)).toEqual(numbers.map((n) => `${key}#${n}`));
}

/** What a `changed` may well say. */
const isVersion = (input: unknown): boolean =>
  typeof input === 'object' && input !== null && 'version' in input && input.version === 1;

async function patch({ id }: CreatedDestination, change: Record<string, unknown>): Promise<void> {
  const { status, text } = await causeway.api.request('PATCH', `/v1/destinations/${id}`, change);
  expect(status, text).toBe(200);
}

/** A broker that a test may kill, and a destination on it. `stop()` when done. */
async function onOwnBroker() {
  const broker = await ownKafka();
  const kafka = testKafka(broker.brokers);
  const stop = async (): Promise<void> => {
    await kafka.stop();
    await broker.remove();
  };
  return { broker, kafka, stop, destination: await keyed({ brokers: kafka.brokers, topic: await kafka.newTopic() }) };
}

// Side by side, for most of their time is waiting.
describe.concurrent('while the broker is down', { timeout: timeoutMs }, () => {
  test('lanes wait, keep their queue and take events in, and once it is back deliver in order, though a worker is killed', async () => {
    const { broker, kafka, stop, destination } = await onOwnBroker();
    const keys = keysUpTo(20);
    await post(destination, keys, 1);
    await expectInOrder(destination, keys, 1, kafka);

    await broker.kill();
    await post(destination, keys, 2);
    const waiting = await untilState(destination, 'k0', 'Waiting');
    expect(waiting.hold).toMatchObject({
      kind: 'waiting',
      error: { kind: 'transient', name: expect.stringMatching(/^(ECONN|CONNECT)/) },
      since: expect.any(String),
      looksAt: expect.any(String),
      remedy: expect.stringContaining('asked every few seconds'),
    });
    expect(waiting.held?.reason).toBe('waiting');
    await untilCount(destination, 'Waiting', keys.length);
    const id = await postEvent(causeway.api, event(destination, 'k0', 3));
    await post(destination, keys.slice(1), 3);
    expect(await statusOf(destination, 'k0')).toMatchObject({ state: 'Waiting', waitingEvents: 2 });
    expect(await deliveryOf(causeway.api, id)).toMatchObject({ status: 'waiting', attempts: [] });

    await causeway.workers[0]?.kill(); // Perhaps the one in which the keeper's probe runs.
    await broker.restart();
    await expectInOrder(destination, keys, 3, kafka);
    await untilCount(destination, 'Waiting', 0);
    const { attempts } = await untilDelivery('delivery', causeway.api, id, ({ status }) => status === 'delivered');
    expect(attempts.at(-1)).toMatchObject({ outcome: 'delivered' });
    await causeway.workers[0]?.start();
    await stop();
  });

  test('hundreds of lanes with work cost a few transitions a second, and all deliver within a minute of its return', async () => {
    const { broker, kafka, stop, destination } = await onOwnBroker();
    const keys = keysUpTo(200);
    await post(destination, keys, 1);
    await expectInOrder(destination, keys, 1, kafka);
    await broker.kill();
    await post(destination, keys, 2);
    await untilCount(destination, 'Waiting', keys.length);

    const ids = [keeperWorkflowId(destination.id), ...keys.map((key) => laneWorkflowId(destination.id, key))];
    const transitions = () => stateTransitionsOf(temporal.client, ids);
    const began = await transitions();
    const later = await until(
      'twenty seconds of an outage',
      transitions,
      ({ atMs }) => atMs - began.atMs > 20_000,
      60_000,
    );
    const perSecond = (later.count - began.count) / ((later.atMs - began.atMs) / 1_000);
    expect(perSecond).toBeLessThan(2);
    expect(await countIn(destination, 'Waiting')).toBe(keys.length);

    await broker.restart();
    const backAtMs = Date.now();
    await expectInOrder(destination, keys, 2, kafka);
    expect(Date.now() - backAtMs).toBeLessThan(60_000);
    const { events } = await keeper(destination).fetchHistory();
    const answers = (events ?? []).flatMap(({ activityTaskCompletedEventAttributes: completed }) => {
      const [payload] = completed?.result?.payloads ?? [];
      return payload?.data ? [JSON.parse(Buffer.from(payload.data).toString())] : [];
    });
    const told = answers.reduce((sum, { lanes = 0 }) => sum + lanes, 0);
    expect(told).toBeGreaterThanOrEqual(keys.length); // It reckons with them when it looks how many come back.
    await untilCount(destination, 'Waiting', 0);
    await stop();
  });

  test('a signal that nobody can make sense of changes nothing for lane and keeper, and resume tries at once', async () => {
    const destination = await keyed({ brokers: [`127.0.0.1:${await freePort()}`] });
    await post(destination, ['a'], 1);
    const before = await untilState(destination, 'a', 'Waiting');
    for (const input of [
      null,
      7,
      'x',
      [],
      {},
      { version: 'one' },
      { version: -1 },
      { error: {} },
      { version: 1, canWrite: 1 },
    ]) {
      await lane(destination, 'a').signal(laneSignals.wake, input);
      await lane(destination, 'a').signal(laneSignals.suspend, input);
      await keeper(destination).signal(keeperSignals.held, input);
      if (!isVersion(input)) await keeper(destination).signal(keeperSignals.changed, input);
    }
    expect(await statusOf(destination, 'a')).toEqual(before);
    const { seen, isChanged } = await keeper(destination).query<KeeperState>(keeperQueries.status);
    expect([seen?.kind ?? 'none yet', isChanged]).toEqual(['none yet', false]);

    await lane(destination, 'a').signal(laneSignals.resume);
    const again = await until(
      'another hold',
      () => statusOf(destination, 'a'),
      ({ hold }) => hold !== undefined && hold.since !== before.hold?.since,
    );
    expect(again.state).toBe('Waiting');
    await patch(destination, { brokers: causeway.kafka.brokers });
    await expectInOrder(destination, ['a'], 1);
  });
});

describe.concurrent('while the destination is at fault', { timeout: timeoutMs }, () => {
  let kafka: SecuredKafka;
  let remove: () => Promise<void>;
  beforeAll(async () => {
    ({ kafka, remove } = await securedKafka());
  });
  afterAll(() => remove());

  /** Nobody has been granted anything on its topic yet. */
  const secured = async (password = kafka.password): Promise<CreatedDestination> =>
    keyed({ brokers: [kafka.secured], auth: { ...authOf(kafka).plain, password } });
  const grant = ({ topic }: CreatedDestination, operation: 'WRITE' | 'DESCRIBE'): Promise<void> =>
    writeAcl(kafka, topic, principals.user, true, operation);

  test('lanes without the right to write are suspended, and go on by themselves once it is granted, not when they may only look', async () => {
    const destination = await secured();
    await post(destination, ['a', 'b'], 1);
    const { hold } = await untilState(destination, 'a', 'Suspended');
    expect(hold).toMatchObject({ kind: 'suspended', error: { name: 'TOPIC_AUTHORIZATION_FAILED', code: 29 } });
    await post(destination, ['a', 'b'], 2);

    await grant(destination, 'DESCRIBE');
    const { seen } = await until(
      'a probe that sees the topic and no right to write to it',
      () => keeper(destination).query<KeeperState>(keeperQueries.status),
      (state) => state.seen?.kind === 'atFault' && state.seen.failing.message.includes('may not write'),
      60_000,
    );
    expect(seen).toMatchObject({ kind: 'atFault', failing: { name: 'TOPIC_AUTHORIZATION_FAILED' } });
    expect(await statusOf(destination, 'a')).toMatchObject({ state: 'Suspended', waitingEvents: 2 });

    await grant(destination, 'WRITE');
    await expectInOrder(destination, ['a', 'b'], 2);
  });

  test('lanes with a wrong password are suspended after a minute, and go on by themselves once it is corrected', async () => {
    const destination = await secured('wrong');
    await grant(destination, 'WRITE');
    await post(destination, ['a', 'b'], 1);
    const { hold } = await untilState(destination, 'a', 'Suspended', 300_000);
    expect(hold).toMatchObject({ kind: 'suspended', error: { name: 'SASL_AUTHENTICATION_FAILED' } });
    await untilState(destination, 'b', 'Suspended');
    await post(destination, ['a', 'b'], 2);

    await patch(destination, { auth: { password: kafka.password } });
    await expectInOrder(destination, ['a', 'b'], 2);
  });

  test('lanes of a disabled destination are suspended, and go on by themselves once it is enabled', async () => {
    const destination = await keyed();
    const keys = ['a', 'b', 'c'];
    await post(destination, keys, 1);
    await expectInOrder(destination, keys, 1);
    for (const key of keys) await lane(destination, key).signal(laneSignals.pause);
    await post(destination, keys, 2);
    await patch(destination, { enabled: false });
    for (const key of keys) await lane(destination, key).signal(laneSignals.resume);
    for (const key of keys) {
      const { hold } = await untilState(destination, key, 'Suspended');
      expect(hold?.error.name).toBe('DESTINATION_DISABLED');
    }
    await patch(destination, { enabled: true });
    await post(destination, keys, 3);
    await expectInOrder(destination, keys, 3);
  });
});

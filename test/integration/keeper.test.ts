import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../dev/servers/ports.ts';
import { type KeeperState, keeperQueries, keeperSignals, keeperWorkflowId } from '../../domain/keeper.ts';
import { laneWorkflowId } from '../../domain/lane.ts';
import { laneSignals } from '../../domain/laneMessages.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { deliveryOf, postEvent, untilDelivery } from '../harness/eventLog.ts';
import { eventOf as event, heldLanes, impatient, keysUpTo } from '../harness/heldLanes.ts';
import { testKafka } from '../harness/kafka.ts';
import { leaksIn, traceOf } from '../harness/leaks.ts';
import { principals, type SecuredKafka } from '../harness/securedListeners.ts';
import { ownKafka } from '../harness/servers.ts';
import { authOf, securedKafka, writeAcl } from '../harness/sharedSecuredKafka.ts';
import { type TestTemporal, testTemporal } from '../harness/temporal.ts';
import { oauthPrincipal, startTokenServer, type TokenServer } from '../harness/tokenServer.ts';
import { stateTransitionsOf } from '../harness/transitions.ts';

/** For a machine that has four times as much to do as it can: there the test of hundreds of lanes took over 4 minutes. */
const timeoutMs = 480_000;

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

const { keyed, post, lane, keeper, statusOf, untilState, countIn, untilCount, expectInOrder, patch } = heldLanes(
  () => ({
    causeway,
    temporal,
  }),
);

/** What a `changed` may well say. */
const isVersion = (input: unknown): boolean =>
  typeof input === 'object' && input !== null && 'version' in input && input.version === 1;

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
  let tokens: TokenServer;
  beforeAll(async () => {
    ({ kafka, remove } = await securedKafka());
    tokens = await startTokenServer(kafka);
  });
  afterAll(async () => {
    await tokens.stop();
    await remove();
  });

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

  type Fault = { destination: CreatedDestination; secret: string; mend(): unknown };
  const withPassword = async (password: string): Promise<Fault> => {
    const destination = await secured(password);
    await grant(destination, 'WRITE');
    const mend = () => patch(destination, { auth: { password: kafka.password } });
    return { destination, secret: password, mend };
  };
  /** The token server is what is mended: nobody touches the destination. */
  const withExpiredToken = async (): Promise<Fault> => {
    tokens.give({ claims: { exp: Math.floor(Date.now() / 1_000) - 3_600 } });
    const auth = { mode: 'SASL_OAUTHBEARER', ...tokens.auth, caCertificate: kafka.caCertificate };
    const destination = await keyed({ brokers: [kafka.oauth], auth });
    await writeAcl(kafka, destination.topic, oauthPrincipal, true);
    return { destination, secret: tokens.auth.clientSecret, mend: () => tokens.give() };
  };
  test.each([
    ['a wrong password', 'SASL_AUTHENTICATION_FAILED', /user or the password/, () => withPassword('wr0ng password')],
    ['a token that the broker refuses', 'TOKEN_REFUSED', /refused our token: .*it ended at/, withExpiredToken],
  ])(
    'lanes with %s are suspended after a minute, say why but no secret, and go on by themselves once it is mended',
    async (_, name, message, begin) => {
      const { destination, secret, mend } = await begin();
      const id = await postEvent(causeway.api, event(destination, 'a', 1));
      await post(destination, ['b'], 1);
      const status = await untilState(destination, 'a', 'Suspended', 300_000);
      expect(status.hold).toMatchObject({
        kind: 'suspended',
        error: { name, message: expect.stringMatching(message) },
      });
      await untilState(destination, 'b', 'Suspended');
      const told = [status, await deliveryOf(causeway.api, id), await keeper(destination).query(keeperQueries.status)];
      const secrets = [secret, ...tokens.given].map((value) => ({ name: 'secret', value }));
      expect(leaksIn([traceOf('told', JSON.stringify(told))], secrets)).toEqual([]);
      await post(destination, ['a', 'b'], 2);

      await mend();
      await expectInOrder(destination, ['a', 'b'], 2);
    },
  );

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

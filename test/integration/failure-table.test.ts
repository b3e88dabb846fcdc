import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OpenDestination } from '../../domain/destination.ts';
import { failureRowOf, isForWritesToTell } from '../../domain/failures.ts';
import { duplicateSequenceNumber, kafkaErrorName, kafkaRows } from '../../domain/kafkaErrors.ts';
import { expectRow, meaning } from '../harness/failureRow.ts';
import { errorsOnTheWay } from '../harness/kafkaAnswers.ts';
import { type Kfake, startKfake } from '../harness/kfake.ts';
import { blockWithKeys, openDestination, type TestProduce, testProduce } from '../harness/produceActivity.ts';
import { sharedTemporal, type TestTemporal } from '../harness/temporal.ts';

const login = { username: 'ada', password: 'correct horse' };
const loggedIn: Partial<OpenDestination> = {
  auth: { mode: 'SASL_PLAIN', tls: false, username: login.username },
  secrets: { password: login.password },
};

let kfake: Kfake;
let withLogin: Kfake;
let temporal: TestTemporal;
let produce: TestProduce;
/** Of a worker that lets lanes wait at once, and of lanes that have waited only just now. */
let impatient: TestProduce;
beforeAll(async () => {
  [kfake, withLogin, temporal] = await Promise.all([startKfake(), startKfake({ login }), sharedTemporal()]);
  produce = testProduce(temporal);
  const error = { kind: 'transient', name: 'ECONNREFUSED', message: 'x', remedy: 'y' } as const;
  impatient = testProduce(temporal, {
    waitAfterMs: 0,
    resumed: { by: 'keeper', from: { kind: 'waiting', error, version: 1 }, holds: 1 },
  });
});
afterAll(async () => {
  produce.close();
  impatient.close();
  await Promise.all([kfake.stop(), withLogin.stop(), temporal.stop()]);
});

const block = blockWithKeys(['k']);

/** Every code that Kafka has a name for, and some that it has none for yet. */
const codes = Array.from({ length: 140 }, (_, n) => n - 1).filter((code) => code !== 0);

test.each(
  codes.filter((code) => code !== duplicateSequenceNumber).map((code) => [code, kafkaErrorName(code)] as const),
)(
  'Produce is answered %i, %s: the table says what comes of it, at first and when it has lasted',
  async (code, name) => {
    const topic = await kfake.newTopic();
    await kfake.fault({ api: 'Produce', topic, code });
    const destination = openDestination({ brokers: kfake.brokers, topic });
    await expectRow({ name, code }, (before) => produce.run(destination, block, before));
  },
);

test.each(
  [...kafkaRows.map(({ code }) => code), 999]
    .map((code) => [code, kafkaErrorName(code)] as const)
    .filter(([, name]) => isForWritesToTell(name)),
)(
  'Produce is answered %i, %s, after a hold: it is tried until the table says what it is, and then that comes of it',
  async (code, name) => {
    const topic = await kfake.newTopic();
    await kfake.fault({ api: 'Produce', topic, code });
    const destination = openDestination({ brokers: kfake.brokers, topic });
    await expectRow({ name, code }, (before) => impatient.run(destination, block, before));
  },
);

test('Produce is answered 19, NOT_ENOUGH_REPLICAS, after a hold: the lane waits again at once', async () => {
  const topic = await kfake.newTopic();
  await kfake.fault({ api: 'Produce', topic, code: 19 });
  const { outcome } = await impatient.run(openDestination({ brokers: kfake.brokers, topic }), block);
  expect(outcome?.waiting).toMatchObject({ name: 'NOT_ENOUGH_REPLICAS', code: 19 });
});

test('Produce is answered 46, DUPLICATE_SEQUENCE_NUMBER: that is as good as written', async () => {
  const topic = await kfake.newTopic();
  await kfake.fault({ api: 'Produce', topic, code: duplicateSequenceNumber });
  const one = await produce.run(openDestination({ brokers: kfake.brokers, topic }), block);
  expect([meaning(one), one.attempts.at(-1)?.outcome]).toEqual(['delivered', 'delivered']);
});

test.each(errorsOnTheWay)(
  '%s is answered %s: the table says what comes of it, and nothing that was not sent is unknown',
  async (api, name) => {
    const isOfTopic = api === 'Metadata';
    const server = isOfTopic ? kfake : withLogin;
    const topic = await server.newTopic();
    const code = kafkaRows.find((row) => row.name === name)?.code ?? 0;
    await server.fault({ api, code, ...(isOfTopic && { topic }) });
    const destination = openDestination({ brokers: server.brokers, topic, ...(!isOfTopic && loggedIn) });
    const { kind } = failureRowOf(name);
    await expectRow({ name, code, kind: kind === 'outcomeUnknown' ? 'transient' : kind }, (before) =>
      produce.run(destination, block, before),
    );
    await server.reset();
  },
);

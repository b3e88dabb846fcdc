import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Attempt } from '../../domain/attempt.ts';
import { type FailureRow, failureRowOf, type Lasting } from '../../domain/failures.ts';
import { duplicateSequenceNumber, kafkaErrorName, kafkaRows } from '../../domain/kafkaErrors.ts';
import { type Api, type Kfake, startKfake } from '../harness/kfake.ts';
import {
  type Before,
  blockWithKeys,
  openDestination,
  type TestProduce,
  type Try,
  testProduce,
} from '../harness/produceActivity.ts';
import { sharedTemporal, type TestTemporal } from '../harness/temporal.ts';

const login = { username: 'ada', password: 'correct horse' };

let kfake: Kfake;
let withLogin: Kfake;
let temporal: TestTemporal;
let produce: TestProduce;
beforeAll(async () => {
  [kfake, withLogin, temporal] = await Promise.all([startKfake(), startKfake({ login }), sharedTemporal()]);
  produce = testProduce(temporal);
});
afterAll(async () => {
  produce.close();
  await Promise.all([kfake.stop(), withLogin.stop(), temporal.stop()]);
});

const block = blockWithKeys(['k']);

/** What became of the record, in the words of the failure table. */
function meaning({ outcome, thrown, attempts }: Try): string {
  if (thrown) return attempts.at(-1)?.outcome === 'unknown' ? 'outcomeUnknown' : 'transient';
  if (outcome?.suspended) return 'destinationAtFault';
  if (outcome?.refused.length === 1) return 'recordAtFault';
  return outcome?.landed.length === 1 ? 'delivered' : 'nothing';
}

/** The error as the attempt has it on record. */
const recorded = ({ attempts }: Try): unknown => {
  const { name, code, kind, remedy } = attempts.at(-1)?.error ?? {};
  return { name, code, kind, remedy };
};
const expected = (row: FailureRow, code: number | undefined, kind: string): unknown => ({
  ...{ name: row.name, code, kind, remedy: row.remedy },
});

/** As if the first try had been made so many times before, the first time so long ago. */
function triedBefore({ progress }: Try, tries: number, ms: number): Before {
  const [first] = progress.attempts;
  if (!first) throw new Error('The first try has left nothing in the heartbeat.');
  const attempts = Array.from({ length: tries }, (_, n): Attempt => {
    const startedAtMs = Date.now() - Math.round((ms * (tries - n)) / tries);
    return { ...first, number: n + 1, startedAtMs };
  });
  return { attempt: tries + 1, heartbeatDetails: { ...progress, attempts, temporalAttempt: tries } };
}

const slackMs = 5_000;
const longMs = 60 * 60_000;

/** Every error that the broker can name, but NONE. */
const codes = Array.from({ length: 140 }, (_, n) => n - 1).filter((code) => code !== 0);

describe.each(codes.map((code) => [code, kafkaErrorName(code)] as const))('Kafka answers %i, %s', (code, name) => {
  const row = failureRowOf(name);

  test.runIf(code !== duplicateSequenceNumber)(
    'to Produce: the table says what it means, at first and in the end',
    async () => {
      const topic = await kfake.newTopic();
      await kfake.fault({ api: 'Produce', topic, code });
      const destination = openDestination({ brokers: kfake.brokers, topic });

      const first = await produce.run(destination, block);
      expect([meaning(first), recorded(first)]).toEqual([row.kind, expected(row, code, row.kind)]);
      if (first.thrown) expect(first.thrown.type).toBe(name);
      if (!row.lasting) return;
      await expectsToLast(row.lasting, first);

      async function expectsToLast({ kind, tries, ms }: Lasting, began: Try): Promise<void> {
        const run = (before: Before) => produce.run(destination, block, before);
        const tooFew = await run(triedBefore(began, tries - 2, longMs));
        const last = await run(triedBefore(began, tries - 1, ms + slackMs));
        expect([meaning(tooFew), meaning(last), recorded(last)]).toEqual([row.kind, kind, expected(row, code, kind)]);
        if (ms > 0) expect(meaning(await run(triedBefore(began, tries + 5, ms - slackMs)))).toBe(row.kind);
      }
    },
  );
});

test('a batch that the broker has already is delivered', async () => {
  const topic = await kfake.newTopic();
  await kfake.fault({ api: 'Produce', topic, code: duplicateSequenceNumber });
  const one = await produce.run(openDestination({ brokers: kfake.brokers, topic }), block);
  expect([meaning(one), one.attempts.at(-1)?.outcome]).toEqual(['delivered', 'delivered']);
});

/** The codes that the protocol's description, or the broker's source, gives for the other requests on the way to a topic. */
const onTheWay: Partial<Record<Api, readonly string[]>> = {
  Metadata: [
    ...['UNKNOWN_SERVER_ERROR', 'UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'INVALID_TOPIC_EXCEPTION'],
    ...['TOPIC_AUTHORIZATION_FAILED', 'UNKNOWN_TOPIC_ID'],
  ],
  SaslHandshake: ['UNSUPPORTED_SASL_MECHANISM', 'ILLEGAL_SASL_STATE'],
  SaslAuthenticate: ['SASL_AUTHENTICATION_FAILED', 'ILLEGAL_SASL_STATE', 'UNKNOWN_SERVER_ERROR', 'SECURITY_DISABLED'],
  ApiVersions: ['UNSUPPORTED_VERSION', 'INVALID_REQUEST'],
};
const wayRows = Object.entries(onTheWay).flatMap(
  ([api, names]) => names.map((name) => [api as Api, name] as const), // The keys of the table above.
);

test.each(wayRows)('%s answers %s: nothing was sent, and the table says what it means', async (api, name) => {
  const row = kafkaRows.find((one) => one.name === name);
  const server = api === 'Metadata' ? kfake : withLogin;
  const topic = await server.newTopic();
  const code = row?.code ?? 0;
  await server.fault({ api, code, ...(api === 'Metadata' && { topic }) });
  const destination = openDestination({
    brokers: server.brokers,
    topic,
    ...(api !== 'Metadata' && {
      auth: { mode: 'SASL_PLAIN', tls: false, username: login.username },
      secrets: { password: login.password },
    }),
  });
  const one = await produce.run(destination, block);
  await server.reset();
  const { kind } = failureRowOf(name);
  // Nothing was sent, so nothing is unknown.
  const wanted = kind === 'outcomeUnknown' ? 'transient' : kind;
  expect([one.attempts.length, recorded(one)]).toEqual([1, expected(failureRowOf(name), code, wanted)]);
  expect(meaning(one)).toBe(wanted);
});

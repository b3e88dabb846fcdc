/** Credentials are rotated while events flow, in each mode, on a real broker. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import type { laneLogSchema } from '../../api/schemas/laneLog.ts';
import type { Answer } from '../harness/api.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { causeway as cli } from '../harness/cli.ts';
import { postEvent, untilDelivery } from '../harness/eventLog.ts';
import { startLoad } from '../harness/load.ts';
import { expectProblem } from '../harness/problem.ts';
import { type Mode, modes, type RotatedMode, rotatedMode } from '../harness/rotatedModes.ts';
import type { SecuredKafka } from '../harness/securedListeners.ts';
import { securedKafka, writeAcl } from '../harness/sharedSecuredKafka.ts';
import { startTokenServer, type TokenServer } from '../harness/tokenServer.ts';

const sealingKeys = ['k1', 'k2'].map((id) => `${id}:${randomBytes(32).toString('base64')}`);
let kafka: SecuredKafka;
let remove: () => Promise<void>;
let tokens: TokenServer;
let causeway: Causeway;
beforeAll(async () => {
  ({ kafka, remove } = await securedKafka());
  [tokens, causeway] = await Promise.all([
    startTokenServer(kafka),
    startCauseway({
      ...{ kafka: { brokers: [kafka.plain] }, workers: 2 },
      env: { LOG_LEVEL: 'debug', CAUSEWAY_SECRET_KEYS: sealingKeys.join() },
      workerEnv: { CAUSEWAY_WAIT_AFTER_MS: '1000' },
    }),
  ]);
  tokens.give({ lifeSeconds: 6 });
});
afterAll(async () => {
  await Promise.all([causeway.stop(), tokens.stop()]);
  await remove();
});

const nextSecret = randomBytes(12).toString('base64url');
const wayOf = (mode: Mode): RotatedMode => rotatedMode(mode, kafka, tokens, nextSecret);

async function destinationFor(way: RotatedMode, auth: Record<string, string> = {}, granted = way.principals) {
  const topic = await causeway.kafka.newTopic(2);
  for (const principal of granted) await writeAcl(kafka, topic, principal, true);
  return causeway.createDestination({
    ...{ brokers: [way.broker], topic, auth: { ...way.auth, ...auth } },
    ...{ partitionKey: 'payload.key', ordering: { lanes: 2 }, producer: { lingerMs: 5 } },
  });
}

type Shown = CreatedDestination & { earlierCredentials?: { workers: number; replacedAt: string } };
type LaneLog = z.output<typeof laneLogSchema>;
const show = async ({ id }: CreatedDestination): Promise<Shown> =>
  (await causeway.api.get(`/v1/destinations/${id}`)).body as Shown;

/** Again while others are being tested: few are at once. */
const rotate = ({ id }: CreatedDestination, auth: Record<string, string | undefined>): Promise<Answer> =>
  until(
    'a place for the test',
    () => causeway.api.request('POST', `/v1/destinations/${id}/rotate`, { auth }),
    ({ status }) => status !== 503,
  );
/** Again until the broker knows of the topic's rights. */
async function rotated(destination: CreatedDestination, way: RotatedMode): Promise<Shown> {
  const isKnown = ({ text }: Answer): boolean => !text.includes('TOPIC_AUTHORIZATION_FAILED');
  const { status, text, body } = await until('the rights', () => rotate(destination, way.next), isKnown);
  expect(status, text).toBe(200);
  return body as Shown;
}

/** As an operator moves to the second key while all runs. */
async function reseal(): Promise<void> {
  const env = { DATABASE_URL: causeway.databaseUrl, CAUSEWAY_SECRET_KEYS: sealingKeys.toReversed().join() };
  const { code, out, err } = await cli(causeway.api, ['secrets', 'reseal'], { env });
  expect([code, err, out]).toEqual([0, expect.anything(), expect.stringContaining('Key "k2" seals')]);
}

/** What its lanes' logs tell, once so many events are delivered. */
function untilLogged({ id }: CreatedDestination, events: number): Promise<LaneLog['entries']> {
  const deliveredIn = (entries: LaneLog['entries']): number =>
    entries.reduce((sum, entry) => sum + (entry.kind === 'delivered' ? (entry.events ?? 0) : 0), 0);
  return until(
    `${events} events in the log`,
    async () => (await Promise.all(['0', '1'].map((lane) => laneLog(id, lane)))).flat(),
    (entries) => deliveredIn(entries) >= events,
  );
}

async function laneLog(id: string, lane: string): Promise<LaneLog['entries']> {
  const entries: LaneLog['entries'] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const at = cursor && `&cursor=${cursor}`;
    const answer = await causeway.api.get(`/v1/destinations/${id}/lane-log?lane=${lane}&limit=1000${at}`);
    if (answer.status === 404) return []; // No key has led there.
    expect(answer.status, answer.text).toBe(200);
    const page = answer.body as LaneLog; // What the route answers.
    entries.push(...page.entries);
    cursor = page.nextCursor;
  }
  return entries;
}

/** Attempts that were refused, or whose outcome is unknown, and holds. */
const troubles = (entries: LaneLog['entries']): string[] =>
  entries
    .filter(({ kind, attempt, error }) => error || (attempt && attempt.outcome !== 'delivered') || kind === 'failed')
    .map(({ kind, attempt, error }) => `${kind} ${attempt?.outcome ?? ''} ${error?.name}`);

/** Until a broker, or the token endpoint, has heard that the first credentials are worth nothing any more. */
async function untilRefused({ customerExternalId, topic }: CreatedDestination, { broker, auth }: RotatedMode) {
  const settings = { type: 'KAFKA', name: 'n', customerExternalId, brokers: [broker], topic, auth };
  await until(
    'the first credentials to be refused',
    () => causeway.api.request('POST', '/v1/destinations/test', settings),
    ({ text }) => text.includes('"passed":false'),
  );
}

describe('under load', () => {
  test.concurrent.each(modes)(
    '%s: nothing is lost, reordered or there twice, and no batch is refused, though secrets are sealed anew meanwhile',
    async (mode) => {
      const way = wayOf(mode);
      const destination = await destinationFor(way);
      const { customerExternalId, topic } = destination;
      await causeway.kafka.reading(topic); // Joining its group takes seconds.
      const load = startLoad(causeway.api, { customerExternalId, keys: ['a', 'b', 'c'], batch: 2 });
      const more = async (count = 24): Promise<void> => {
        const before = load.count();
        await until('more events', load.count, (n) => n >= before + count);
      };
      await more();

      const before = await show(destination);
      expectProblem(await rotate(destination, way.wrong), 422, 'rotation_test_failed');
      expect(await show(destination)).toEqual(before);
      await reseal();
      await more();

      const { version, earlierCredentials } = await rotated(destination, way);
      expect([version, earlierCredentials?.workers]).toEqual([2, 3]); // Two workers, and the API, which tests connections.
      await more();
      await until(
        'the earlier ones to be let go of',
        () => show(destination),
        (one) => !one.earlierCredentials,
      );
      await reseal();
      await way.revoke(topic);
      await untilRefused(destination, way);
      await more();
      // A token that was got with the first secret holds for a while yet: until the next one is got, none is missed.
      const given = tokens.given.length;
      if (mode === 'SASL_OAUTHBEARER')
        await until(
          'another token',
          () => tokens.given.length,
          (n) => n > given,
        );
      await load.stop();

      const arrived = await until(
        `${load.count()} records`,
        () => causeway.kafka.records(topic),
        (records) => records.length >= load.count(),
        60_000,
      );
      for (const [key, ids] of load.accepted) {
        const own = arrived.filter((record) => String(record.key) === key);
        expect(own.map(({ headers }) => headers.idempotency_key)).toEqual(ids);
      }
      const logged = await untilLogged(destination, load.count());
      expect(logged.filter(({ kind }) => kind === 'attempt').length).toBeGreaterThan(2);
      expect([arrived.length, troubles(logged)]).toEqual([load.count(), []]);
    },
  );
});

describe('lanes that the destination itself stopped go on by themselves, in order, once its credentials are rotated', () => {
  const untilState = (api: Causeway['api'], id: string, states: RegExp) =>
    untilDelivery(`${states}`, api, id, ({ status }) => states.test(status), 60_000);

  async function expectMended(destination: CreatedDestination, way: RotatedMode, error: string): Promise<void> {
    const { api } = causeway;
    const post = (n: number): Promise<string> =>
      postEvent(api, {
        ...{ eventType: 'e', customerExternalId: destination.customerExternalId },
        ...{ idempotencyKey: `${n}`, payload: { key: 'k' } },
      });
    const first = await post(1);
    const held = await untilState(api, first, /suspended|waiting/);
    expect(held.error?.name).toBe(error);
    const second = await post(2);
    await rotated(destination, way);
    for (const id of [first, second]) await untilState(api, id, /delivered/);
    const records = await causeway.kafka.records(destination.topic);
    expect(records.map(({ headers }) => headers.idempotency_key)).toEqual(['1', '2']);
  }

  test.concurrent.each(['SASL_PLAIN', 'SASL_SCRAM_SHA_512', 'MTLS'] as const)(
    '%s: suspended, for its principal may not write',
    async (mode) => {
      const way = wayOf(mode);
      const destination = await destinationFor(way, {}, way.principals.slice(1));
      await expectMended(destination, way, 'TOPIC_AUTHORIZATION_FAILED');
    },
  );

  test.concurrent('SASL_OAUTHBEARER: suspended, for its secret is wrong', async () => {
    const way = wayOf('SASL_OAUTHBEARER');
    const destination = await destinationFor(way, { clientSecret: 'n0t-the-secret' });
    await expectMended(destination, way, 'TOKEN_ENDPOINT_REFUSED');
  });

  test.concurrent('SASL_SCRAM_SHA_256: waiting, for its password is wrong', async () => {
    const way = wayOf('SASL_SCRAM_SHA_256');
    const destination = await destinationFor(way, { password: 'n0t-the-password' });
    await expectMended(destination, way, 'SASL_AUTHENTICATION_FAILED');
  });
});

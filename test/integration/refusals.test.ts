/** Each row of the design's table of failures, as the real broker gives it; three brokers are in replicas.test.ts. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { newAuthority, newCertificate } from '../../dev/servers/certificates.ts';
import { ensureTopic } from '../../dev/servers/kafka.ts';
import { type LaneStatus, laneQueries } from '../../domain/laneMessages.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { deliveryOf, type LoggedDelivery, postEvent, untilDelivery } from '../harness/eventLog.ts';
import { setByteRate } from '../harness/javaClient.ts';
import { startKfake } from '../harness/kfake.ts';
import { principals, type SecuredKafka } from '../harness/securedListeners.ts';
import { authOf, securedKafka, writeAcl } from '../harness/sharedSecuredKafka.ts';
import { operate, testTemporal } from '../harness/temporal.ts';
import { oauthPrincipal, startTokenServer, type TokenServer } from '../harness/tokenServer.ts';

let kafka: SecuredKafka;
let remove: () => Promise<void>;
let auth: ReturnType<typeof authOf>;
let tokens: TokenServer;
let causeway: Causeway;
beforeAll(async () => {
  ({ kafka, remove } = await securedKafka());
  auth = authOf(kafka);
  tokens = await startTokenServer(kafka);
  causeway = await startCauseway({ kafka: { brokers: [kafka.plain] } });
});
afterAll(async () => {
  await Promise.all([causeway.stop(), tokens.stop()]);
  await remove();
});

type Settings = Record<string, unknown>;
/** Where each mode comes in, and whom the broker takes it for. */
const wayIn = {
  plain: () => ({ broker: kafka.secured, principal: principals.user, auth: auth.plain }),
  scram256: () => ({ broker: kafka.secured, principal: principals.user, auth: auth.scram256 }),
  scram512: () => ({ broker: kafka.secured, principal: principals.user, auth: auth.scram512 }),
  mutual: () => ({ broker: kafka.mutual, principal: principals.client, auth: auth.mutual }),
  oauth: () => {
    const { caCertificate } = kafka;
    return {
      broker: kafka.oauth,
      principal: oauthPrincipal,
      auth: { mode: 'SASL_OAUTHBEARER', ...tokens.auth, caCertificate },
    };
  },
};

/** A topic that the user of this test may write to, unless `isGranted` is false; and a destination on it. */
async function destinationOn(
  broker: string,
  settings: Settings,
  { isGranted = true, principal = principals.user as string, config = {} } = {},
): Promise<CreatedDestination> {
  const topic = await causeway.kafka.newTopic(1, config);
  if (isGranted) await writeAcl(kafka, topic, principal, true);
  return causeway.createDestination({ brokers: [broker], topic, ...settings });
}
const post = ({ customerExternalId }: CreatedDestination, idempotencyKey: string): Promise<string> =>
  postEvent(causeway.api, { eventType: 'e', customerExternalId, idempotencyKey, payload: {} });
const untilStatus = (wanted: LoggedDelivery['status'], eventId: string): Promise<LoggedDelivery> =>
  untilDelivery(`status ${wanted}`, causeway.api, eventId, ({ status }) => status === wanted);
const untilFailed = (eventId: string): Promise<LoggedDelivery> =>
  untilDelivery('a failed attempt', causeway.api, eventId, ({ attempts }) => attempts.some(({ error }) => error));
const arrived = async (topic: string): Promise<string[]> =>
  (await causeway.kafka.records(topic)).map(({ headers }) => headers.idempotency_key ?? '');
const change = async ({ id }: CreatedDestination, settings: Settings): Promise<void> => {
  const { status, text } = await causeway.api.request('PATCH', `/v1/destinations/${id}`, settings);
  expect(status, text).toBe(200);
};
/** Again and again, for what was mended is heard of a moment later. */
const resumeUntilDelivered = (eventId: string): Promise<LoggedDelivery> =>
  until(
    'delivery after resume',
    async () => {
      const { workflowId } = await untilDelivery('its lane', causeway.api, eventId, () => true);
      await operate(causeway, 'workflow', 'signal', '--workflow-id', workflowId, '--name', 'resume');
      return await untilDelivery('an end', causeway.api, eventId, ({ status }) => /delivered|suspended/.test(status));
    },
    ({ status }) => status === 'delivered',
    60_000,
  );
const certificateOf = (ca: string) => ({ auth: { ...auth.scram512, caCertificate: ca } });

test.each(['plain', 'scram256', 'scram512', 'mutual', 'oauth'] as const)(
  'WRITE on the topic is all that a destination with auth "%s" needs',
  async (mode) => {
    const { broker, principal, auth } = wayIn[mode]();
    const destination = await destinationOn(broker, { auth }, { principal });
    const { attempts } = await untilStatus('delivered', await post(destination, '1'));
    expect(attempts).toMatchObject([{ outcome: 'delivered', broker, partition: 0, offset: 0 }]);
    expect(await arrived(destination.topic)).toEqual(['1']);
  },
);

describe('the destination is at fault: the lane stops, keeps its order, says why, and goes on when it was mended', () => {
  const faults: [
    name: string,
    code: number | undefined,
    make: () => Promise<[CreatedDestination, () => Promise<void>]>,
  ][] = [
    [
      'TOPIC_AUTHORIZATION_FAILED',
      29,
      async () => {
        const destination = await destinationOn(kafka.secured, { auth: auth.scram512 }, { isGranted: false });
        return [destination, () => writeAcl(kafka, destination.topic, principals.user, true)];
      },
    ],
    [
      'TOPIC_AUTHORIZATION_FAILED', // A good certificate, whose name nobody has granted anything.
      29,
      async () => {
        const { pem, keyPem } = kafka.rotation.first.client;
        const stranger = { ...auth.mutual, clientCertificate: pem, clientKey: keyPem };
        const destination = await destinationOn(kafka.mutual, { auth: stranger }, { principal: principals.client });
        return [destination, () => writeAcl(kafka, destination.topic, 'User:CN=first', true)];
      },
    ],
    [
      'CERT_HAS_EXPIRED',
      undefined,
      async () => {
        const destination = await destinationOn(kafka.expired, { auth: auth.scram512 });
        return [
          destination,
          () => change(destination, { brokers: [kafka.secured], auth: { password: kafka.password } }),
        ];
      },
    ],
    [
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      undefined,
      async () => {
        const destination = await destinationOn(kafka.secured, certificateOf(newAuthority().pem));
        return [destination, () => change(destination, certificateOf(kafka.caCertificate))];
      },
    ],
    [
      'ERR_TLS_CERT_ALTNAME_INVALID',
      undefined,
      async () => {
        const otherName = kafka.secured.replace('127.0.0.1', 'localhost');
        const destination = await destinationOn(otherName, { auth: auth.scram512 });
        return [
          destination,
          () => change(destination, { brokers: [kafka.secured], auth: { password: kafka.password } }),
        ];
      },
    ],
    [
      'CLIENT_CERTIFICATE_UNUSABLE',
      undefined,
      async () => {
        const { keyPem } = newCertificate(newAuthority(), 'client');
        const settings = { auth: { ...auth.mutual, clientKey: keyPem } };
        const destination = await destinationOn(kafka.mutual, settings, { principal: principals.client });
        return [destination, () => change(destination, { auth: { clientKey: kafka.client.keyPem } })];
      },
    ],
    [
      'CLIENT_CERTIFICATE_REFUSED',
      undefined,
      async () => {
        const { pem, keyPem } = newCertificate(newAuthority(), 'client');
        const settings = { auth: { ...auth.mutual, clientCertificate: pem, clientKey: keyPem } };
        const destination = await destinationOn(kafka.mutual, settings, { principal: principals.client });
        const { clientCertificate, clientKey } = auth.mutual;
        return [destination, () => change(destination, { auth: { clientCertificate, clientKey } })];
      },
    ],
  ];
  test.each(faults)('%s', async (name, code, make) => {
    const [destination, mend] = await make();
    const first = await post(destination, '1');
    const suspended = await untilStatus('suspended', first);
    expect(suspended.error).toMatchObject({
      kind: 'destinationAtFault',
      name,
      remedy: expect.stringMatching(/resume\.$/),
    });
    expect([suspended.error?.code, suspended.attempts.length]).toEqual([code, 1]);
    const second = await post(destination, '2');
    await untilStatus('suspended', second);
    expect(await arrived(destination.topic)).toEqual([]);

    await mend();
    const { attempts } = await resumeUntilDelivered(first);
    expect(attempts[0]).toEqual(suspended.attempts[0]);
    await untilStatus('delivered', second);
    expect(await arrived(destination.topic)).toEqual(['1', '2']);
  });
});

describe('it may pass, so it is tried again, in order, and goes through once it does', () => {
  test.each([
    ['plain', 'SASL_AUTHENTICATION_FAILED'],
    ['scram512', 'SASL_AUTHENTICATION_FAILED'],
  ] as const)('a wrong password, mode "%s"', async (way, name) => {
    const destination = await destinationOn(kafka.secured, { auth: { ...auth[way], password: 'wrong' } });
    const id = await post(destination, '1');
    await untilFailed(id); // Which its try tells a moment before it is over.
    const { error } = await untilStatus('retrying', id);
    expect(error).toMatchObject({ kind: 'transient', name, code: 58 });
    expect(JSON.stringify(error)).not.toContain('wrong');
    await change(destination, { auth: { password: kafka.password } });
    await untilStatus('delivered', id);
  });

  test('a host name that nobody knows', async () => {
    const destination = await causeway.createDestination({ brokers: ['nobody.invalid:9092'] });
    const { error } = await untilFailed(await post(destination, '1'));
    expect([error?.kind, error?.name]).toEqual(['transient', expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/)]);
  });

  test('a quota of the broker makes delivery slow, and nothing else', async () => {
    const destination = await destinationOn(kafka.secured, { auth: auth.plain, producer: { lingerMs: 0 } });
    await untilStatus('delivered', await post(destination, '0'));
    await setByteRate([kafka.plain], kafka.username, 2_000);
    const ids: string[] = [];
    for (let n = 1; n <= 12; n++) ids.push(await post(destination, `${n}`));
    for (const id of ids) {
      const { attempts } = await untilStatus('delivered', id);
      expect(attempts).toMatchObject([{ number: 1, outcome: 'delivered' }]);
    }
    await setByteRate([kafka.plain], kafka.username, undefined);
    expect(await arrived(destination.topic)).toEqual(Array.from({ length: 13 }, (_, n) => `${n}`));
  });
});

/** Posts until one is parked: a broker that is quick enough sees no age in a record, where none is allowed, and takes it. */
async function postUntilParked({ customerExternalId }: CreatedDestination) {
  const payload = { pad: 'x'.repeat(1_000) };
  const taken: string[] = [];
  const parked = await until(
    'one to be parked',
    async () => {
      const idempotencyKey = `strict-${taken.length}`;
      const id = await postEvent(causeway.api, { eventType: 'e', customerExternalId, idempotencyKey, payload });
      const delivery = await untilDelivery('an end', causeway.api, id, ({ status }) => /delivered|parked/.test(status));
      if (delivery.status === 'delivered') taken.push(idempotencyKey);
      return { ...delivery, idempotencyKey, id };
    },
    ({ status }) => status === 'parked',
  );
  return { parked, taken };
}

test('UNKNOWN_TOPIC_OR_PARTITION: lanes of a topic that never was wait, are suspended once that has lasted, and go on by themselves when it is made', async () => {
  // Five minutes are long for a test.
  const workerEnv = { CAUSEWAY_WAIT_AFTER_MS: '1000', CAUSEWAY_FAULT_AFTER_MS_MAX: '2000' };
  const impatient = await startCauseway({ kafka: { brokers: [kafka.plain] }, workerEnv });
  onTestFinished(() => impatient.stop());
  const topic = `none-${randomUUID()}`;
  const { customerExternalId } = await impatient.createDestination({ topic });
  const postNow = (idempotencyKey: string): Promise<string> =>
    postEvent(impatient.api, { eventType: 'e', customerExternalId, idempotencyKey, payload: {} });
  const untilIs = (wanted: LoggedDelivery['status'], id: string): Promise<LoggedDelivery> =>
    untilDelivery(`status ${wanted}`, impatient.api, id, ({ status }) => status === wanted, 60_000);
  const first = await postNow('first');
  const error = { name: 'UNKNOWN_TOPIC_OR_PARTITION', code: 3 };
  expect(await untilIs('waiting', first)).toMatchObject({ error: { kind: 'transient', ...error } });
  await untilIs('suspended', first);
  const second = await postNow('second');
  const temporal = await testTemporal(impatient);
  onTestFinished(() => temporal.stop());
  const { workflowId } = await deliveryOf(impatient.api, first);
  const { held } = await temporal.client.workflow.getHandle(workflowId).query<LaneStatus>(laneQueries.status);
  expect(held).toEqual({ reason: 'suspended', remedy: expect.stringContaining('Create the topic') });

  await ensureTopic([kafka.plain], topic, 1, {});
  for (const id of [first, second]) await untilIs('delivered', id);
  const names = (await impatient.kafka.records(topic)).map(({ headers }) => headers.idempotency_key);
  expect(names).toEqual(['first', 'second']);
});

describe('the record is at fault: it is parked, and the others go on', () => {
  // The real broker says so of a record without a key alone, which none of ours is (real-broker.test.ts).
  test('INVALID_RECORD, by kfake', async () => {
    const kfake = await startKfake();
    onTestFinished(() => kfake.stop());
    const topic = await kfake.newTopic(1);
    const destination = await causeway.createDestination({ brokers: kfake.brokers, topic });
    await kfake.fault({ api: 'Produce', topic, code: 87, count: 1 });
    const refused = await post(destination, 'refused');
    const parked = await untilStatus('parked', refused);
    expect(parked.error).toMatchObject({ kind: 'recordAtFault', name: 'INVALID_RECORD', code: 87 });
    await untilStatus('delivered', await post(destination, 'next'));
    await operate(causeway, 'workflow', 'signal', '--workflow-id', parked.workflowId, '--name', 'replay');
    expect(await untilStatus('delivered', refused)).toMatchObject({ partition: 0, offset: 1 });
  });

  test.each([
    ['MESSAGE_TOO_LARGE', 10, { 'max.message.bytes': '600' }, { 'max.message.bytes': '100000' }],
    [
      'INVALID_TIMESTAMP',
      32,
      { 'message.timestamp.before.max.ms': '0' },
      { 'message.timestamp.before.max.ms': '600000' },
    ],
  ] as const)('%s', async (name, code, strict, lenient) => {
    const destination = await destinationOn(kafka.secured, { auth: auth.scram256 }, { config: strict });
    const { parked, taken } = await postUntilParked(destination);
    expect(parked.error).toMatchObject({
      kind: 'recordAtFault',
      name,
      code,
      remedy: expect.stringMatching(/replay\.$/),
    });
    await causeway.kafka.configure(destination.topic, lenient);
    await untilStatus('delivered', await post(destination, 'lenient'));
    await operate(causeway, 'workflow', 'signal', '--workflow-id', parked.workflowId, '--name', 'replay');
    await untilStatus('delivered', parked.id);
    expect(await arrived(destination.topic)).toEqual([...taken, 'lenient', parked.idempotencyKey]);
  });
});

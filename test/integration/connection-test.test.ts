/** The connection test, against a Kafka that demands authentication and grants by ACL. */
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testConnection } from '../../activities/kafka/connectionTest.ts';
import { newAuthority, newCertificate } from '../../dev/servers/certificates.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { networksOf } from '../../domain/address.ts';
import type { ConnectionTest, TestStepName } from '../../domain/connectionTest.ts';
import type { Auth, OpenDestination, Secrets } from '../../domain/destination.ts';
import { type TestKafka, testKafka } from '../harness/kafka.ts';
import { type Kfake, startKfake } from '../harness/kfake.ts';
import { openDestination } from '../harness/produceActivity.ts';
import { brokerLedBy } from '../harness/scriptedBrokers.ts';
import { principals, type SecuredKafka } from '../harness/securedListeners.ts';
import { authOf, securedKafka, writeAcl } from '../harness/sharedSecuredKafka.ts';
import { oauthPrincipal, startTokenServer, type TokenServer } from '../harness/tokenServer.ts';
import { until } from '../harness/until.ts';

let kafka: SecuredKafka;
let admin: TestKafka;
let remove: () => Promise<void>;
let topic: string;
let tokens: TokenServer;
let closedPort: number;
beforeAll(async () => {
  ({ kafka, remove } = await securedKafka());
  [tokens, closedPort] = [await startTokenServer(kafka), await freePort()];
  admin = testKafka([kafka.plain]);
  topic = await admin.newTopic(3);
  const all = [...Object.values(principals), oauthPrincipal];
  for (const principal of all) await writeAcl(kafka, topic, principal, true);
});
afterAll(async () => {
  await Promise.all([admin.stop(), tokens.stop()]);
  await remove();
});

type Way = keyof ReturnType<typeof authOf> | 'oauth';
type Given = Partial<OpenDestination> & { way?: Way; secrets?: Secrets; auth?: Auth };

function destinationWith({ way = 'scram512', ...given }: Given = {}): OpenDestination {
  const { caCertificate } = kafka;
  const oauth = { mode: 'SASL_OAUTHBEARER', ...tokens.auth, caCertificate } as const;
  const { password, clientKey, clientSecret, ...auth } = {
    ...{ password: undefined, clientKey: undefined, clientSecret: undefined },
    ...{ ...authOf(kafka), oauth }[way],
  };
  const broker = way === 'mutual' || way === 'oauth' ? kafka[way] : kafka.secured;
  return openDestination({
    ...{ brokers: [broker], topic, auth: { tls: true, ...auth }, secrets: { password, clientKey, clientSecret } },
    ...given,
  });
}
const report = (given?: Given, sendTestEvent = false): Promise<ConnectionTest> =>
  testConnection(destinationWith(given), { sendTestEvent });
const line = ({ steps }: ConnectionTest): string =>
  steps.map(({ step, outcome, error }) => `${step} ${error?.name ?? outcome}`).join(', ');

const letIn = 'resolve ok, connect ok, tls ok, authenticate ok';

test.each(['plain', 'scram256', 'scram512', 'mutual', 'oauth'] as const)(
  'mode "%s" passes, and nothing is written',
  async (way) => {
    const found = await report({ way });
    expect([found.passed, line(found)]).toEqual([true, `${letIn}, topic ok, leaders ok, write ok, testEvent skipped`]);
    const details = Object.fromEntries(found.steps.map(({ step, detail }) => [step, detail]));
    expect(details).toMatchObject({ tls: 'TLSv1.3', topic: '3 partitions' });
    expect(found.steps.every(({ durationMs }) => durationMs >= 0 && durationMs < 5_000)).toBe(true);
    expect(await admin.records(topic)).toEqual([]);
  },
);

test('a broker on a private network is not connected to where our settings do not allow it', async () => {
  expect(line(await report({ allowPrivate: false }))).toMatch(/^resolve ADDRESS_REFUSED, connect skipped/);
});

test('a test event is written where it is asked for, and says where', async () => {
  const own = await admin.newTopic(3);
  await writeAcl(kafka, own, principals.user, true);
  const found = await report({ topic: own }, true);
  expect([found.passed, found.steps.at(-1)]).toEqual([
    true,
    expect.objectContaining({
      step: 'testEvent',
      outcome: 'ok',
      detail: expect.stringMatching(/^partition \d, offset 0$/),
    }),
  ]);
  const [record] = await admin.records(own);
  expect(record?.headers).toMatchObject({ event_type: 'causeway.connection_test', customer_external_id: 'c' });
});

describe('what does not work is named, with what would mend it, and what comes after is skipped', () => {
  const { keyPem, pem } = newCertificate(newAuthority(), 'client');
  const skipped = (...steps: TestStepName[]): string => steps.map((step) => `, ${step} skipped`).join('');
  const afterTls = skipped('authenticate', 'topic', 'leaders', 'write', 'testEvent');
  const afterLogin = skipped('topic', 'leaders', 'write', 'testEvent');
  const rows: [what: string, given: () => Given, expected: string | RegExp][] = [
    [
      'a name that nobody knows',
      () => ({ brokers: ['nobody.invalid:9092'] }),
      /^resolve (ENOTFOUND|EAI_AGAIN), connect skipped, tls skipped, authenticate skipped/,
    ],
    [
      'a certificate that has expired',
      () => ({ brokers: [kafka.expired] }),
      `resolve ok, connect ok, tls CERT_HAS_EXPIRED${afterTls}`,
    ],
    [
      'a certificate for another name',
      () => ({ brokers: [kafka.secured.replace('127.0.0.1', 'localhost')] }),
      `resolve ok, connect ok, tls ERR_TLS_CERT_ALTNAME_INVALID${afterTls}`,
    ],
    [
      'another authority',
      () => ({ auth: { ...destinationWith().auth, caCertificate: newAuthority().pem } }),
      `resolve ok, connect ok, tls UNABLE_TO_VERIFY_LEAF_SIGNATURE${afterTls}`,
    ],
    [
      'a key that does not fit its certificate',
      () => ({ way: 'mutual', secrets: { clientKey: keyPem } }),
      `resolve ok, connect ok, tls CLIENT_CERTIFICATE_UNUSABLE${afterTls}`,
    ],
    [
      'a client certificate of an unknown authority',
      () => {
        const { auth } = destinationWith({ way: 'mutual' });
        return { way: 'mutual', auth: { ...auth, clientCertificate: pem }, secrets: { clientKey: keyPem } };
      },
      `resolve ok, connect ok, tls ok, authenticate CLIENT_CERTIFICATE_REFUSED${afterLogin}`,
    ],
    [
      'no client certificate, where the listener wants one',
      () => ({ brokers: [kafka.mutual] }),
      `resolve ok, connect ok, tls ok, authenticate CLIENT_CERTIFICATE_MISSING${afterLogin}`,
    ],
    [
      'a wrong secret at the token endpoint',
      () => ({ way: 'oauth', secrets: { clientSecret: 'hunter2' } }),
      `resolve ok, connect ok, tls ok, authenticate TOKEN_ENDPOINT_REFUSED${afterLogin}`,
    ],
    [
      'a token endpoint that is not there',
      () => {
        const { auth, ...rest } = destinationWith({ way: 'oauth' });
        return { ...rest, auth: { ...auth, tokenEndpoint: `http://127.0.0.1:${closedPort}/token` } };
      },
      `resolve ok, connect ok, tls ok, authenticate TOKEN_ENDPOINT_UNAVAILABLE${afterLogin}`,
    ],
    [
      'a token for another audience',
      () => {
        const { auth, ...rest } = destinationWith({ way: 'oauth' });
        return { ...rest, auth: { ...auth, audience: 'others' } };
      },
      `resolve ok, connect ok, tls ok, authenticate TOKEN_REFUSED${afterLogin}`,
    ],
    ...(['plain', 'scram256', 'scram512'] as const).map((way): (typeof rows)[number] => [
      `a wrong password, ${way}`,
      () => ({ way, secrets: { password: 'hunter2' } }),
      `resolve ok, connect ok, tls ok, authenticate SASL_AUTHENTICATION_FAILED${afterLogin}`,
    ]),
    [
      'a topic that is not there, or that the broker hides',
      () => ({ topic: 'none' }),
      `${letIn}, topic TOPIC_AUTHORIZATION_FAILED${skipped('leaders', 'write', 'testEvent')}`,
    ],
  ];
  test.each(rows)('%s', async (_, given, expected) => {
    const found = await report(given());
    expect(found.passed).toBe(false);
    if (typeof expected === 'string') expect(line(found)).toBe(expected);
    else expect(line(found)).toMatch(expected);
    const failed = found.steps.find(({ outcome }) => outcome === 'failed');
    expect(failed?.error).toMatchObject({ why: expect.any(String), remedy: expect.stringMatching(/\w+.*[.]$/) });
    expect(JSON.stringify(found)).not.toMatch(/hunter2|PRIVATE KEY/);
    expect(JSON.stringify(found)).not.toContain(tokens.auth.clientSecret);
  });

  test('a principal that may write no more, and one that may see the topic and not write to it', async () => {
    const own = await admin.newTopic();
    const untilTold = (told: string) =>
      until(
        told,
        () => report({ topic: own }, true),
        (found) => line(found).includes(told),
      );
    await writeAcl(kafka, own, principals.user, true);
    await untilTold('write ok, testEvent ok');
    await writeAcl(kafka, own, principals.user, false);
    await untilTold('topic TOPIC_AUTHORIZATION_FAILED, leaders skipped');
    await writeAcl(kafka, own, principals.user, true, 'DESCRIBE');
    const found = await untilTold('topic ok');
    expect([found.passed, line(found)]).toEqual([
      false,
      `${letIn}, topic ok, leaders ok, write TOPIC_AUTHORIZATION_FAILED, testEvent skipped`,
    ]);
    expect(found.steps.find(({ step }) => step === 'write')?.error).toMatchObject({
      ...{ code: 29, message: expect.stringContaining('may not write') },
      remedy: expect.stringContaining('WRITE'),
    });
  });
});

test.each([
  ['can not be reached', 'closed', 'ECONNREFUSED'],
  ['has a name that nobody knows', 'nobody.invalid', /^(ENOTFOUND|EAI_AGAIN)$/],
  ['is on a private network', '10.1.2.3', 'ADDRESS_REFUSED'],
])('a leader that %s is named: brokers say where they are, and it must be so from here', async (_, where, name) => {
  const host = where === 'closed' ? '127.0.0.1' : where;
  const broker = await brokerLedBy(host, closedPort, 'orders');
  const allowPrivate = networksOf([['127.0.0.0', 8]]);
  const destination = openDestination({ brokers: [broker.address], topic: 'orders', allowPrivate });
  const found = await testConnection(destination, { sendTestEvent: true });
  await broker.stop();
  expect(line(found)).toMatch(/authenticate ok, topic ok, leaders [A-Z_]+, write skipped, testEvent skipped$/);
  const failed = found.steps.find(({ outcome }) => outcome === 'failed')?.error;
  expect(failed?.name).toEqual(typeof name === 'string' ? name : expect.stringMatching(name));
  expect(failed?.message).toContain(`${host}:${closedPort}, a leader: `);
});

describe('on kfake', () => {
  const kfakes: Kfake[] = [];
  afterAll(async () => void (await Promise.all(kfakes.map((one) => one.stop()))));
  async function onKfake(options: Parameters<typeof startKfake>[0] = {}) {
    const kfake = await startKfake(options);
    kfakes.push(kfake);
    const destination = openDestination({ brokers: kfake.brokers, topic: await kfake.newTopic() });
    return { kfake, destination };
  }
  const lastOf = ({ steps }: ConnectionTest) => steps.at(-1);

  test('a broker of before Kafka 2.3 does not tell whether we may write; a test event does', async () => {
    const { destination } = await onKfake({ version: 'v2.2' });
    const found = await testConnection(destination, { sendTestEvent: true });
    expect([found.passed, line(found)]).toEqual([
      ...[
        true,
        'resolve ok, connect ok, tls skipped, authenticate ok, topic ok, leaders ok, write skipped, testEvent ok',
      ],
    ]);
    const write = found.steps.find(({ step }) => step === 'write');
    expect(write?.detail).toBe('the broker does not tell: a test event would');
  });

  test('a test event that gets no answer may have been written, and the test says so', async () => {
    const { kfake, destination } = await onKfake();
    const tested = () => testConnection(destination, { sendTestEvent: true, timeoutMs: 1_500 });
    const { topic } = destination;
    await kfake.silence({ api: 'Produce', topic });
    expect(lastOf(await tested())?.error).toMatchObject({
      name: 'NO_ANSWER_IN_TIME',
      message: expect.stringMatching(/^There was no answer within \d+ ms\. The record may have been written\.$/),
    });
    await kfake.reset();
    await kfake.hangUp('after', { api: 'Produce', topic, count: 1 });
    expect(lastOf(await tested())?.error).toMatchObject({
      name: 'CONNECTION_CLOSED',
      message: expect.stringMatching(/The record may have been written\.$/),
    });
    await kfake.reset();
    await kfake.fault({ api: 'Produce', topic, code: 7, count: 1 });
    expect(lastOf(await tested())?.error).toMatchObject({
      ...{ name: 'REQUEST_TIMED_OUT', code: 7 },
      message: expect.stringMatching(/The record may have been written\.$/),
    });
    await kfake.reset();
    await kfake.fault({ api: 'Produce', topic, code: 87, count: 1 });
    const refused = lastOf(await tested())?.error;
    expect([refused?.name, refused?.message]).toEqual(['INVALID_RECORD', expect.not.stringContaining('may have been')]);
  });
});

describe('several brokers', () => {
  test('are tried until one lets us in; those that did not are told of', async () => {
    const closed = `127.0.0.1:${await freePort()}`;
    const found = await report({ brokers: [closed, kafka.secured] });
    expect([found.passed, line(found)]).toEqual([
      true,
      `resolve ok, connect ECONNREFUSED, ${letIn}, topic ok, leaders ok, write ok, testEvent skipped`,
    ]);
    expect(found.steps[1]).toMatchObject({ broker: closed, outcome: 'failed' });
  });

  test('that take the connection and say nothing hold nobody up for longer than the test has', async () => {
    const mute: Server = createServer((socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const at = mute.address();
    const broker = `127.0.0.1:${typeof at === 'object' ? at?.port : ''}`;
    const beganMs = performance.now();
    const destination = destinationWith({ brokers: [broker, broker, broker] });
    const found = await testConnection(destination, { sendTestEvent: false, timeoutMs: 300 });
    expect([found.passed, performance.now() - beganMs]).toEqual([false, expect.closeTo(300, -3)]);
    expect(line(found)).toMatch(/^resolve ok, connect ok, tls CONNECT_TIMEOUT, /);
    mute.close();
  });
});

/** SASL OAUTHBEARER against a real broker, which checks signed tokens, and a real token server. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { probeTopic } from '../../activities/kafka/probe.ts';
import { newAuthority, newCertificate } from '../../dev/servers/certificates.ts';
import { ensureTopic } from '../../dev/servers/kafka.ts';
import type { Auth, OpenDestination } from '../../domain/destination.ts';
import { expectRow, meaning } from '../harness/failureRow.ts';
import { answering, closedPort, type HostileServer } from '../harness/hostileServers.ts';
import { type TestKafka, testKafka } from '../harness/kafka.ts';
import { leaksIn, traceOf } from '../harness/leaks.ts';
import { blockWithKeys, openDestination, type TestProduce, testProduce } from '../harness/produceActivity.ts';
import type { SecuredKafka } from '../harness/securedListeners.ts';
import { securedKafka, writeAcl } from '../harness/sharedSecuredKafka.ts';
import { sharedTemporal, type TestTemporal } from '../harness/temporal.ts';
import { oauthPrincipal, startTokenServer, type TokenServer } from '../harness/tokenServer.ts';
import { until } from '../harness/until.ts';

const authority = newAuthority();
let kafka: SecuredKafka;
let remove: () => Promise<void>;
let tokens: TokenServer;
let overTls: TokenServer;
let expired: TokenServer;
let temporal: TestTemporal;
let produce: TestProduce;
let reader: TestKafka;
const servers: HostileServer[] = [];
const everGiven: string[] = [];
beforeAll(async () => {
  ({ kafka, remove } = await securedKafka());
  const here = { hosts: ['127.0.0.1'] };
  const late = { ...here, days: { from: -3, to: -1 } };
  [tokens, overTls, expired, temporal] = await Promise.all([
    startTokenServer(kafka),
    startTokenServer(kafka, newCertificate(authority, 'token server', here)),
    startTokenServer(kafka, newCertificate(authority, 'token server', late)),
    sharedTemporal(),
  ]);
  produce = testProduce(temporal);
  reader = testKafka([kafka.plain]);
});
afterEach(() => {
  everGiven.push(...tokens.given);
  tokens.give();
  tokens.requests.length = 0;
  tokens.given.length = 0;
});
afterAll(async () => {
  produce.close();
  await Promise.all([tokens, overTls, expired, temporal, reader, ...servers].map((one) => one.stop()));
  await remove();
});

const block = blockWithKeys(['k']);
/** A destination on a topic of its own, which the client of the token server may write to. */
async function destinationWith(
  { clientSecret, ...auth }: Partial<Auth> & { clientSecret: string },
  { isGranted = true } = {},
): Promise<OpenDestination> {
  const topic = `oauth-${randomUUID()}`;
  await ensureTopic([kafka.plain], topic, 1);
  if (isGranted) await writeAcl(kafka, topic, oauthPrincipal, true);
  return openDestination({
    ...{ brokers: [kafka.oauth], topic },
    auth: { mode: 'SASL_OAUTHBEARER', tls: true, caCertificate: kafka.caCertificate, ...auth },
    secrets: { clientSecret },
  });
}
const at = (tokenEndpoint: string) => destinationWith({ ...tokens.auth, tokenEndpoint });
const atServer = async (server: Promise<HostileServer>, scheme = 'http') => {
  servers.push(await server);
  return at(`${scheme}://${(await server).address}/token`);
};
const expectDelivered = async (destination: OpenDestination): Promise<void> => {
  const one = await produce.run(destination, block);
  expect([meaning(one), one.attempts.at(-1)?.error]).toEqual(['delivered', undefined]);
};

test('the right credentials deliver, with one token for produce after produce', async () => {
  const destination = await destinationWith({ ...tokens.auth, scope: 'write:orders' });
  await expectDelivered(destination);
  await expectDelivered(destination);
  expect(tokens.requests).toEqual([{ grant_type: 'client_credentials', scope: 'write:orders', audience: 'kafka' }]);
});

test('scope and audience may be left out: then the endpoint is asked for neither', async () => {
  tokens.give({ claims: { aud: 'kafka' } }); // As an endpoint that serves this one broker.
  const { audience: _, ...auth } = tokens.auth;
  await expectDelivered(await destinationWith(auth));
  expect(tokens.requests).toEqual([{ grant_type: 'client_credentials' }]);
});

test('the token endpoint may be behind a certificate of an authority that the destination names', async () => {
  await expectDelivered(await destinationWith({ ...overTls.auth, tokenEndpointCaCertificate: authority.pem }));
});

/** Delivers one record after another, each at its first attempt, until then; their keys. */
async function deliverUntil(endsAtMs: number, destination: OpenDestination, lane: string): Promise<string[]> {
  const sent: string[] = [];
  while (Date.now() < endsAtMs) {
    const key = `${lane}-${sent.length}`;
    const one = await produce.run(destination, blockWithKeys([key]));
    expect([meaning(one), one.attempts.map(({ error }) => error)]).toEqual(['delivered', [undefined]]);
    sent.push(key);
  }
  return sent;
}

test('a session, which ends with its token or when the broker says, is renewed before: no attempt fails, no record is doubled', async () => {
  overTls.give({ lifeSeconds: 6 });
  const shortTokens = { ...overTls.auth, tokenEndpointCaCertificate: authority.pem };
  const endsAtMs = Date.now() + 10_000;
  // The broker ends every session after 6 s; the one destination's tokens hold for an hour, the other's for 6 s.
  const delivered = [tokens.auth, shortTokens].map(async (auth) => {
    const destination = await destinationWith(auth);
    const sent = await Promise.all(['a', 'b'].map((lane) => deliverUntil(endsAtMs, destination, lane)));
    const keys = (await reader.records(destination.topic)).map(({ key }) => String(key));
    expect(['a', 'b'].map((lane) => keys.filter((key) => key.startsWith(lane)))).toEqual(sent);
  });
  await Promise.all(delivered);
  expect(tokens.given.length).toBe(1);
  expect(overTls.given.length).toBeGreaterThanOrEqual(3);
  overTls.give();
});

test('a session that can not be renewed fails its attempt with the reason, and with nothing sent', async () => {
  const destination = await destinationWith(tokens.auth);
  tokens.give({ lifeSeconds: 4 });
  await expectDelivered(destination);
  tokens.give({ status: 500, body: { error: 'server_error' } });
  const failed = await until(
    'a failed renewal',
    () => produce.run(destination, block),
    (one) => meaning(one) !== 'delivered',
  );
  expect([meaning(failed), failed.attempts.at(-1)]).toMatchObject([
    'transient',
    { outcome: 'failed', error: { name: 'TOKEN_ENDPOINT_UNAVAILABLE' } },
  ]);
  tokens.give();
  await expectDelivered(destination);
});

test('an endpoint that answers 500 is tried again, and once it has recovered the record is delivered', async () => {
  const destination = await destinationWith(tokens.auth);
  tokens.give({ status: 500, body: { error: 'server_error' } });
  const first = await produce.run(destination, block);
  expect([meaning(first), first.attempts[0]?.error]).toMatchObject([
    'transient',
    {
      name: 'TOKEN_ENDPOINT_UNAVAILABLE',
      message: expect.stringMatching(/^127.0.0.1:\d+ answered 500: server_error$/),
    },
  ]);
  tokens.give();
  const second = await produce.run(destination, block, { attempt: 2, heartbeatDetails: first.progress });
  expect(second.outcome?.landed[0]?.offsets).toEqual([0]);
});

test('a broker that refuses a token gets another one the next time', async () => {
  const destination = await destinationWith(tokens.auth);
  const anHourAgo = Math.floor(Date.now() / 1_000) - 3_600;
  tokens.give({ claims: { exp: anHourAgo } });
  const first = await produce.run(destination, block);
  expect(first.attempts[0]?.error).toMatchObject({
    name: 'TOKEN_REFUSED',
    message: `${kafka.oauth} refused our token: invalid_token (it ended at ${new Date(anHourAgo * 1_000).toISOString()})`,
  });
  tokens.give();
  await expectDelivered(destination);
  expect(tokens.given.length).toBe(2);
});

describe('the table says what comes of', () => {
  const provoked: [what: string, name: string, make: () => Promise<OpenDestination>][] = [
    [
      'a wrong client secret',
      'TOKEN_ENDPOINT_REFUSED',
      () => destinationWith({ ...tokens.auth, clientSecret: 'wr0ng' }),
    ],
    ['an unknown client', 'TOKEN_ENDPOINT_REFUSED', () => destinationWith({ ...tokens.auth, clientId: 'nobody' })],
    ['an endpoint that is down', 'TOKEN_ENDPOINT_UNAVAILABLE', async () => at(`http://${await closedPort()}/token`)],
    [
      'an endpoint that hangs up',
      'TOKEN_ENDPOINT_UNAVAILABLE',
      () => atServer(answering((socket) => socket.resetAndDestroy())),
    ],
    ['an unknown host name', 'TOKEN_ENDPOINT_NOT_FOUND', () => at('http://nobody.invalid/token')], // RFC 2606
    ['another page', 'TOKEN_ENDPOINT_MALFORMED', () => at(tokens.auth.tokenEndpoint.replace('/token', '/login'))],
    [
      'an endpoint without TLS',
      'TOKEN_ENDPOINT_MALFORMED',
      () => at(tokens.auth.tokenEndpoint.replace('http:', 'https:')),
    ],
    ['a certificate of an unknown authority', 'TOKEN_ENDPOINT_UNTRUSTED', () => destinationWith(overTls.auth)],
    [
      'a certificate that has expired',
      'TOKEN_ENDPOINT_UNTRUSTED',
      () => destinationWith({ ...expired.auth, tokenEndpointCaCertificate: authority.pem }),
    ],
    [
      'a certificate for another host name',
      'TOKEN_ENDPOINT_UNTRUSTED',
      () =>
        destinationWith({
          ...{ ...overTls.auth, tokenEndpointCaCertificate: authority.pem },
          tokenEndpoint: overTls.auth.tokenEndpoint.replace('127.0.0.1', 'localhost'),
        }),
    ],
    ['a token for another audience', 'TOKEN_REFUSED', () => destinationWith({ ...tokens.auth, audience: 'others' })],
  ];
  test.each(provoked)('%s: %s', async (_, name, make) => {
    const destination = await make();
    await expectRow({ name }, (before) => produce.run(destination, block, before));
    await expect(probeTopic(destination)).rejects.toMatchObject({ failure: { name } });
  });

  test('a client that may not write: TOPIC_AUTHORIZATION_FAILED', async () => {
    const destination = await destinationWith(tokens.auth, { isGranted: false });
    const wanted = { name: 'TOPIC_AUTHORIZATION_FAILED', code: 29 };
    await expectRow(wanted, (before) => produce.run(destination, block, before));
  });
});

test('no token and no secret is ever in a log, an attempt or a metric, in any form', async () => {
  await expectDelivered(await destinationWith(tokens.auth));
  const told = { log: produce.logged, attempts: produce.tries, metrics: await produce.metrics() };
  const traces = Object.entries(told).map(([where, found]) => traceOf(where, JSON.stringify(found)));
  const secrets = [tokens, overTls, expired].map(({ auth }) => ({ name: 'secret', value: auth.clientSecret }));
  const given = [...everGiven, ...tokens.given, ...overTls.given].map((value) => ({ name: 'token', value }));
  expect([given.length > 10, produce.tries.length > 30]).toEqual([true, true]);
  expect(leaksIn(traces, [...secrets, { name: 'wrong secret', value: 'wr0ng' }, ...given])).toEqual([]);
});

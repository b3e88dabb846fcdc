/** Every way to authenticate, against a real broker, with what is right and with each thing that may be wrong. */
import { createPrivateKey, randomUUID } from 'node:crypto';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { testConnection } from '../../activities/kafka/connectionTest.ts';
import { probeTopic } from '../../activities/kafka/probe.ts';
import { newTokenKey } from '../../dev/servers/brokerSecurity.ts';
import { newAuthority, newCertificate } from '../../dev/servers/certificates.ts';
import { ensureTopic } from '../../dev/servers/kafka.ts';
import { freePort } from '../../dev/servers/ports.ts';
import type { Auth, AuthMode, OpenDestination, Secrets } from '../../domain/destination.ts';
import { failureRowOf } from '../../domain/failures.ts';
import { expectRow, meaning } from '../harness/failureRow.ts';
import { leaksIn, privateKeyParts, traceOf } from '../harness/leaks.ts';
import { blockWithKeys, openDestination, type TestProduce, testProduce } from '../harness/produceActivity.ts';
import { principals, type SecuredKafka } from '../harness/securedListeners.ts';
import { securedKafka, writeAcl } from '../harness/sharedSecuredKafka.ts';
import { sharedTemporal, type TestTemporal } from '../harness/temporal.ts';
import { oauthPrincipal, startTokenServer, type TokenServer } from '../harness/tokenServer.ts';

let kafka: SecuredKafka;
let remove: () => Promise<void>;
let tokens: TokenServer;
/** Its tokens are signed with a key that the broker does not know. */
let foreign: TokenServer;
let temporal: TestTemporal;
let produce: TestProduce;
beforeAll(async () => {
  ({ kafka, remove } = await securedKafka());
  [tokens, foreign, temporal] = await Promise.all([
    startTokenServer(kafka),
    startTokenServer({ tokenKey: newTokenKey() }),
    sharedTemporal(),
  ]);
  produce = testProduce(temporal);
});
afterEach(() => tokens.give());
afterAll(async () => {
  produce.close();
  await Promise.all([tokens, foreign, temporal].map((one) => one.stop()));
  await remove();
});

type Way = { broker: string; principal: string; auth: Partial<Auth>; secrets: Secrets };
type Mode = Exclude<AuthMode, 'NONE'>;
const modes: readonly Mode[] = ['SASL_PLAIN', 'SASL_SCRAM_SHA_256', 'SASL_SCRAM_SHA_512', 'SASL_OAUTHBEARER', 'MTLS'];

/** What is right for a mode. */
function rightFor(mode: Mode): Way {
  if (mode === 'MTLS') {
    const { pem, keyPem } = kafka.client;
    const way = { broker: kafka.mutual, principal: principals.client };
    return { ...way, auth: { clientCertificate: pem }, secrets: { clientKey: keyPem } };
  }
  if (mode === 'SASL_OAUTHBEARER') {
    const { clientSecret, ...auth } = tokens.auth;
    return { broker: kafka.oauth, principal: oauthPrincipal, auth, secrets: { clientSecret } };
  }
  const { username, password } = kafka;
  return { broker: kafka.secured, principal: principals.user, auth: { username }, secrets: { password } };
}

type Wrong = Partial<Way> & { isGranted?: boolean };
async function destinationFor(mode: Mode, wrong: Wrong = {}): Promise<OpenDestination> {
  const right = rightFor(mode);
  const topic = `auth-${randomUUID()}`;
  await ensureTopic([kafka.plain], topic, 1);
  if (wrong.isGranted ?? true) await writeAcl(kafka, topic, right.principal, true);
  return openDestination({
    ...{ brokers: [wrong.broker ?? right.broker], topic },
    auth: { mode, tls: true, caCertificate: kafka.caCertificate, ...right.auth, ...wrong.auth },
    secrets: { ...right.secrets, ...wrong.secrets },
  });
}

const block = blockWithKeys(['k']);
async function expectDelivered(destination: OpenDestination): Promise<void> {
  const one = await produce.run(destination, block);
  expect([meaning(one), one.attempts.at(-1)?.error]).toEqual(['delivered', undefined]);
}
/** That the error is this one, and suspends the lane, at once or when it has lasted as the table says. */
async function expectRefused(destination: OpenDestination, name: string, code?: number): Promise<void> {
  await expectRow({ name, code }, (before) => produce.run(destination, block, before));
  const { kind, lasting } = failureRowOf(name);
  expect(lasting?.kind ?? kind).toBe('destinationAtFault'); // In the end, which is what suspends the lane.
}
const lastMessage = (): string | undefined => produce.tries.at(-1)?.attempts.at(-1)?.error?.message;

const planted = { password: 'wr0ng-pass-word', clientSecret: 'wr0ng-client-secret', passphrase: 'wr0ng-pass-phrase' };
const nobody = 'nobody-we-know';
const passphrase = 'the right pass phrase';
const encryptedKeys: string[] = [];

describe.each(modes)('%s', (mode) => {
  test('right credentials deliver', async () => expectDelivered(await destinationFor(mode)));

  test('no right to write', async () => {
    await expectRefused(await destinationFor(mode, { isGranted: false }), 'TOPIC_AUTHORIZATION_FAILED', 29);
  });

  test('a broker whose certificate has expired', async () => {
    await expectRefused(await destinationFor(mode, { broker: kafka.expired }), 'CERT_HAS_EXPIRED');
  });

  test('a broker of another authority than the one that is named', async () => {
    const auth = { caCertificate: newAuthority().pem };
    await expectRefused(await destinationFor(mode, { auth }), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  test("a broker of another authority than the system's", async () => {
    const auth = { caCertificate: undefined };
    await expectRefused(await destinationFor(mode, { auth }), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  test('a broker by another name than its certificate has', async () => {
    const broker = rightFor(mode).broker.replace('127.0.0.1', 'localhost');
    await expectRefused(await destinationFor(mode, { broker }), 'ERR_TLS_CERT_ALTNAME_INVALID');
  });
});

describe.each(['SASL_PLAIN', 'SASL_SCRAM_SHA_256', 'SASL_SCRAM_SHA_512'] as const)('%s', (mode) => {
  test('a wrong password, another broker of the list being down: the one that answered is told, by lane and keeper', async () => {
    const { password } = planted;
    const nobodyThere = `127.0.0.1:${await freePort()}`;
    const destination = await destinationFor(mode, { secrets: { password } });
    for (const brokers of [
      [nobodyThere, ...destination.brokers],
      [...destination.brokers, nobodyThere],
    ]) {
      await expectRefused({ ...destination, id: randomUUID(), brokers }, 'SASL_AUTHENTICATION_FAILED', 58);
      await expect(probeTopic({ ...destination, brokers })).rejects.toMatchObject({
        failure: {
          name: 'SASL_AUTHENTICATION_FAILED',
          message: expect.stringMatching(/^The broker refused the user or the password/),
        },
      });
    }
  });

  test('a wrong password', async () => {
    const { password } = planted;
    await expectRefused(await destinationFor(mode, { secrets: { password } }), 'SASL_AUTHENTICATION_FAILED', 58);
  });

  test('an unknown user', async () => {
    const auth = { username: nobody };
    await expectRefused(await destinationFor(mode, { auth }), 'SASL_AUTHENTICATION_FAILED', 58);
  });
});

describe('SASL_OAUTHBEARER', () => {
  const mode = 'SASL_OAUTHBEARER';
  test('a wrong secret', async () => {
    const { clientSecret } = planted;
    await expectRefused(await destinationFor(mode, { secrets: { clientSecret } }), 'TOKEN_ENDPOINT_REFUSED');
  });

  test('an unknown client', async () => {
    await expectRefused(await destinationFor(mode, { auth: { clientId: nobody } }), 'TOKEN_ENDPOINT_REFUSED');
  });

  test('a token that has expired, which the error says', async () => {
    tokens.give({ claims: { exp: Math.floor(Date.now() / 1_000) - 3_600 } });
    await expectRefused(await destinationFor(mode), 'TOKEN_REFUSED');
    expect(lastMessage()).toMatch(/refused our token: invalid_token \(it ended at \d{4}-/);
  });

  test('a token that somebody else has signed', async () => {
    const { clientSecret, ...auth } = foreign.auth;
    await expectRefused(await destinationFor(mode, { auth, secrets: { clientSecret } }), 'TOKEN_REFUSED');
    expect(lastMessage()).toMatch(/refused our token: invalid_token$/);
    expect(foreign.given.length).toBeGreaterThan(1);
  });
});

describe.each(modes.filter((mode) => mode !== 'MTLS'))('%s', (mode) => {
  test('no client certificate, where the listener wants one', async () => {
    await expectRefused(await destinationFor(mode, { broker: kafka.mutual }), 'CLIENT_CERTIFICATE_MISSING');
  });

  test('a listener that lets nobody in this way', async () => {
    const broker = mode === 'SASL_OAUTHBEARER' ? kafka.secured : kafka.oauth;
    await expectRefused(await destinationFor(mode, { broker }), 'UNSUPPORTED_SASL_MECHANISM', 33);
  });
});

describe('MTLS', () => {
  const mode = 'MTLS';
  const encrypted = (passphrase: string): string => {
    const pkcs8 = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase } as const;
    const pem = createPrivateKey(kafka.client.keyPem).export(pkcs8).toString();
    encryptedKeys.push(pem);
    return pem;
  };

  test('a key that is encrypted delivers with its pass phrase', async () => {
    const secrets = { clientKey: encrypted(passphrase), clientKeyPassphrase: passphrase };
    await expectDelivered(await destinationFor(mode, { secrets }));
  });

  test('… and not with another one, or none', async () => {
    for (const clientKeyPassphrase of [planted.passphrase, undefined]) {
      const secrets = { clientKey: encrypted(passphrase), clientKeyPassphrase };
      await expectRefused(await destinationFor(mode, { secrets }), 'CLIENT_CERTIFICATE_UNUSABLE');
    }
  });

  test('a listener that wants a login by SASL: it hangs up', async () => {
    const destination = await destinationFor(mode, { broker: kafka.secured });
    // It could be anything: the lane waits.
    await expectRow({ name: 'CONNECTION_CLOSED' }, (before) => produce.run(destination, block, before));
  });

  test('a key of another certificate', async () => {
    const { keyPem: clientKey } = newCertificate(newAuthority(), 'client');
    await expectRefused(await destinationFor(mode, { secrets: { clientKey } }), 'CLIENT_CERTIFICATE_UNUSABLE');
  });

  test('a client certificate that has expired', async () => {
    const { pem, keyPem } = newCertificate(newAuthority(), 'client', { days: { from: -3, to: -1 } });
    const wrong = { auth: { clientCertificate: pem }, secrets: { clientKey: keyPem } };
    await expectRefused(await destinationFor(mode, wrong), 'CLIENT_CERTIFICATE_EXPIRED');
  });

  test('a client certificate that has expired, our clock being late: the broker says so', async () => {
    const { pem, keyPem } = kafka.lateClient;
    const wrong = { auth: { clientCertificate: pem }, secrets: { clientKey: keyPem } };
    const destination = await destinationFor(mode, wrong);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 2 * 24 * 60 * 60 * 1_000 });
    try {
      await expectRefused(destination, 'CLIENT_CERTIFICATE_REFUSED');
    } finally {
      vi.useRealTimers();
    }
    expect(lastMessage()).toMatch(/certificate: certificate (expired|unknown) /);
  });

  test('a client certificate of an authority that the broker does not know', async () => {
    const { pem, keyPem } = newCertificate(newAuthority(), 'client');
    const wrong = { auth: { clientCertificate: pem }, secrets: { clientKey: keyPem } };
    await expectRefused(await destinationFor(mode, wrong), 'CLIENT_CERTIFICATE_REFUSED');
    expect(lastMessage()).toMatch(/certificate: (unknown ca|certificate unknown) /);
  });
});

describe('over TLS 1.2', () => {
  const before = tls.DEFAULT_MAX_VERSION;
  beforeAll(() => {
    tls.DEFAULT_MAX_VERSION = 'TLSv1.2';
  });
  afterAll(() => {
    tls.DEFAULT_MAX_VERSION = before;
  });
  const tlsStep = async (destination: OpenDestination) =>
    (await testConnection(destination, { sendTestEvent: false })).steps.find(({ step }) => step === 'tls');

  test.each(modes)('%s: right credentials deliver', async (mode) => {
    const destination = await destinationFor(mode);
    await expectDelivered(destination);
    expect(await tlsStep(destination)).toMatchObject({ outcome: 'ok', detail: 'TLSv1.2' });
  });

  test('a client certificate that is refused, or missing, is so in the handshake', async () => {
    const { pem, keyPem } = newCertificate(newAuthority(), 'client');
    const wrong = { auth: { clientCertificate: pem }, secrets: { clientKey: keyPem } };
    const refused = await destinationFor('MTLS', wrong);
    const missing = await destinationFor('SASL_PLAIN', { broker: kafka.mutual });
    for (const [destination, name] of [
      [refused, 'CLIENT_CERTIFICATE_REFUSED'],
      [missing, 'CLIENT_CERTIFICATE_MISSING'],
    ] as const) {
      await expectRefused(destination, name);
      expect((await tlsStep(destination))?.error?.name).toBe(name);
    }
  });

  test('a broker of another authority', async () => {
    const destination = await destinationFor('SASL_PLAIN', { auth: { caCertificate: newAuthority().pem } });
    await expectRefused(destination, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });
});

test('none of these errors, no log and no metric holds a secret in any form', async () => {
  const { password, client } = kafka;
  const named = { ...planted, rightPassphrase: passphrase, rightPassword: password };
  const values = [
    ...Object.values(named),
    ...[tokens, foreign].flatMap(({ auth, given }) => [auth.clientSecret, ...given]),
  ];
  const keys = [client.keyPem, ...encryptedKeys].flatMap((pem) => privateKeyParts('a key', pem));
  const secrets = [
    ...values.map((value, n) => ({ name: Object.keys(named)[n] ?? 'of a token server', value })),
    ...keys,
  ];
  const told = { attempts: produce.tries, log: produce.logged, metrics: await produce.metrics() };
  const traces = Object.entries(told).map(([where, found]) => traceOf(where, JSON.stringify(found)));
  expect([produce.tries.length > 60, encryptedKeys.length]).toEqual([true, 3]);
  expect(leaksIn(traces, secrets)).toEqual([]);
});

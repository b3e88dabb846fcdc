import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testConnection } from '../../activities/kafka/connectionTest.ts';
import {
  type Authority,
  type Certificate,
  newAuthority,
  newCertificate,
  newIntermediate,
  newSelfSigned,
} from '../../dev/servers/certificates.ts';
import type { OpenDestination } from '../../domain/destination.ts';
import { failureRowOf, failureRows } from '../../domain/failures.ts';
import { kafkaRows } from '../../domain/kafkaErrors.ts';
import { oauthRows } from '../../domain/oauthErrors.ts';
import { migrate } from '../../store/migrate.ts';
import { openStore } from '../../store/store.ts';
import { newDatabase } from '../harness/database.ts';
import { expectRow, meaning } from '../harness/failureRow.ts';
import { answering, closedPort, type HostileServer, speakingTls } from '../harness/hostileServers.ts';
import { type Kfake, startKfake } from '../harness/kfake.ts';
import { leaksIn, traceOf } from '../harness/leaks.ts';
import { blockWithKeys, openDestination, type TestProduce, testProduce } from '../harness/produceActivity.ts';
import { echoingBroker, scramBroker } from '../harness/scriptedBrokers.ts';
import { sharedTemporal, type TestTemporal } from '../harness/temporal.ts';
import { canHaveNetwork, tryAlone } from '../harness/tryAlone.ts';

const login = { username: 'ada', password: 'correct horse' };
let kfake: Kfake;
let withLogin: Kfake;
let temporal: TestTemporal;
let produce: TestProduce;
const servers: HostileServer[] = [];
beforeAll(async () => {
  [kfake, withLogin, temporal] = await Promise.all([startKfake(), startKfake({ login }), sharedTemporal()]);
  produce = testProduce(temporal);
});
afterAll(async () => {
  produce.close();
  await Promise.all([kfake, withLogin, temporal, ...servers].map((one) => one.stop()));
});

const block = blockWithKeys(['k']);
type Given = Partial<OpenDestination>;
const at = (brokers: string[], given: Given = {}): OpenDestination =>
  openDestination({ brokers, topic: `none-${randomUUID()}`, ...given });
const atServer = async (server: Promise<HostileServer>, given: Given = {}): Promise<OpenDestination> => {
  servers.push(await server);
  return at([(await server).address], given);
};
const overTls = (caCertificate: string): Given => ({ auth: { mode: 'NONE', tls: true, caCertificate } });
const withPassword: Given = {
  auth: { mode: 'SASL_SCRAM_SHA_256', tls: false, username: login.username },
  secrets: { password: login.password },
};

const root = newAuthority('Root');
const middle = newIntermediate(root, 'Middle');
const here = { hosts: ['127.0.0.1'] };
/** A broker that shows these certificates, and a destination that trusts this one. */
const showing = (shown: Certificate, trusted: Pick<Authority, 'pem'> = root, more: Authority[] = []) =>
  atServer(
    speakingTls({ key: shown.keyPem, cert: [shown, ...more].map(({ pem }) => pem).join('') }),
    overTls(trusted.pem),
  );
const orderedTopic = async (order: (topic: string) => Promise<void>): Promise<OpenDestination> => {
  const topic = await kfake.newTopic();
  await order(topic);
  return openDestination({ brokers: kfake.brokers, topic });
};

/** What really makes each of the client's errors happen. */
const provoked: Record<string, () => Promise<OpenDestination>> = {
  ECONNREFUSED: async () => at([await closedPort()]),
  ECONNRESET: () => atServer(answering((socket) => socket.resetAndDestroy())),
  ENETUNREACH: async () => at(['127.255.255.255:9092']), // The loopback's broadcast address, to which no connection leads.
  ENOTFOUND: async () => at(['nobody.invalid:9092']), // RFC 2606: no such name is ever given.
  CONNECT_TIMEOUT: () => atServer(answering(() => undefined)),
  CONNECTION_CLOSED: () => atServer(answering((socket) => socket.end())),
  ADDRESS_REFUSED: async () => at([await closedPort()], { allowPrivate: false }),
  NO_ANSWER_IN_TIME: () => orderedTopic((topic) => kfake.silence({ api: 'Produce', topic })),
  NO_ANSWER_FOR_PARTITION: () => orderedTopic((topic) => kfake.answerNothing({ api: 'Produce', topic })),
  EPROTO: () =>
    atServer(
      answering((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')),
      overTls(root.pem),
    ),
  TLS_HANDSHAKE_REFUSED: () => {
    const { pem: cert, keyPem: key } = newCertificate(root, 'broker', { ...here, rsaBits: 2_048 });
    const dheAlone = { maxVersion: 'TLSv1.2', ciphers: 'DHE-RSA-AES128-GCM-SHA256', dhparam: 'auto' } as const;
    return atServer(speakingTls({ key, cert, ...dheAlone }), overTls(root.pem));
  },
  CLIENT_CERTIFICATE_UNUSABLE: async () => {
    const { pem } = newCertificate(root, 'client');
    const { keyPem } = newCertificate(root, 'client');
    const auth = { mode: 'MTLS', tls: true, clientCertificate: pem } as const;
    return at([await closedPort()], { auth, secrets: { clientKey: keyPem } });
  },
  CLIENT_CERTIFICATE_EXPIRED: async () => {
    const { pem, keyPem } = newCertificate(root, 'client', { days: { from: -3, to: -1 } });
    const auth = { mode: 'MTLS', tls: true, clientCertificate: pem } as const;
    return at([await closedPort()], { auth, secrets: { clientKey: keyPem } });
  },
  CERT_HAS_EXPIRED: () => showing(newCertificate(root, 'broker', { ...here, days: { from: -3, to: -1 } })),
  CERT_NOT_YET_VALID: () => showing(newCertificate(root, 'broker', { ...here, days: { from: 1, to: 3 } })),
  ERR_TLS_CERT_ALTNAME_INVALID: () => showing(newCertificate(root, 'broker', { hosts: ['other.example'] })),
  INVALID_PURPOSE: () => showing(newCertificate(root, 'broker', { ...here, usage: 'client' })),
  CERT_SIGNATURE_FAILURE: () => showing(newCertificate(root, 'broker', here), newAuthority('Root')),
  DEPTH_ZERO_SELF_SIGNED_CERT: () => showing(newSelfSigned('broker', here)),
  SELF_SIGNED_CERT_IN_CHAIN: () => showing(newCertificate(root, 'broker', here), newAuthority(), [root]),
  UNABLE_TO_GET_ISSUER_CERT: () => showing(newCertificate(middle, 'broker', here), middle),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: () => showing(newCertificate(middle, 'broker', here), newAuthority(), [middle]),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: () => showing(newCertificate(root, 'broker', here), newAuthority()),
  CERTIFICATE_UNTRUSTED: () => {
    const { pem: cert, keyPem: key } = newCertificate(root, 'broker', { ...here, isWeaklySigned: true });
    return atServer(speakingTls({ key, cert, ciphers: 'DEFAULT@SECLEVEL=0' }), overTls(root.pem));
  },
  DESTINATION_PAUSED: async () => at(kfake.brokers, { paused: { since: '2026-01-15T09:30:00Z', by: 'ada' } }),
  DESTINATION_DISABLED: async () => at(kfake.brokers, { enabled: false }),
};

/** Rows that other tests are about: those below, event-log.test.ts, oauth.test.ts, auth-modes.test.ts, real-broker.test.ts and compression.test.ts. */
const elsewhere = [
  'CLIENT_CERTIFICATE_REFUSED',
  'CLIENT_CERTIFICATE_MISSING',
  ...oauthRows.map(({ name }) => name),
  'DESTINATION_UNKNOWN',
  'STORE_UNREACHABLE',
  'CREDENTIALS_UNREADABLE',
  'NOT_SENT_IN_TIME',
  'COMPRESSION_FAILED',
  'WORKER_LOST',
  'EAI_AGAIN',
];
/** Each in a process of its own; these two need a network of their own, too. */
const alone = ['EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH'] as const;
const needsNetwork = (name: (typeof alone)[number]): boolean => name !== 'EPIPE';
const hasNetwork = canHaveNetwork();
/** Of an issuer that is no authority OpenSSL says INVALID_PURPOSE: test/unit/failures.test.ts has the other name. */
const unprovoked = ['INVALID_CA'];

test("every one of the client's errors and our own is provoked here, or is said not to be", () => {
  const ofKafka = new Set(kafkaRows.map(({ name }) => name));
  const names = failureRows.map(({ name }) => name).filter((name) => !ofKafka.has(name));
  expect([...Object.keys(provoked), ...elsewhere, ...alone, ...unprovoked].sort()).toEqual(names.sort());
});

// Side by side, for some take as long as we wait for an answer.
describe.concurrent('the table says what comes of', () => {
  test.each(Object.entries(provoked))('%s, at first and when it has lasted', async (name, provoke) => {
    const destination = await provoke();
    await expectRow({ name }, (before) => produce.run(destination, block, before));
  });

  for (const name of alone) {
    test.skipIf(needsNetwork(name) && !hasNetwork)(
      `${name}, as a system really says it`,
      { timeout: 240_000 },
      async () => {
        await expectRow({ name }, () => tryAlone(name));
      },
    );
  }

  test.each([
    ['ApiVersions', 'CONNECT_TIMEOUT', withPassword],
    ['SaslAuthenticate', 'CONNECT_TIMEOUT', withPassword],
  ] as const)('a broker that never answers %s: nothing was sent', async (api, name, given) => {
    const silent = await startKfake({ login });
    const topic = await silent.newTopic();
    await silent.silence({ api });
    const destination = openDestination({ brokers: silent.brokers, topic, ...given });
    await expectRow({ name, kind: 'transient' }, (before) => produce.run(destination, block, before));
    await silent.stop();
  });

  test('a broker that hangs up in the middle of a login: that is no wrong password', async () => {
    const hangs = await startKfake({ login });
    const topic = await hangs.newTopic();
    await hangs.hangUp('before', { api: 'SaslAuthenticate' });
    const destination = openDestination({ brokers: hangs.brokers, topic, ...withPassword });
    await expectRow({ name: 'CONNECTION_CLOSED' }, (before) => produce.run(destination, block, before));
    await hangs.stop();
  });

  test('a broker that repeats the password in its refusal is not repeated', async () => {
    const [username, password] = ['causeway-user', 'c0rrect horse battery'];
    const broker = await echoingBroker(username);
    servers.push(broker);
    const destination = at([broker.address], {
      auth: { mode: 'SASL_PLAIN', tls: false, username },
      secrets: { password },
    });
    const tried: unknown[] = [await testConnection(destination, { sendTestEvent: false })];
    await expectRow({ name: 'SASL_AUTHENTICATION_FAILED', code: 58 }, async (before) => {
      const one = await produce.run(destination, block, before);
      tried.push(one);
      return one;
    });
    expect(leaksIn([traceOf('told', JSON.stringify(tried))], [{ name: 'password', value: password }])).toEqual([]);
  });

  test('a broker that wants two billion iterations of SCRAM: none is computed', async () => {
    const broker = await scramBroker(2_000_000_000);
    servers.push(broker);
    const destination = at([broker.address], {
      auth: { mode: 'SASL_SCRAM_SHA_512', tls: false, username: login.username },
      secrets: { password: login.password },
    });
    await expectRow({ name: 'SASL_AUTHENTICATION_FAILED' }, (before) => produce.run(destination, block, before));
    expect(produce.tries.at(-1)?.attempts.at(-1)?.error?.message).toContain('2000000000 iterations');
  });

  test.each(['before', 'after'] as const)(
    'a broker that hangs up %s it has written: the outcome is unknown',
    async (when) => {
      const hangs = await startKfake();
      const topic = await hangs.newTopic();
      await hangs.hangUp(when, { api: 'Produce', count: 1 });
      const destination = openDestination({ brokers: hangs.brokers, topic });
      const first = await produce.run(destination, block);
      expect([meaning(first), first.attempts[0]?.error?.kind, first.attempts[0]?.error?.name]).toEqual([
        ...['outcomeUnknown', 'outcomeUnknown', 'CONNECTION_CLOSED'],
      ]);
      const second = await produce.run(destination, block, { attempt: 2, heartbeatDetails: first.progress });
      expect(second.outcome?.landed[0]?.offsets).toEqual([when === 'before' ? 0 : 1]);
      await hangs.stop();
    },
  );
});

describe('what is our own fault', () => {
  test('a destination that the store never had stops the lane', async () => {
    const one = await produce.runFrom({ open: async () => undefined }, 'dst_unknown', block);
    expect([meaning(one), one.outcome?.suspended?.name]).toEqual(['destinationAtFault', 'DESTINATION_UNKNOWN']);
  });

  test('credentials sealed with a key that is not here, and a store that is gone, pass, with an alarm in our log', async () => {
    const own = await newDatabase();
    await migrate(own.databaseUrl);
    const storeWith = (keyId: string) =>
      openStore({ databaseUrl: own.databaseUrl, secretKeys: [{ id: keyId, key: randomBytes(32) }] });
    const [before, after] = await Promise.all([storeWith('k1'), storeWith('k2')]);
    const { id } = await before.destinations.create({ ...at(kfake.brokers, withPassword) });

    const unreadable = await produce.runFrom(after.destinations, id, block);
    expect(meaning(unreadable)).toBe('transient');
    expect(unreadable.attempts[0]?.error?.name).toBe('CREDENTIALS_UNREADABLE');
    await Promise.all([before.close(), after.close()]);
    await own.drop();
    const gone = await produce.runFrom(after.destinations, id, block);
    expect([meaning(gone), gone.attempts[0]?.error?.name]).toEqual(['transient', 'STORE_UNREACHABLE']);

    for (const name of ['CREDENTIALS_UNREADABLE', 'STORE_UNREACHABLE']) {
      const { remedy } = failureRowOf(name);
      expect(produce.logged).toContainEqual(
        expect.objectContaining({ level: 50, alarm: name, destinationId: id, remedy }),
      );
    }
    const metrics = await produce.metrics();
    expect(metrics).toContain('causeway_alarms_total{alarm="CREDENTIALS_UNREADABLE"} 1\n');
    expect(metrics).toContain('causeway_alarms_total{alarm="STORE_UNREACHABLE"} 1\n');
    expect(JSON.stringify([produce.logged, metrics])).not.toContain(login.password);
  });

  test('an attempt whose time is over in its linger has sent nothing, and says so', async () => {
    const topic = await kfake.newTopic();
    const producer = { lingerMs: 5_000, batchSizeBytes: 1_048_576, acks: 'all' } as const;
    const destination = openDestination({ brokers: kfake.brokers, topic, producer });
    const open = async () => destination;
    const one = await produce.runFrom({ open }, destination.id, blockWithKeys(['k']), { startToCloseTimeoutMs: 1_500 });
    expect([meaning(one), one.attempts[0]?.error?.name]).toEqual(['transient', 'NOT_SENT_IN_TIME']);
    const { outcome } = await produce.run(destination, block, { attempt: 2, heartbeatDetails: one.progress });
    expect(outcome?.landed[0]?.offsets).toEqual([0]);
  });

  test('a try that Temporal gave up before it had said anything is on record, its outcome unknown', async () => {
    const topic = await kfake.newTopic();
    const destination = openDestination({ brokers: kfake.brokers, topic });
    const { outcome } = await produce.runFrom({ open: async () => destination }, destination.id, block, { attempt: 2 });
    expect(outcome?.attempts).toMatchObject([
      { number: 1, outcome: 'unknown', error: { kind: 'outcomeUnknown', name: 'WORKER_LOST' } },
      { number: 2, outcome: 'delivered' },
    ]);
  });
});

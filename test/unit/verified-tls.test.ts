import type { AddressInfo } from 'node:net';
import { createServer, type TlsOptions } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BrokerConnection } from '../../activities/kafka/brokerConnection.ts';
import { connectionSettingsOf } from '../../activities/kafka/connectionSettings.ts';
import { failureIn, type NamedFailure } from '../../activities/kafka/failureNames.ts';
import { fetchToken } from '../../activities/kafka/tokenEndpoint.ts';
import { newAuthority, newCertificate } from '../../dev/servers/certificates.ts';
import { failureRowOf } from '../../domain/failures.ts';
import { plainDestination } from '../harness/plainDestination.ts';

const authority = newAuthority();
/** How a server of ours ends that was let through the handshake: it hangs up. */
const pastHandshake = /^(CONNECTION_CLOSED|ECONNRESET|EPIPE|TOKEN_ENDPOINT_UNAVAILABLE)$/;
const untrusted = /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|ERR_TLS_CERT_ALTNAME_INVALID|TOKEN_ENDPOINT_UNTRUSTED)$/;

/** What becomes of a TLS server on loopback whose certificate is for this host, where `use` says its port to somebody. */
async function withServer<T>(host: string, use: (port: number) => Promise<T>, options: TlsOptions = {}): Promise<T> {
  const { pem: cert, keyPem: key } = newCertificate(authority, 'server', { hosts: [host], rsaBits: 2_048 });
  const server = createServer({ cert, key, ...options }, (socket) =>
    socket
      .on('error', () => undefined)
      .resume()
      .end(),
  );
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await use((server.address() as AddressInfo).port);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
const failureOf = (work: Promise<unknown>): Promise<NamedFailure> =>
  work.then(() => ({ name: 'none', message: '' }), failureIn);

function brokerFailure(port: number, caCertificate?: string): Promise<NamedFailure> {
  const auth = {
    mode: 'SASL_PLAIN',
    username: 'u',
    tls: true,
    ...(caCertificate !== undefined && { caCertificate }),
  } as const;
  const destination = { ...plainDestination('d', { auth }), secrets: { password: 'p' }, allowPrivate: true };
  return failureOf(new BrokerConnection('127.0.0.1', port, connectionSettingsOf(destination), 1_000).connect());
}
const tokenFailure = (port: number, caCertificate?: string): Promise<NamedFailure> =>
  failureOf(
    fetchToken({
      ...{ endpoint: `https://127.0.0.1:${port}/token`, clientId: 'c', clientSecret: 's', allowPrivate: true },
      caCertificate,
    }),
  );

describe('though NODE_TLS_REJECT_UNAUTHORIZED=0 is set,', () => {
  const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  beforeEach(() => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  });
  afterEach(() => {
    if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
  });

  describe.each([
    ['broker', brokerFailure],
    ['token endpoint', tokenFailure],
  ])('a %s', (_, failure) => {
    test('of an unknown authority is let nothing know', async () => {
      const { name } = await withServer('127.0.0.1', (port) => failure(port));
      expect(name).toMatch(untrusted);
    });

    test('whose certificate is for another host is let nothing know', async () => {
      const { name } = await withServer('elsewhere.test', (port) => failure(port, authority.pem));
      expect(name).toMatch(untrusted);
    });

    test('with the right certificate gets past the handshake', async () => {
      const { name } = await withServer('127.0.0.1', (port) => failure(port, authority.pem));
      expect(name).toMatch(pastHandshake);
    });
  });
});

const dheAlone = { maxVersion: 'TLSv1.2', ciphers: 'DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-GCM-SHA256' } as const;

describe.each([
  ['broker', brokerFailure, 'TLS_HANDSHAKE_REFUSED'],
  ['token endpoint', tokenFailure, 'TOKEN_ENDPOINT_MALFORMED'],
] as const)('a %s', (_, failure, refused) => {
  test.each([
    ['TLS 1.2 with DHE', { ...dheAlone, dhparam: 'auto' }],
    ['the group ffdhe8192 of TLS 1.3', { minVersion: 'TLSv1.3', ecdhCurve: 'ffdhe8192' }],
  ] as const)('that takes nothing but %s is not computed for, and the error says what we offer', async (_, options) => {
    const { name, message } = await withServer('127.0.0.1', (port) => failure(port, authority.pem), options);
    expect([name, message]).toEqual([refused, expect.stringContaining('handshake failure')]);
    expect(message).toContain('TLS 1.2 with ECDHE or RSA; no DHE and no group ffdhe');
  });

  test.each([
    ['TLS 1.2 with ECDHE', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' }],
    ['TLS 1.2 with RSA, as brokers of 2010 do', { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' }],
    ['TLS 1.3 with P-384', { minVersion: 'TLSv1.3', ecdhCurve: 'P-384' }],
  ] as const)('that takes nothing but %s gets past the handshake', async (_, options) => {
    const { name } = await withServer('127.0.0.1', (port) => failure(port, authority.pem), options);
    expect(name).toMatch(pastHandshake);
  });
});

describe('a certificate that is too weak is not trusted, and the error says for what:', () => {
  test.each([
    ['signed with SHA-1', { isWeaklySigned: true }, /digest algorithm too weak/],
    ['of RSA of 512 bits', { rsaBits: 512 }, /key too weak/],
  ])('%s', async (_, weak, why) => {
    const { pem: cert, keyPem: key } = newCertificate(authority, 'server', { hosts: ['127.0.0.1'], ...weak });
    const options = {
      cert,
      key,
      ciphers: 'DEFAULT@SECLEVEL=0',
      sigalgs: 'RSA+SHA256:ECDSA+SHA256',
      maxVersion: 'TLSv1.2',
    } as const;
    const [ofBroker, ofEndpoint] = await withServer(
      '127.0.0.1',
      (port) => Promise.all([brokerFailure(port, authority.pem), tokenFailure(port, authority.pem)]),
      options,
    );
    expect([ofBroker.name, ofEndpoint.name]).toEqual(['CERTIFICATE_UNTRUSTED', 'TOKEN_ENDPOINT_UNTRUSTED']);
    for (const { message } of [ofBroker, ofEndpoint]) expect(message).toMatch(why);
    expect(failureRowOf(ofBroker.name).kind).toBe('destinationAtFault');
  });
});

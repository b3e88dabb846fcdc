import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BrokerConnection } from '../../activities/kafka/brokerConnection.ts';
import { connectionSettingsOf } from '../../activities/kafka/connectionSettings.ts';
import { failureIn } from '../../activities/kafka/failureNames.ts';
import { fetchToken } from '../../activities/kafka/tokenEndpoint.ts';
import { newAuthority, newCertificate } from '../../dev/servers/certificates.ts';
import { plainDestination } from '../harness/plainDestination.ts';

const authority = newAuthority();
const untrusted = /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|ERR_TLS_CERT_ALTNAME_INVALID|TOKEN_ENDPOINT_UNTRUSTED)$/;

/** What becomes of a TLS server on loopback whose certificate is for this host, where `use` says its port to somebody. */
async function withServer<T>(host: string, use: (port: number) => Promise<T>): Promise<T> {
  const { pem: cert, keyPem: key } = newCertificate(authority, 'server', { hosts: [host] });
  const server = createServer({ cert, key }, (socket) => socket.on('error', () => undefined).end());
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await use((server.address() as AddressInfo).port);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
const failureOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: unknown) => failureIn(error).name,
  );

function brokerFailure(port: number, caCertificate?: string): Promise<string> {
  const auth = {
    mode: 'SASL_PLAIN',
    username: 'u',
    tls: true,
    ...(caCertificate !== undefined && { caCertificate }),
  } as const;
  const destination = { ...plainDestination('d', { auth }), secrets: { password: 'p' }, allowPrivate: true };
  return failureOf(new BrokerConnection('127.0.0.1', port, connectionSettingsOf(destination), 1_000).connect());
}
const tokenFailure = (port: number, caCertificate?: string): Promise<string> =>
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
      expect(await withServer('127.0.0.1', (port) => failure(port))).toMatch(untrusted);
    });

    test('whose certificate is for another host is let nothing know', async () => {
      const name = await withServer('elsewhere.test', (port) => failure(port, authority.pem));
      expect(name).toMatch(untrusted);
    });

    test('with the right certificate gets past the handshake', async () => {
      const name = await withServer('127.0.0.1', (port) => failure(port, authority.pem));
      expect(name).toMatch(/^(CONNECTION_CLOSED|ECONNRESET|EPIPE|TOKEN_ENDPOINT_UNAVAILABLE)$/);
    });
  });
});

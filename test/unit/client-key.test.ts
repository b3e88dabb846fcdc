import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BrokerConnection } from '../../activities/kafka/brokerConnection.ts';
import { checkClientKey } from '../../activities/kafka/clientCertificate.ts';
import { connectionSettingsOf } from '../../activities/kafka/connectionSettings.ts';
import { testConnection } from '../../activities/kafka/connectionTest.ts';
import { failureIn } from '../../activities/kafka/failureNames.ts';
import { answering } from '../harness/hostileServers.ts';
import { newPrivateKeyPem } from '../harness/pem.ts';
import { plainDestination } from '../harness/plainDestination.ts';

const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).privateKey;
const pkcs8 = { type: 'pkcs8', format: 'pem' } as const;
const usual = rsa(2_048);

const ofTag = (tag: number, content: Buffer): Buffer => {
  const length = Buffer.from([0x82, content.length >> 8, content.length & 0xff]);
  return Buffer.concat([Buffer.from([tag]), content.length < 0x80 ? length.subarray(2) : length, content]);
};
const integer = (bytes: Buffer): Buffer =>
  ofTag(0x02, bytes.readUInt8(0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);

/** The usual key, but for these of its parts. */
function withParts(given: Record<string, Buffer>): string {
  const parts: Record<string, unknown> = { ...usual.export({ format: 'jwk' }) };
  const bytesOf = (name: string): Buffer => given[name] ?? Buffer.from(String(parts[name]), 'base64url');
  const integers = [Buffer.from([0]), ...['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'].map(bytesOf)].map(integer);
  const base64 = ofTag(0x30, Buffer.concat(integers)).toString('base64');
  return `-----BEGIN RSA PRIVATE KEY-----\n${base64.replaceAll(/.{64}/g, '$&\n')}\n-----END RSA PRIVATE KEY-----\n`;
}
const huge = (): Buffer => {
  const bytes = randomBytes(1_000);
  bytes[0] = 0x80;
  bytes[999] = 1;
  return bytes;
};
const hugeFactor = (): string => withParts({ q: huge(), dq: huge() });
const encrypted = (pem: string): string =>
  createPrivateKey(pem)
    .export({ ...pkcs8, cipher: 'aes-256-cbc', passphrase: 'x' })
    .toString();
const ofThreePrimes = (): string =>
  execFileSync('openssl', ['genrsa', '-primes', '3', '2048'], { stdio: 'pipe' }).toString();

test.each<[string, () => string]>([
  ['an EC key', newPrivateKeyPem],
  ['an RSA key', () => usual.export(pkcs8).toString()],
  ['an RSA key of 4,096 bits', () => rsa(4_096).export(pkcs8).toString()],
  [
    'an RSA-PSS key',
    () => generateKeyPairSync('rsa-pss', { modulusLength: 2_048 }).privateKey.export(pkcs8).toString(),
  ],
  ['one that is encrypted', () => encrypted(usual.export(pkcs8).toString())],
  ['one written part by part', () => withParts({})],
])('%s is used', (_, make) => expect(() => checkClientKey({ key: make(), passphrase: 'x' })).not.toThrow());

test.each<[string, () => string, RegExp]>([
  ['a factor', hugeFactor, /parts that are longer/],
  ['an exponent', () => withParts({ d: huge() }), /parts that are longer/],
  ['a coefficient', () => withParts({ qi: huge() }), /parts that are longer/],
  ['a factor, encrypted', () => encrypted(hugeFactor()), /parts that are longer/],
  ['a third prime', ofThreePrimes, /two primes/],
  [
    'a cheap block hiding it',
    () => `x${encrypted(newPrivateKeyPem()).replaceAll('\n', ' ')}\n${hugeFactor()}`,
    /one plain/,
  ],
])('an RSA key with %s that would keep every destination waiting is not', (_, make, why) => {
  const ssl = { key: make(), passphrase: 'x' };
  expect(() => createPrivateKey(ssl)).not.toThrow(); // OpenSSL takes it.
  expect(() => checkClientKey(ssl)).toThrow(why);
});

/** The public half of such a key is nothing special: OpenSSL finds that they fit together. */
function certificateOf(key: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-key-'));
  const path = join(folder, 'key.pem');
  writeFileSync(path, key);
  const pem = execFileSync('openssl', ['req', '-x509', '-new', '-key', path, '-subj', '/CN=c', '-days', '2'], {
    stdio: 'pipe',
  });
  rmSync(folder, { recursive: true });
  return pem.toString();
}

describe('a broker is not shown a certificate whose key would keep every destination waiting', () => {
  const clientCertificate = certificateOf(usual.export(pkcs8).toString());
  const auth = { mode: 'MTLS', tls: true, clientCertificate } as const;
  const destinationAt = (address: string) => ({
    ...plainDestination('d', { auth, brokers: [address] }),
    secrets: { clientKey: hugeFactor() },
    allowPrivate: true,
  });

  test('by a delivery', async () => {
    const broker = await answering((socket) => socket.end());
    const settings = connectionSettingsOf(destinationAt(broker.address));
    const port = Number(broker.address.split(':').at(-1));
    const error = await new BrokerConnection('127.0.0.1', port, settings, 1_000).connect().catch((met: unknown) => met);
    await broker.stop();
    expect(failureIn(error)).toMatchObject({ name: 'CLIENT_CERTIFICATE_UNUSABLE' });
  });

  test('by a connection test', async () => {
    const broker = await answering((socket) => socket.end());
    const { steps } = await testConnection(destinationAt(broker.address), { sendTestEvent: false });
    await broker.stop();
    expect(steps).toContainEqual(
      expect.objectContaining({ step: 'tls', error: expect.objectContaining({ name: 'CLIENT_CERTIFICATE_UNUSABLE' }) }),
    );
  });
});

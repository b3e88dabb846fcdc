import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BrokerConnection } from '../../activities/kafka/brokerConnection.ts';
import { withOpenedKey } from '../../activities/kafka/clientKey.ts';
import { connectionSettingsOf } from '../../activities/kafka/connectionSettings.ts';
import { testConnection } from '../../activities/kafka/connectionTest.ts';
import { failureIn } from '../../activities/kafka/failureNames.ts';
import { privateKey } from '../../api/schemas/pem.ts';
import { newAuthority, newCertificate } from '../../dev/servers/certificates.ts';
import { answering } from '../harness/hostileServers.ts';
import { newPrivateKeyPem, pemOf } from '../harness/pem.ts';
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
  return pemOf('RSA PRIVATE KEY', ofTag(0x30, Buffer.concat(integers)));
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

const openssl = (input: string | Buffer, ...options: string[]): string =>
  execFileSync('openssl', options, { input, stdio: 'pipe' }).toString();
const ofCurve = (...options: string[]): string => openssl('', 'ecparam', '-genkey', '-noout', ...options);
const asPkcs8 = (pem: string): string => openssl(pem, 'pkcs8', '-topk8', '-nocrypt');
const edKey = (type: 'ed25519' | 'ed448'): string => {
  const { privateKey } = type === 'ed25519' ? generateKeyPairSync(type) : generateKeyPairSync('ed448');
  return privateKey.export(pkcs8).toString();
};
const encryptedBy = (...options: string[]): string =>
  openssl(newPrivateKeyPem(), 'pkcs8', '-topk8', '-passout', 'pass:x', ...options);
const legacy = (...options: string[]): string => openssl(newPrivateKeyPem(), 'ec', '-passout', 'pass:x', ...options);

test.each<[string, () => string]>([
  ['an EC key', newPrivateKeyPem],
  ['an EC key of its own form', () => ofCurve('-name', 'secp521r1')],
  ['an EC key after its parameters', () => openssl('', 'ecparam', '-genkey', '-name', 'P-384')],
  ['an EC key on the longest of the named curves', () => asPkcs8(ofCurve('-name', 'sect571r1'))],
  ['an RSA key', () => usual.export(pkcs8).toString()],
  ['an RSA key of 4,096 bits', () => rsa(4_096).export(pkcs8).toString()],
  [
    'an RSA-PSS key',
    () => generateKeyPairSync('rsa-pss', { modulusLength: 2_048 }).privateKey.export(pkcs8).toString(),
  ],
  ['an Ed25519 key', () => edKey('ed25519')],
  ['an Ed448 key', () => edKey('ed448')],
  ['one that is encrypted', () => encrypted(usual.export(pkcs8).toString())],
  ['one written part by part', () => withParts({})],
  ...['hmacWithSHA1', 'hmacWithSHA224', 'hmacWithSHA256', 'hmacWithSHA384', 'hmacWithSHA512'].map(
    (hash): [string, () => string] => [`one encrypted with ${hash}`, () => encryptedBy('-v2prf', hash)],
  ),
  ...['aes-128-cbc', 'aes-192-cbc', 'aes-256-cbc', 'des3'].map((cipher): [string, () => string] => [
    `one encrypted with ${cipher}`,
    () => encryptedBy('-v2', cipher),
  ]),
  ['one encrypted with scrypt', () => encryptedBy('-scrypt')],
  ...['-aes128', '-aes192', '-aes256', '-des3'].map((cipher): [string, () => string] => [
    `one encrypted with ${cipher} as openssl did it before PKCS #8`,
    () => legacy(cipher),
  ]),
])('%s is used, and is the same key', (_, make) => {
  const ssl = { key: make(), passphrase: 'x' };
  const { key } = withOpenedKey(ssl);
  expect(createPrivateKey(String(key)).export(pkcs8)).toBe(createPrivateKey(ssl).export(pkcs8));
});

test.each<[string, () => string, string | undefined]>([
  ['a wrong one', encryptedBy, 'y'],
  ['a wrong one, as openssl did it before PKCS #8', () => legacy('-aes128'), 'y'],
  ['none', encryptedBy, undefined],
])('an encrypted key with %s for a pass phrase is not used, and says so', (_, make, passphrase) => {
  const ssl = { key: make(), ...(passphrase !== undefined && { passphrase }) };
  expect(() => withOpenedKey(ssl)).toThrow(/clientKeyPassphrase|no private key in DER/);
});

const thrownBy = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return error;
  }
};

test('a key that does not open is decrypted once for all brokers of a destination, not for each', () => {
  const ssl = { key: encryptedBy(), passphrase: 'y' };
  const first = thrownBy(() => withOpenedKey(ssl));
  expect(first).toBeInstanceOf(Error);
  expect(thrownBy(() => withOpenedKey(ssl))).toBe(first);
});

test('a key encrypted before PKCS #8 is used with its IV in small letters, as Go writes it', () => {
  const key = legacy('-aes128').replace(/(?<=DEK-Info: [A-Z0-9-]+,)[0-9A-F]+/, (iv) => iv.toLowerCase());
  expect(key).toMatch(/DEK-Info: AES-128-CBC,[0-9a-f]{32}\n/);
  expect(createPrivateKey(String(withOpenedKey({ key, passphrase: 'x' }).key)).asymmetricKeyType).toBe('ec');
});

const objectId = (hex: string): Buffer => ofTag(0x06, Buffer.from(hex, 'hex'));
const pkcs8Of = (algorithm: Buffer[], key: Buffer): Buffer =>
  ofTag(0x30, Buffer.concat([integer(Buffer.from([0])), ofTag(0x30, Buffer.concat(algorithm)), ofTag(0x04, key)]));
const ofDer = (der: Buffer, label = 'PRIVATE KEY'): string => pemOf(label, der);
const odd = (bytes: number): Buffer => {
  const number = randomBytes(bytes);
  number.writeUInt8(number.readUInt8(0) | 0x80);
  number.writeUInt8(number.readUInt8(bytes - 1) | 1, bytes - 1);
  return number;
};
/** To read either, OpenSSL computes g^x mod p. */
const dsa = (): Buffer => {
  const numbers = Buffer.concat([odd(1_250), odd(1_000), odd(1_249)].map(integer));
  return pkcs8Of([objectId('2a8648ce380401'), ofTag(0x30, numbers)], integer(odd(999)));
};
const diffieHellman = (): Buffer => {
  const numbers = Buffer.concat([odd(1_250), Buffer.from([2])].map(integer));
  return pkcs8Of([objectId('2a864886f70d010301'), ofTag(0x30, numbers)], integer(odd(1_240)));
};
const encryptedDer = (der: Buffer): string =>
  openssl(ofDer(der), 'pkcs8', '-topk8', '-passout', 'pass:x', '-iter', '2048');
const explicit = ['-name', 'P-256', '-param_enc', 'explicit'] as const;
const tooLong = (): string =>
  ofDer(
    pkcs8Of(
      [objectId('2a8648ce3d0201'), objectId('2a8648ce3d030107')],
      ofTag(0x30, Buffer.concat([integer(Buffer.from([1])), ofTag(0x04, randomBytes(20_000))])),
    ),
  );
/** Its curve is named around it, and spelt out within. */
const explicitWithin = (): string => {
  const [, base64 = ''] = /-----\n([^-]+)-----END/.exec(ofCurve(...explicit)) ?? [];
  return ofDer(pkcs8Of([objectId('2a8648ce3d0201'), objectId('2a8648ce3d030107')], Buffer.from(base64, 'base64')));
};

describe('a key that OpenSSL would compute with to read it, or that we do not know, is never given to it', () => {
  test.each<[string, () => string, RegExp]>([
    ['of DSA', () => ofDer(dsa()), /key of DSA/],
    ['of DSA, encrypted', () => encryptedDer(dsa()), /key of DSA/],
    ['of DSA, by its own label', () => ofDer(dsa(), 'DSA PRIVATE KEY'), /key of DSA/],
    ['of DSA, labelled as RSA', () => ofDer(dsa(), 'RSA PRIVATE KEY'), /no private key in DER/],
    ['of DSA, labelled as EC', () => ofDer(dsa(), 'EC PRIVATE KEY'), /no private key in DER/],
    ['of Diffie-Hellman', () => ofDer(diffieHellman()), /key of Diffie-Hellman/],
    ['of Diffie-Hellman, encrypted', () => encryptedDer(diffieHellman()), /key of Diffie-Hellman/],
    ['of X25519', () => generateKeyPairSync('x25519').privateKey.export(pkcs8).toString(), /key of X25519/],
    ['of an unknown algorithm', () => ofDer(pkcs8Of([objectId('2a03')], Buffer.alloc(1))), /do not know/],
    ['on a curve that is spelt out', () => ofCurve(...explicit), /spelt out/],
    ['on a curve that is spelt out, in PKCS #8', () => asPkcs8(ofCurve(...explicit)), /spelt out/],
    ['on a curve that is spelt out within', explicitWithin, /spelt out/],
    ['of EC, of 20,000 bytes', tooLong, /no private key in DER/],
    ['with something behind it', () => ofDer(Buffer.concat([dsa(), dsa()])), /no private key in DER/],
  ])('%s', (_, make, why) => {
    const key = make();
    const before = process.cpuUsage();
    expect(() => withOpenedKey({ key, passphrase: 'x' })).toThrow(why);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(100); // In ms. To open the costly ones takes OpenSSL more.
    const isEncrypted = key.includes('ENCRYPTED');
    expect(privateKey().safeParse(key).success).toBe(isEncrypted); // What is in an encrypted one, nobody sees as it is sent.
  });
});

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
  expect(() => withOpenedKey(ssl)).toThrow(why);
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

describe("a client certificate that is too weak is told as our own fault, not as the broker's:", () => {
  const authority = newAuthority();
  test.each([
    ['of RSA of 512 bits', { rsaBits: 512 }, 'key too small'],
    ['signed with SHA-1', { isWeaklySigned: true }, 'md too weak'],
  ])('%s, to a delivery and a connection test', async (_, weak, why) => {
    const { pem: clientCertificate, keyPem: clientKey } = newCertificate(authority, 'client', weak);
    const broker = await answering((socket) => socket.end());
    const auth = { mode: 'MTLS', tls: true, clientCertificate } as const;
    const destination = {
      ...plainDestination('d', { auth, brokers: [broker.address] }),
      ...{ secrets: { clientKey }, allowPrivate: true },
    };
    const port = Number(broker.address.split(':').at(-1));
    const connection = new BrokerConnection('127.0.0.1', port, connectionSettingsOf(destination), 1_000);
    const met = failureIn(await connection.connect().catch((error: unknown) => error));
    const { steps } = await testConnection(destination, { sendTestEvent: false });
    await broker.stop();
    expect(met).toMatchObject({ name: 'CLIENT_CERTIFICATE_UNUSABLE', message: expect.stringContaining(why) });
    expect(steps.find(({ step }) => step === 'tls')?.error).toMatchObject({ name: 'CLIENT_CERTIFICATE_UNUSABLE' });
  });
});

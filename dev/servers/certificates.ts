/** Certificates for servers of our own, made on the spot: X.509 version 3 (RFC 5280), signed with ECDSA on P-256 and SHA-256, unless they are to be weak. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';

export type Certificate = { pem: string; keyPem: string };
/** A certificate that others may be signed with. */
export type Authority = Certificate & { name: string; key: KeyObject };

export type CertificateWish = {
  /** DNS names and IPv4 addresses that it is good for. */
  hosts?: readonly string[];
  /** When it begins and ends, in days from now. */
  days?: { from: number; to: number };
  usage?: 'server' | 'client';
  /** Its own key is on P-256, unless it is to be RSA. */
  rsaBits?: number;
  /** Whether it is signed with SHA-1, which OpenSSL takes for too weak. */
  isWeaklySigned?: boolean;
};

type Subject = CertificateWish & { name: string; isAuthority: boolean };

const dayMs = 24 * 60 * 60 * 1_000;

/** A certificate authority that nobody knows yet. */
export function newAuthority(
  name = `Test CA ${randomBytes(4).toString('hex')}`,
  wish: Pick<CertificateWish, 'days'> = {},
): Authority {
  const { privateKey, publicKey } = newKeys();
  const pem = signed({ name, isAuthority: true, ...wish }, publicKey, { name, key: privateKey });
  return { name, key: privateKey, pem, keyPem: pemOf(privateKey) };
}

/** A certificate signed by this authority, under this common name. */
export function newCertificate(authority: Pick<Authority, 'name' | 'key'>, name: string, wish: CertificateWish = {}) {
  const { privateKey, publicKey } =
    wish.rsaBits !== undefined ? generateKeyPairSync('rsa', { modulusLength: wish.rsaBits }) : newKeys();
  const pem = signed({ name, isAuthority: false, ...wish }, publicKey, authority);
  return { pem, keyPem: pemOf(privateKey) } satisfies Certificate;
}

/** An authority below this one. */
export function newIntermediate(
  authority: Pick<Authority, 'name' | 'key'>,
  name: string,
  isAuthority = true,
): Authority {
  const { privateKey, publicKey } = newKeys();
  const pem = signed({ name, isAuthority }, publicKey, authority);
  return { name, key: privateKey, pem, keyPem: pemOf(privateKey) };
}

/** A certificate signed with its own key. */
export function newSelfSigned(name: string, wish: CertificateWish = {}): Certificate {
  const { privateKey, publicKey } = newKeys();
  const pem = signed({ name, isAuthority: false, ...wish }, publicKey, { name, key: privateKey });
  return { pem, keyPem: pemOf(privateKey) };
}

const newKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

function signed(subject: Subject, publicKey: KeyObject, issuer: { name: string; key: KeyObject }): string {
  const { from, to } = subject.days ?? { from: -1, to: 30 };
  const keyInfo = publicKey.export({ type: 'spki', format: 'der' });
  const { hash, algorithm } = subject.isWeaklySigned === true ? withSha1 : withSha256;
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    nameOf(issuer.name),
    sequence(time(from), time(to)),
    nameOf(subject.name),
    keyInfo,
    tagged(0xa3, sequence(...extensionsOf(subject, keyInfo))),
  );
  const der = sequence(body, algorithm, bits(sign(hash, body, issuer.key)));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

/** No authority key identifier: issuers are found by their name, so a test can have two of one name. */
function extensionsOf({ isAuthority, hosts = [], usage }: Subject, keyInfo: Buffer): Buffer[] {
  const extension = (id: string, value: Buffer, isCritical = false): Buffer =>
    sequence(objectId(id), ...(isCritical ? [truth] : []), tagged(0x04, value));
  const identifier = createHash('sha1').update(keyInfo).digest();
  const names = hosts.map((host) =>
    isIP(host) === 4 ? tagged(0x87, Buffer.from(host.split('.').map(Number))) : tagged(0x82, Buffer.from(host)),
  );
  return [
    extension('2.5.29.19', sequence(...(isAuthority ? [truth] : [])), true),
    extension('2.5.29.14', tagged(0x04, identifier)),
    ...(names.length > 0 ? [extension('2.5.29.17', sequence(...names))] : []),
    ...(usage ? [extension('2.5.29.37', sequence(objectId(`1.3.6.1.5.5.7.3.${usage === 'server' ? 1 : 2}`)))] : []),
  ];
}

/** DER: tag, length, value. */
function tagged(tag: number, value: Buffer): Buffer {
  const { length } = value;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), value]);
  const bytes = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...bytes]), value]);
}
const sequence = (...parts: Buffer[]): Buffer => tagged(0x30, Buffer.concat(parts));
const integer = (bytes: Buffer): Buffer => tagged(0x02, bytes);
const bits = (bytes: Buffer): Buffer => tagged(0x03, Buffer.concat([Buffer.from([0]), bytes]));
const truth = tagged(0x01, Buffer.from([0xff]));

function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const digits = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return tagged(0x06, Buffer.from(bytes));
}
const withSha256 = { hash: 'sha256', algorithm: sequence(objectId('1.2.840.10045.4.3.2')) };
const withSha1 = { hash: 'sha1', algorithm: sequence(objectId('1.2.840.10045.4.1')) };
const nameOf = (commonName: string): Buffer =>
  sequence(tagged(0x31, sequence(objectId('2.5.4.3'), tagged(0x0c, Buffer.from(commonName)))));
/** UTCTime: two digits of the year. */
function time(daysFromNow: number): Buffer {
  const iso = new Date(Date.now() + daysFromNow * dayMs).toISOString();
  return tagged(0x17, Buffer.from(`${iso.slice(2, 19).replace(/[-:T]/g, '')}Z`));
}

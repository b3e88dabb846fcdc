import { generateKeyPairSync, X509Certificate } from 'node:crypto';

/** A certificate signed by itself, for checks of form. Nobody has kept its key. */
export const certificatePem = `-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUI3u48BgypBVXchvDMxeTW9/Pm/UwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjQyMTUzMzhaGA8yMTI2MTAzMTIxNTMz
OFowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABB+X
8lLwLS00Zy1wJP2uaCBc7WqfYNiEAfag3Ii+8VstteNkyokJuTW1sdWFxCMGUzfu
pR0it49mlDA9UMQg79yjUzBRMB0GA1UdDgQWBBQYdv550Vvasc1onlPtD0+7vPYU
0TAfBgNVHSMEGDAWgBQYdv550Vvasc1onlPtD0+7vPYU0TAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIA7cBGLtSr+QLw+P7Ge6q0iyJqCL6Rxs48Yq
wku8zajVAiEA/7IyLhgP037JAdLybCFSsCb8zjNMG0yBxLeYbYnJg3c=
-----END CERTIFICATE-----
`;

/** These bytes as PEM. No line is empty, as where 64 signs fill the last one: OpenSSL reads no PEM with such a line. */
export const pemOf = (label: string, der: Buffer): string => {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
};

/** A new private key. */
export const newPrivateKeyPem = (): string =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** A certificate that OpenSSL reads, of a public key that it does not: of no algorithm that there is, or a point that is on no curve. */
export const unreadKeyPems = (): Record<'algorithm' | 'point', string> => {
  const der = new X509Certificate(certificatePem).raw;
  const altered = (mark: string, at: number): string => {
    const bytes = Buffer.from(der);
    const offset = bytes.indexOf(Buffer.from(mark, 'hex')) + at;
    bytes.writeUInt8(bytes.readUInt8(offset) ^ 1, offset);
    return pemOf('CERTIFICATE', bytes);
  };
  return { algorithm: altered('2a8648ce3d0201', 6), point: altered('03420004', 10) };
};

import { generateKeyPairSync } from 'node:crypto';

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

/** A new private key. */
export const newPrivateKeyPem = (): string =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

import type { ConnectionOptions } from 'node:tls';
import type { Mechanism } from 'kafkajs';
import type { OpenDestination } from '../../domain/destination.ts';
import type { AllowPrivate } from '../../domain/privateNetworks.ts';
import { saslOf } from './sasl.ts';
import { verifiedTls } from './verifiedTls.ts';

export type ConnectionSettings = {
  clientId: string;
  ssl: ConnectionOptions | undefined;
  sasl: Mechanism | undefined;
  /** Whether it may lead to this machine and to private networks. */
  allowPrivate: AllowPrivate;
};

/** How a destination's brokers are connected to. */
export function connectionSettingsOf(destination: OpenDestination): ConnectionSettings {
  const { auth, secrets, allowPrivate } = destination;
  const ssl: ConnectionOptions | undefined = auth.tls
    ? {
        ...verifiedTls,
        ...(auth.caCertificate !== undefined && { ca: auth.caCertificate }),
        ...(auth.mode === 'MTLS' && {
          cert: auth.clientCertificate,
          key: secrets.clientKey,
          passphrase: secrets.clientKeyPassphrase,
        }),
      }
    : undefined;
  return { clientId: 'causeway', ssl, sasl: saslOf(destination), allowPrivate };
}

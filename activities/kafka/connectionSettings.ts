import type { ConnectionOptions } from 'node:tls';
import type { SASLOptions } from 'kafkajs';
import type { OpenDestination } from '../../domain/destination.ts';
import { NamedError } from './failureNames.ts';

export type ConnectionSettings = {
  clientId: string;
  ssl: ConnectionOptions | undefined;
  sasl: SASLOptions | undefined;
};

/** How a destination's brokers are connected to. Throws `AUTH_MODE_UNSUPPORTED`. */
export function connectionSettingsOf({ auth, secrets }: OpenDestination): ConnectionSettings {
  const ssl: ConnectionOptions | undefined = auth.tls
    ? {
        ...(auth.caCertificate !== undefined && { ca: auth.caCertificate }),
        ...(auth.mode === 'MTLS' && {
          cert: auth.clientCertificate,
          key: secrets.clientKey,
          passphrase: secrets.clientKeyPassphrase,
        }),
      }
    : undefined;
  return { clientId: 'causeway', ssl, sasl: saslOf(auth, secrets) };
}

function saslOf(auth: OpenDestination['auth'], secrets: OpenDestination['secrets']): SASLOptions | undefined {
  const login = { username: auth.username ?? '', password: secrets.password ?? '' };
  switch (auth.mode) {
    case 'NONE':
    case 'MTLS':
      return undefined;
    case 'SASL_PLAIN':
      return { mechanism: 'plain', ...login };
    case 'SASL_SCRAM_SHA_256':
      return { mechanism: 'scram-sha-256', ...login };
    case 'SASL_SCRAM_SHA_512':
      return { mechanism: 'scram-sha-512', ...login };
    case 'SASL_OAUTHBEARER':
      throw new NamedError({ name: 'AUTH_MODE_UNSUPPORTED', message: `${auth.mode} can't be used yet.` });
  }
}

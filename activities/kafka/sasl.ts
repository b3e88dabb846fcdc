import type { AuthenticationProviderArgs, Mechanism, SASLOptions } from 'kafkajs';
import plain from 'kafkajs/src/broker/saslAuthenticator/plain.js';
import scram256 from 'kafkajs/src/broker/saslAuthenticator/scram256.js';
import scram512 from 'kafkajs/src/broker/saslAuthenticator/scram512.js';
import type { OpenDestination } from '../../domain/destination.ts';
import { NamedError } from './failureNames.ts';

export type Login = { username: string; password: string };
type Provider = (login: Login) => Mechanism['authenticationProvider'];

/** How a destination's brokers are told who we are. Throws `AUTH_MODE_UNSUPPORTED`. */
export function saslOf({ auth, secrets }: Pick<OpenDestination, 'auth' | 'secrets'>): Mechanism | undefined {
  const login = { username: auth.username ?? '', password: secrets.password ?? '' };
  switch (auth.mode) {
    case 'NONE':
    case 'MTLS':
      return undefined;
    case 'SASL_PLAIN':
      return truthful('plain', plain, login);
    case 'SASL_SCRAM_SHA_256':
      return truthful('scram-sha-256', scram256, login);
    case 'SASL_SCRAM_SHA_512':
      return truthful('scram-sha-512', scram512, login);
    case 'SASL_OAUTHBEARER':
      throw new NamedError({ name: 'AUTH_MODE_UNSUPPORTED', message: `${auth.mode} can't be used yet.` });
  }
}

/**
 * kafkajs calls whatever goes wrong on the way a failed authentication: a broker that dies in the middle of it would come to be
 * the password's fault. Here what the exchange itself met is told.
 */
const truthful = (mechanism: SASLOptions['mechanism'], provider: Provider, login: Login): Mechanism => ({
  mechanism,
  authenticationProvider: (args) => {
    let met: unknown;
    const saslAuthenticate: AuthenticationProviderArgs['saslAuthenticate'] = (exchange) =>
      args.saslAuthenticate(exchange).catch((error: unknown) => {
        met = error;
        throw error;
      });
    const { authenticate } = provider(login)({ ...args, saslAuthenticate });
    return {
      authenticate: () =>
        authenticate().catch((error: unknown) => {
          throw met ?? error;
        }),
    };
  },
});

import type { AuthenticationProviderArgs, Mechanism, SASLOptions } from 'kafkajs';
import plain from 'kafkajs/src/broker/saslAuthenticator/plain.js';
import scram256 from 'kafkajs/src/broker/saslAuthenticator/scram256.js';
import scram512 from 'kafkajs/src/broker/saslAuthenticator/scram512.js';
import type { OpenDestination } from '../../domain/destination.ts';
import { AccessTokens } from './accessTokens.ts';
import { failureIn, NamedError } from './failureNames.ts';
import { oauthBearer } from './oauthBearer.ts';
import { fetchToken, type TokenClient } from './tokenEndpoint.ts';

export type Login = { username: string; password: string };
type Provider = (login: Login) => Mechanism['authenticationProvider'];

type Client = Pick<OpenDestination, 'auth' | 'secrets' | 'allowPrivate'>;

/** How a destination's brokers are told who we are. One for all connections that are to share an access token. */
export function saslOf({ auth, secrets, allowPrivate }: Client): Mechanism | undefined {
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
      return oauthBearer(new AccessTokens(() => fetchToken(tokenClientOf({ auth, secrets, allowPrivate }))));
  }
}

export const tokenClientOf = ({ auth, secrets, allowPrivate }: Client): TokenClient => ({
  endpoint: auth.tokenEndpoint ?? '',
  clientId: auth.clientId ?? '',
  clientSecret: secrets.clientSecret ?? '',
  scope: auth.scope,
  audience: auth.audience,
  caCertificate: auth.tokenEndpointCaCertificate,
  allowPrivate,
});

const refusedLogin = 58;

/** Without the broker's own words: they may repeat what it was sent, and with PLAIN that is the password. */
function guarded(error: unknown, mechanism: string): unknown {
  const { name, code } = failureIn(error);
  if (code === refusedLogin)
    return new NamedError({ name, code, message: `The broker refused the user or the password (${mechanism}).` });
  if (name !== 'SASL_AUTHENTICATION_FAILED' || error instanceof NamedError) return error;
  const message = `The broker ended the exchange, or did not show that it knows the password (${mechanism}).`;
  return new NamedError({ name, message });
}

/** Kafka's own brokers take 16,384 at the most; so many are computed in a tenth of a second. */
const iterationsMax = 100_000;

/**
 * How often SCRAM's hash is iterated is for the broker to say. kafkajs knows no bound: a hostile one would keep a thread of the process, of
 * the four that it has for all destinations' names and hashes, busy for an hour.
 */
function inBounds<Answer>(answer: Answer): Answer {
  if (typeof answer !== 'object' || answer === null || !('i' in answer)) return answer;
  const iterations = Number.parseInt(String(answer.i), 10);
  if (iterations <= iterationsMax) return answer;
  const message = `The broker wants ${iterations} iterations of SCRAM, of which we compute ${iterationsMax} at the most.`;
  throw new NamedError({ name: 'SASL_AUTHENTICATION_FAILED', message });
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
      args
        .saslAuthenticate(exchange)
        .then(inBounds)
        .catch((error: unknown) => {
          met = error;
          throw error;
        });
    const { authenticate } = provider(login)({ ...args, saslAuthenticate });
    return {
      authenticate: () =>
        authenticate().catch((error: unknown) => {
          throw guarded(met ?? error, mechanism);
        }),
    };
  },
});

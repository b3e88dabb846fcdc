import { type SASLOptions, saslOAuthBearer, saslPlain, saslScramSha } from '@platformatic/kafka';
import { AccessTokens } from '../../activities/kafka/accessTokens.ts';
import { NamedError } from '../../activities/kafka/failureNames.ts';
import { tokenClientOf } from '../../activities/kafka/sasl.ts';
import { fetchToken } from '../../activities/kafka/tokenEndpoint.ts';
import type { OpenDestination } from '../../domain/destination.ts';

/** When who we are must be shown again, in ms of `performance.now()`. */
export type Session = { renewAtMs: number };

const iterationsMax = 100_000;
const renewAtShare = 0.7;

const boundedCrypto: NonNullable<Parameters<typeof saslScramSha.authenticate>[5]> = {
  ...saslScramSha.defaultCrypto,
  hi: (definition, password, salt, iterations) => {
    if (iterations <= iterationsMax) return saslScramSha.hi(definition, password, salt, iterations);
    const message = `The broker wants ${iterations} iterations of SCRAM, of which we compute ${iterationsMax} at the most.`;
    throw new NamedError({ name: 'SASL_AUTHENTICATION_FAILED', message });
  },
};

/** A broker says no to a token with an answer that has no error code (RFC 7628, section 3.2.2). */
const refusedToken = (told: Buffer): NamedError | undefined =>
  told.length === 0
    ? undefined
    : new NamedError({ name: 'TOKEN_REFUSED', message: 'The broker does not take our token.' });

/** How a destination's brokers are told who we are; undefined where they are not told by SASL. */
export function saslFor(destination: OpenDestination): ((session: Session) => SASLOptions) | undefined {
  const { auth, secrets, allowPrivate } = destination;
  const { mode } = auth;
  if (mode === 'NONE' || mode === 'MTLS') return undefined;
  const mechanism = mechanisms[mode];
  const tokens = new AccessTokens(() => fetchToken(tokenClientOf({ auth, secrets, allowPrivate })));
  return (session) => ({
    mechanism,
    username: auth.username ?? '',
    password: secrets.password ?? '',
    token: () => tokens.current(),
    // Its own timer renews a session while requests are on their way, and a broker closes the connection for that: we do it between two.
    authenticate: (_mechanism, connection, api, username, password, token, callback) => {
      const done: typeof callback = (error, response) => {
        if (error || !response) return callback(error, response);
        const refused = mechanism === 'OAUTHBEARER' ? refusedToken(response.authBytes) : undefined;
        if (refused) return callback(refused, response);
        const lifeMs = Number(response.sessionLifetimeMs);
        session.renewAtMs = lifeMs > 0 ? performance.now() + lifeMs * renewAtShare : Number.POSITIVE_INFINITY;
        callback(null, { ...response, sessionLifetimeMs: 0n });
      };
      if (mechanism === 'PLAIN') saslPlain.authenticate(api, connection, username ?? '', password ?? '', done);
      else if (mechanism === 'OAUTHBEARER') saslOAuthBearer.authenticate(api, connection, token ?? '', {}, done);
      else {
        const algorithm = mechanism === 'SCRAM-SHA-256' ? 'SHA-256' : 'SHA-512';
        saslScramSha.authenticate(api, connection, algorithm, username ?? '', password ?? '', boundedCrypto, done);
      }
    },
  });
}

const mechanisms = {
  SASL_PLAIN: 'PLAIN',
  SASL_SCRAM_SHA_256: 'SCRAM-SHA-256',
  SASL_SCRAM_SHA_512: 'SCRAM-SHA-512',
  SASL_OAUTHBEARER: 'OAUTHBEARER',
} as const;

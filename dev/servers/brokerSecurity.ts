/** What a Kafka broker of ours is told about who may come in, and how: lines of server.properties, without a listener's prefix. */
import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { pathToFileURL } from 'node:url';

export type Lines = Readonly<Record<string, string>>;
export type KafkaUser = { username: string; password: string };
export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-512';

/** What tokens must be made for. */
export const tokenAudience = 'kafka';

const security = 'org.apache.kafka.common.security';

/** ACLs count. Who comes to the listener without security may do everything, the broker itself too, and so may those named. */
export const authorizer = (...superUsers: readonly string[]): Lines => ({
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': ['User:ANONYMOUS', ...superUsers].join(';'),
});

/** A listener's certificate: a PEM file with its key and itself. */
export const withCertificate = (pemFile: string): Lines => ({
  'ssl.keystore.type': 'PEM',
  'ssl.keystore.location': pemFile,
});

/** Clients must show a certificate of an authority in this PEM file. */
export const withClientCertificates = (trustedFile: string): Lines => ({
  'ssl.truststore.type': 'PEM',
  'ssl.truststore.location': trustedFile,
  'ssl.client.auth': 'required',
});

export type SaslWays = {
  /** Let in by PLAIN. */
  plain?: readonly KafkaUser[];
  /** For these their users are added beside: when the broker's folder is formatted, or later. */
  scram?: readonly ScramMechanism[];
  /** Where the public keys lie with which tokens are signed, as a file. */
  bearerKeysFile?: string;
};

/** The SASL mechanisms of a listener. */
export function withSasl({ plain, scram = [], bearerKeysFile }: SaslWays): Lines {
  const users = plain?.map(({ username, password }) => `user_${username}="${password}"`).join(' ');
  return {
    'sasl.enabled.mechanisms': [plain && 'PLAIN', ...scram, bearerKeysFile && 'OAUTHBEARER'].filter(Boolean).join(),
    ...(users !== undefined && {
      'plain.sasl.jaas.config': `${security}.plain.PlainLoginModule required ${users};`,
    }),
    ...Object.fromEntries(
      scram.map((name) => [`${name.toLowerCase()}.sasl.jaas.config`, `${security}.scram.ScramLoginModule required;`]),
    ),
    ...(bearerKeysFile !== undefined && bearerLines(bearerKeysFile)),
  };
}

/** Kafka's own check of signed tokens. */
const bearerLines = (keysFile: string): Lines => ({
  'oauthbearer.sasl.jaas.config': `${security}.oauthbearer.OAuthBearerLoginModule required;`,
  'oauthbearer.sasl.server.callback.handler.class': `${security}.oauthbearer.OAuthBearerValidatorCallbackHandler`,
  // By default Kafka 4.1 checks no signature, end or audience here.
  'sasl.oauthbearer.jwt.validator.class': `${security}.oauthbearer.BrokerJwtValidator`,
  'sasl.oauthbearer.jwks.endpoint.url': pathToFileURL(keysFile).href,
  'sasl.oauthbearer.expected.audience': tokenAudience,
});

/** Kafka reads keys only from addresses that its Java machine is told of. */
export const bearerJavaArgs = (keysFile: string): string[] => [
  `-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${pathToFileURL(keysFile).href}`,
];

/** With the prefix that makes them this listener's. */
export const ofListener = (name: string, ...lines: readonly Lines[]): Lines =>
  Object.fromEntries(
    lines.flatMap((some) =>
      Object.entries(some).map(([key, value]) => [`listener.name.${name.toLowerCase()}.${key}`, value]),
    ),
  );

/** For the format tool: users who are there from the beginning. */
export const scramUsers = (mechanism: ScramMechanism, users: readonly KafkaUser[]): string[] =>
  users.flatMap(({ username, password }) => ['--add-scram', `${mechanism}=[name=${username},password=${password}]`]);

const keyNames = { kid: 'causeway', alg: 'ES256', use: 'sig' };

/** The private key of a token server. */
export const newTokenKey = (): JsonWebKey => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
  ...keyNames,
});

/** Its public part, as the broker reads it from a file. */
export const publicKeysOf = ({ d: _, ...publicKey }: JsonWebKey): string => JSON.stringify({ keys: [publicKey] });

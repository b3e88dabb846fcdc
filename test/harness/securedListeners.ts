/** A Kafka as customers have it: ways in over TLS, with passwords and client certificates, and an authorizer behind them. */
import { generateKeyPairSync, type JsonWebKey, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { KafkaOptions } from '../../dev/servers/kafka.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { type Certificate, newAuthority, newCertificate } from './certificates.ts';

/** What tests know of it. Each name of a way in is a listener's. */
export type SecuredKafka = {
  /** Not secured: who comes here may do anything. */
  plain: string;
  /** SASL over TLS: PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512. */
  secured: string;
  /** The same, with a certificate that has expired. */
  expired: string;
  /** TLS, with client certificates. */
  mutual: string;
  /** SASL OAUTHBEARER over TLS, for tokens that are signed with `tokenKey`. */
  oauth: string;
  tokenKey: JsonWebKey;
  /** Signed the brokers' certificates and the client's. */
  caCertificate: string;
  username: string;
  password: string;
  /** Of the principal `User:CN=causeway`. */
  client: Certificate;
  /** For tests that change credentials: principals of their own, `User:first` and `User:CN=first`, and the same with `next`. */
  rotation: { first: Credentials; next: Credentials };
};
type Credentials = { username: string; password: string; client: Certificate };

export const tokenAudience = 'kafka';

const dn = (name: string): string => `CN=${name}`;
export const principals = { user: 'User:causeway', client: `User:${dn('causeway')}` } as const;

/** What a broker is started with to be one, and what it is then. `dir` gets its keys and certificates. */
export async function secured(dir: string): Promise<{
  options: Pick<KafkaOptions, 'listeners' | 'properties' | 'formatArgs' | 'javaArgs'>;
  of(plain: string): SecuredKafka;
}> {
  const authority = newAuthority();
  const here = { hosts: ['127.0.0.1'] };
  const broker = newCertificate(authority, 'broker', here);
  const late = newCertificate(authority, 'broker', { ...here, days: { from: -3, to: -1 } });
  const client = newCertificate(authority, 'causeway');
  const username = 'causeway';
  const password = randomBytes(12).toString('base64url');
  const credentials = (name: string): Credentials => ({
    ...{ username: name, password: randomBytes(12).toString('base64url') },
    client: newCertificate(authority, name),
  });
  const rotation = { first: credentials('first'), next: credentials('next') };
  const users = [{ username, password }, rotation.first, rotation.next];
  const ports = {
    ...{ secured: await freePort(), expired: await freePort() },
    ...{ mutual: await freePort(), oauth: await freePort() },
  };
  await mkdir(dir, { recursive: true });
  const files = { broker: join(dir, 'broker.pem'), late: join(dir, 'expired.pem'), trusted: join(dir, 'trusted.pem') };
  await writeFile(files.broker, broker.keyPem + broker.pem);
  await writeFile(files.late, late.keyPem + late.pem);
  await writeFile(files.trusted, authority.pem);
  const { tokenKey, ...bearer } = await bearerTokens(join(dir, 'jwks.json'));

  const listener = (name: string, lines: Record<string, string>) =>
    Object.fromEntries(Object.entries(lines).map(([key, value]) => [`listener.name.${name}.${key}`, value]));
  const tls = (file: string) => ({ 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': file });
  const security = 'org.apache.kafka.common.security';
  const sasl = {
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'plain.sasl.jaas.config': `${security}.plain.PlainLoginModule required ${users.map((one) => `user_${one.username}="${one.password}"`).join(' ')};`,
    'scram-sha-256.sasl.jaas.config': `${security}.scram.ScramLoginModule required;`,
    'scram-sha-512.sasl.jaas.config': `${security}.scram.ScramLoginModule required;`,
  };
  const trust = { 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': files.trusted };
  const addUsers = (mechanism: string) =>
    users.flatMap((one) => ['--add-scram', `${mechanism}=[name=${one.username},password=${one.password}]`]);
  return {
    options: {
      listeners: [
        { name: 'SECURED', protocol: 'SASL_SSL', port: ports.secured },
        { name: 'EXPIRED', protocol: 'SASL_SSL', port: ports.expired },
        { name: 'MUTUAL', protocol: 'SSL', port: ports.mutual },
        { name: 'OAUTH', protocol: 'SASL_SSL', port: ports.oauth },
      ],
      properties: {
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        // The listener without security, and the broker itself.
        'super.users': 'User:ANONYMOUS',
        ...listener('secured', { ...tls(files.broker), ...sasl }),
        ...listener('expired', { ...tls(files.late), ...sasl }),
        ...listener('oauth', { ...tls(files.broker), ...bearer.sasl }),
        ...listener('mutual', { ...tls(files.broker), ...trust, 'ssl.client.auth': 'required' }),
      },
      formatArgs: [...addUsers('SCRAM-SHA-256'), ...addUsers('SCRAM-SHA-512')],
      javaArgs: bearer.javaArgs,
    },
    of: (plain) => ({
      plain,
      secured: `127.0.0.1:${ports.secured}`,
      expired: `127.0.0.1:${ports.expired}`,
      mutual: `127.0.0.1:${ports.mutual}`,
      oauth: `127.0.0.1:${ports.oauth}`,
      caCertificate: authority.pem,
      ...{ username, password, client, rotation, tokenKey },
    }),
  };
}

/** Kafka's own check of signed tokens, with the public keys in a file; and the private one, which a token server signs with. */
async function bearerTokens(jwksFile: string) {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const names = { kid: 'test', alg: 'ES256', use: 'sig' };
  const tokenKey: JsonWebKey = { ...keys.privateKey.export({ format: 'jwk' }), ...names };
  await writeFile(jwksFile, JSON.stringify({ keys: [{ ...keys.publicKey.export({ format: 'jwk' }), ...names }] }));
  const { href } = pathToFileURL(jwksFile);
  const security = 'org.apache.kafka.common.security.oauthbearer';
  return {
    tokenKey,
    sasl: {
      'sasl.enabled.mechanisms': 'OAUTHBEARER',
      'oauthbearer.sasl.jaas.config': `${security}.OAuthBearerLoginModule required;`,
      'oauthbearer.sasl.server.callback.handler.class': `${security}.OAuthBearerValidatorCallbackHandler`,
      // By default Kafka 4.1 checks no signature, end or audience here.
      'sasl.oauthbearer.jwt.validator.class': `${security}.BrokerJwtValidator`,
      'sasl.oauthbearer.jwks.endpoint.url': href,
      'sasl.oauthbearer.expected.audience': tokenAudience,
      // Who has not shown a token again by then is cut off.
      'oauthbearer.connections.max.reauth.ms': '6000',
    },
    // Kafka reads keys only from addresses that are named so.
    javaArgs: [`-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${href}`],
  };
}

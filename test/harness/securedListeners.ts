/** A Kafka as customers have it: ways in over TLS, with passwords and client certificates, and an authorizer behind them. */
import { type JsonWebKey, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  authorizer,
  bearerJavaArgs,
  newTokenKey,
  ofListener,
  publicKeysOf,
  scramUsers,
  withCertificate,
  withClientCertificates,
  withSasl,
} from '../../dev/servers/brokerSecurity.ts';
import { type Certificate, newAuthority, newCertificate } from '../../dev/servers/certificates.ts';
import type { KafkaOptions } from '../../dev/servers/kafka.ts';
import { freePort } from '../../dev/servers/ports.ts';

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
  /** The same, and it has expired. */
  lateClient: Certificate;
  /** For tests that change credentials: principals of their own, `User:first` and `User:CN=first`, and the same with `next`. */
  rotation: { first: Credentials; next: Credentials };
};
type Credentials = { username: string; password: string; client: Certificate };

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
  const lateClient = newCertificate(authority, 'causeway', { days: { from: -3, to: -1 } });
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
  const file = (name: string): string => join(dir, name);
  const files = { broker: file('broker.pem'), late: file('expired.pem'), trusted: file('trusted.pem') };
  await writeFile(files.broker, broker.keyPem + broker.pem);
  await writeFile(files.late, late.keyPem + late.pem);
  await writeFile(files.trusted, authority.pem);
  const tokenKey = newTokenKey();
  const bearerKeysFile = file('jwks.json');
  await writeFile(bearerKeysFile, publicKeysOf(tokenKey));

  const passwords = withSasl({ plain: users, scram: ['SCRAM-SHA-256', 'SCRAM-SHA-512'] });
  return {
    options: {
      listeners: [
        { name: 'SECURED', protocol: 'SASL_SSL', port: ports.secured },
        { name: 'EXPIRED', protocol: 'SASL_SSL', port: ports.expired },
        { name: 'MUTUAL', protocol: 'SSL', port: ports.mutual },
        { name: 'OAUTH', protocol: 'SASL_SSL', port: ports.oauth },
      ],
      properties: {
        ...authorizer(),
        ...ofListener('SECURED', withCertificate(files.broker), passwords),
        ...ofListener('EXPIRED', withCertificate(files.late), passwords),
        ...ofListener('OAUTH', withCertificate(files.broker), withSasl({ bearerKeysFile }), {
          // Who has not shown a token again by then is cut off.
          'oauthbearer.connections.max.reauth.ms': '6000',
        }),
        ...ofListener('MUTUAL', withCertificate(files.broker), withClientCertificates(files.trusted)),
      },
      formatArgs: [...scramUsers('SCRAM-SHA-256', users), ...scramUsers('SCRAM-SHA-512', users)],
      javaArgs: bearerJavaArgs(bearerKeysFile),
    },
    of: (plain) => ({
      plain,
      secured: `127.0.0.1:${ports.secured}`,
      expired: `127.0.0.1:${ports.expired}`,
      mutual: `127.0.0.1:${ports.mutual}`,
      oauth: `127.0.0.1:${ports.oauth}`,
      caCertificate: authority.pem,
      ...{ username, password, client, lateClient, rotation, tokenKey },
    }),
  };
}

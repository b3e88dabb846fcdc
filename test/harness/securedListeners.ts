/** A Kafka as customers have it: ways in over TLS, with passwords and client certificates, and an authorizer behind them. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
  /** Signed the brokers' certificates and the client's. */
  caCertificate: string;
  username: string;
  password: string;
  /** Of the principal `User:CN=client`. */
  client: Certificate;
};

const dn = (name: string): string => `CN=${name}`;
export const principals = { user: 'User:writer', client: `User:${dn('client')}` } as const;

/** What a broker is started with to be one, and what it is then. `dir` gets its keys and certificates. */
export async function secured(dir: string): Promise<{
  options: Pick<KafkaOptions, 'listeners' | 'properties' | 'formatArgs'>;
  of(plain: string): SecuredKafka;
}> {
  const authority = newAuthority();
  const here = { hosts: ['127.0.0.1'] };
  const broker = newCertificate(authority, 'broker', here);
  const late = newCertificate(authority, 'broker', { ...here, days: { from: -3, to: -1 } });
  const client = newCertificate(authority, 'client');
  const username = 'writer';
  const password = randomBytes(12).toString('base64url');
  const ports = { secured: await freePort(), expired: await freePort(), mutual: await freePort() };
  await mkdir(dir, { recursive: true });
  const files = { broker: join(dir, 'broker.pem'), late: join(dir, 'expired.pem'), trusted: join(dir, 'trusted.pem') };
  await writeFile(files.broker, broker.keyPem + broker.pem);
  await writeFile(files.late, late.keyPem + late.pem);
  await writeFile(files.trusted, authority.pem);

  const listener = (name: string, lines: Record<string, string>) =>
    Object.fromEntries(Object.entries(lines).map(([key, value]) => [`listener.name.${name}.${key}`, value]));
  const tls = (file: string) => ({ 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': file });
  const security = 'org.apache.kafka.common.security';
  const sasl = {
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'plain.sasl.jaas.config': `${security}.plain.PlainLoginModule required user_${username}="${password}";`,
    'scram-sha-256.sasl.jaas.config': `${security}.scram.ScramLoginModule required;`,
    'scram-sha-512.sasl.jaas.config': `${security}.scram.ScramLoginModule required;`,
  };
  const trust = { 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': files.trusted };
  const addUser = (mechanism: string) => ['--add-scram', `${mechanism}=[name=${username},password=${password}]`];
  return {
    options: {
      listeners: [
        { name: 'SECURED', protocol: 'SASL_SSL', port: ports.secured },
        { name: 'EXPIRED', protocol: 'SASL_SSL', port: ports.expired },
        { name: 'MUTUAL', protocol: 'SSL', port: ports.mutual },
      ],
      properties: {
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        // The listener without security, and the broker itself.
        'super.users': 'User:ANONYMOUS',
        ...listener('secured', { ...tls(files.broker), ...sasl }),
        ...listener('expired', { ...tls(files.late), ...sasl }),
        ...listener('mutual', { ...tls(files.broker), ...trust, 'ssl.client.auth': 'required' }),
      },
      formatArgs: [...addUser('SCRAM-SHA-256'), ...addUser('SCRAM-SHA-512')],
    },
    of: (plain) => ({
      plain,
      secured: `127.0.0.1:${ports.secured}`,
      expired: `127.0.0.1:${ports.expired}`,
      mutual: `127.0.0.1:${ports.mutual}`,
      caCertificate: authority.pem,
      ...{ username, password, client },
    }),
  };
}

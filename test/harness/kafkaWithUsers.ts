import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import kafkajs, { type Admin } from 'kafkajs';
import { inject } from 'vitest';
import { run } from '../../dev/servers/install.ts';
import { kafkaClient, startOwnKafka } from '../../dev/servers/kafka.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { track } from './running.ts';

export type SecuredKafka = {
  /** Without a login, where everything is allowed: for the test itself. */
  brokers: string[];
  /** SASL over TLS, with an authorizer. */
  securedBrokers: string[];
  caCertificate: string;
  allow(user: string, operation: 'WRITE' | 'DESCRIBE', topic: string): Promise<void>;
  forbid(user: string, operation: 'WRITE' | 'DESCRIBE', topic: string): Promise<void>;
  remove(): Promise<void>;
};

const acl = (user: string, operation: 'WRITE' | 'DESCRIBE', topic: string) => ({
  resourceType: kafkajs.AclResourceTypes.TOPIC,
  resourceName: topic,
  resourcePatternType: kafkajs.ResourcePatternTypes.LITERAL,
  principal: `User:${user}`,
  host: '*',
  operation: kafkajs.AclOperationTypes[operation],
  permissionType: kafkajs.AclPermissionTypes.ALLOW,
});

async function certificateIn(dir: string): Promise<{ keyStore: string; caCertificate: string }> {
  const [key, certificate, keyStore] = ['key.pem', 'certificate.pem', 'keystore.pem'].map((name) => join(dir, name));
  if (!key || !certificate || !keyStore) throw new Error('No names.');
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, '-days', '2'],
    ...['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'],
  ]);
  const caCertificate = await readFile(certificate, 'utf8');
  await writeFile(keyStore, (await readFile(key, 'utf8')) + caCertificate);
  return { keyStore, caCertificate };
}

/** A Kafka that asks who we are and looks what we may; `users` are names and passwords. `remove()` when done. */
export async function securedKafka(users: Record<string, string>): Promise<SecuredKafka> {
  const dir = join(inject('servers').dir, randomBytes(6).toString('hex'));
  await mkdir(dir, { recursive: true });
  const { keyStore, caCertificate } = await certificateIn(dir);
  const secured = await freePort();
  const logins = Object.entries(users).map(([user, password]) => `user_${user}="${password}"`);
  const server = await startOwnKafka({
    dataDir: join(dir, 'kafka'),
    logDir: join(dir, 'logs'),
    listeners: [{ name: 'SASL_SSL', protocol: 'SASL_SSL', port: secured }],
    properties: {
      'sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.sasl_ssl.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required ${logins.join(' ')};`,
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': keyStore,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
    },
  });
  const asAdmin = async (use: (admin: Admin) => Promise<unknown>): Promise<void> => {
    const admin = kafkaClient(server.brokers, 'causeway-test').admin();
    await admin.connect();
    await use(admin).finally(() => admin.disconnect());
  };
  return {
    brokers: server.brokers,
    securedBrokers: [`127.0.0.1:${secured}`],
    caCertificate,
    allow: (user, operation, topic) => asAdmin((admin) => admin.createAcls({ acl: [acl(user, operation, topic)] })),
    forbid: (user, operation, topic) =>
      asAdmin((admin) => admin.deleteAcls({ filters: [acl(user, operation, topic)] })),
    remove: track('a secured Kafka', async () => {
      await server.kill();
      await rm(dir, { recursive: true, force: true });
    }),
  };
}

/** The Kafka of `npm start` as a customer has it: ways in with authentication, and a principal for each that may write to one topic. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import {
  authorizer,
  bearerJavaArgs,
  ofListener,
  publicKeysOf,
  type ScramMechanism,
  scramUsers,
  withCertificate,
  withClientCertificates,
  withSasl,
} from '../servers/brokerSecurity.ts';
import { exists, run } from '../servers/install.ts';
import { ensureTopic, type KafkaOptions, kafkaClient, kafkaJars } from '../servers/kafka.ts';
import { portOr } from '../servers/ports.ts';
import { withSecretFile } from '../servers/secretFile.ts';
import type { StackAddresses } from './addresses.ts';
import { type CustomerSecrets, customerSecrets } from './customerSecrets.ts';

export type CustomerKafka = {
  secrets: CustomerSecrets;
  addresses: Omit<NonNullable<StackAddresses['customerKafka']>, 'tokenEndpoint'>;
  /** PEM: key and certificate of servers, and whom API and worker trust. */
  files: { key: string; cert: string; authority: string; trusted: string };
  kafka: Pick<KafkaOptions, 'listeners' | 'properties' | 'formatArgs' | 'javaArgs'>;
  /** Once the broker is up: the users, the topic, and its ACLs. */
  grant(brokers: readonly string[]): Promise<void>;
};

export const customerTopic = 'orders.v1';
export const customerUsers = {
  ...{ plain: 'causeway-plain', scram256: 'causeway-scram-256', scram512: 'causeway-scram-512' },
  ...{ oauth: 'causeway-client', admin: 'admin' },
} as const;
const { plain, scram256, scram512, oauth, admin } = customerUsers;
const writers = [plain, scram256, scram512, oauth, 'CN=causeway'].map((name) => `User:${name}`);
const wantedPorts = { sasl: 9093, mutual: 9094 };
const partitions = 3;

/** What the broker is started with. `dir` gets its keys and certificates; its data lie in `kafkaDir`, or will. */
export async function customerKafka(
  dir: string,
  kafkaDir: string,
  wanted: Readonly<Record<'sasl' | 'mutual', number>> = wantedPorts,
): Promise<CustomerKafka> {
  const secrets = await customerSecrets(join(dir, 'customer.json'));
  const { passwords, server, authorityPem } = secrets;
  const ports = {
    sasl: await portOr(wanted.sasl, 'Kafka with SASL'),
    mutual: await portOr(wanted.mutual, 'Kafka with client certificates'),
  };
  const certificates = join(dir, 'certificates');
  await mkdir(certificates, { recursive: true });
  const keptAs = async (name: string, text: string): Promise<string> => {
    await writeFile(join(certificates, name), text, { mode: 0o600 });
    return join(certificates, name);
  };
  const foreign = process.env.NODE_EXTRA_CA_CERTS;
  const others = foreign ? await readFile(foreign, 'utf8').catch(() => '') : ''; // Node.js warns of such a file, too.
  const files = {
    key: await keptAs('server.key.pem', server.keyPem),
    cert: await keptAs('server.pem', server.pem),
    authority: await keptAs('ca.pem', authorityPem),
    trusted: await keptAs('trusted.pem', `${authorityPem}${others}`),
  };
  const both = withCertificate(await keptAs('broker.pem', server.keyPem + server.pem));
  const bearerKeysFile = await keptAs('jwks.json', publicKeysOf(secrets.tokenKey));
  const users = [
    { username: plain, password: passwords.plain },
    { username: admin, password: passwords.admin },
  ];
  const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;
  const formatArgs = scramPasswords(secrets).flatMap(({ mechanism, ...user }) => scramUsers(mechanism, [user]));
  return {
    ...{ secrets, files },
    addresses: {
      sasl: `127.0.0.1:${ports.sasl}`,
      mutualTls: `127.0.0.1:${ports.mutual}`,
      topic: customerTopic,
      caCertificateFile: files.authority,
      folder: join(dir, 'customer'),
    },
    kafka: {
      listeners: [
        { name: 'SASL', protocol: 'SASL_SSL', port: ports.sasl },
        { name: 'MUTUAL', protocol: 'SSL', port: ports.mutual },
      ],
      properties: {
        ...authorizer(`User:${admin}`, 'User:CN=admin'),
        ...ofListener('SASL', both, withSasl({ plain: users, scram, bearerKeysFile })),
        ...ofListener('MUTUAL', both, withClientCertificates(files.authority)),
      },
      formatArgs,
      javaArgs: bearerJavaArgs(bearerKeysFile),
    },
    grant: await grantIn(kafkaDir, secrets),
  };
}

const scramPasswords = ({ passwords }: CustomerSecrets) =>
  [
    { mechanism: 'SCRAM-SHA-256', username: scram256, password: passwords.scram256 },
    { mechanism: 'SCRAM-SHA-512', username: scram512, password: passwords.scram512 },
  ] as const;

/** The format tool adds the SCRAM users to a new folder; one that was there before these secrets gets them from the broker. */
async function grantIn(kafkaDir: string, secrets: CustomerSecrets): Promise<CustomerKafka['grant']> {
  const noteFile = join(kafkaDir, 'scram-users');
  const note = createHash('sha256')
    .update(JSON.stringify(scramPasswords(secrets)))
    .digest('hex');
  const isNew = !(await exists(join(kafkaDir, 'cluster-id')));
  const noted = await readFile(noteFile, 'utf8').catch(() => '');
  return async (brokers) => {
    if (!isNew && noted !== note) {
      await Promise.all(scramPasswords(secrets).map((user) => addScramUser(kafkaDir, brokers, user)));
    }
    await writeFile(noteFile, note);
    await ensureTopic(brokers, customerTopic, partitions);
    await allowWriters(brokers);
  };
}

/** With Kafka's own tool, for kafkajs can't. */
async function addScramUser(
  kafkaDir: string,
  brokers: readonly string[],
  user: { mechanism: ScramMechanism; username: string; password: string },
): Promise<void> {
  const tool = ['-Xmx128m', '-XX:+UseSerialGC', '-cp', `${await kafkaJars()}/*`, 'kafka.admin.ConfigCommand'];
  const entity = ['--entity-type', 'users', '--entity-name', user.username];
  const file = join(kafkaDir, `${user.username}.properties`);
  const change = ['--alter', '--add-config-file', file];
  await withSecretFile(file, `${user.mechanism}=password=${user.password}\n`, () =>
    run('java', [...tool, '--bootstrap-server', brokers.join(), ...entity, ...change]),
  );
}

async function allowWriters(brokers: readonly string[]): Promise<void> {
  const acl = writers.map((principal) => ({
    principal,
    host: '*',
    resourceType: kafkajs.AclResourceTypes.TOPIC,
    resourceName: customerTopic,
    resourcePatternType: kafkajs.ResourcePatternTypes.LITERAL,
    operation: kafkajs.AclOperationTypes.WRITE,
    permissionType: kafkajs.AclPermissionTypes.ALLOW,
  }));
  const client = kafkaClient(brokers).admin();
  await client.connect();
  try {
    await client.createAcls({ acl });
  } finally {
    await client.disconnect();
  }
}

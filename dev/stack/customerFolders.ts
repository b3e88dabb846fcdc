/** What the examples of the README's Kafka section need to run against `npm start`: a folder for each mode. */
import { createPrivateKey } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { aclsCommand } from '../servers/kafka.ts';
import { type CustomerKafka, customerTopic, customerUsers } from './customerKafka.ts';

type Where = { api: string; apiKey: string; tokenEndpoint: string };

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** What the README's first block has to be filled in by hand. */
const fillIn = ({ api, apiKey, tokenEndpoint }: Where, broker: string, secret: string): string => {
  const values = {
    ...{ API: api, KEY: apiKey, BROKER: broker, TOPIC: customerTopic },
    ...{ TOKEN_ENDPOINT: tokenEndpoint, SECRET: secret },
  };
  const lines = Object.entries(values).map(([name, value]) => `${name}=${quoted(value)}`);
  return [...lines, 'PATH="$PWD:$PATH"    # kafka-acls.sh lies here', ''].join('\n');
};

const propertiesOf = (lines: Record<string, string>): string =>
  Object.entries(lines)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');

/** Writes a folder of each mode's name, for its owner's eyes alone. */
export async function writeCustomerFolders(customer: CustomerKafka, where: Where): Promise<void> {
  const { secrets, addresses, files } = customer;
  const dir = addresses.folder;
  const { passwords, client, admin } = secrets;
  const trust = { 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': files.authority };
  const jaas = `username="${customerUsers.admin}" password="${passwords.admin}"`;
  const bySasl = propertiesOf({
    ...{ 'security.protocol': 'SASL_SSL', 'sasl.mechanism': 'PLAIN' },
    'sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required ${jaas};`,
    ...trust,
  });
  const adminFile = join(dir, 'MTLS', 'admin.pem');
  const byCertificate = propertiesOf({
    'security.protocol': 'SSL',
    ...{ 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': adminFile },
    ...trust,
  });
  const { passphrase } = passwords;
  const encrypted = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase } as const;
  const sasl = { broker: addresses.sasl, admin: bySasl, more: {} };
  const modes = [
    { ...sasl, mode: 'SASL_PLAIN', secret: passwords.plain },
    { ...sasl, mode: 'SASL_SCRAM_SHA_256', secret: passwords.scram256 },
    { ...sasl, mode: 'SASL_SCRAM_SHA_512', secret: passwords.scram512 },
    { ...sasl, mode: 'SASL_OAUTHBEARER', secret: passwords.clientSecret },
    {
      ...{ mode: 'MTLS', broker: addresses.mutualTls, admin: byCertificate, secret: passphrase },
      more: {
        'admin.pem': admin.keyPem + admin.pem,
        'client.pem': client.pem,
        'client.key.pem': createPrivateKey(client.keyPem).export(encrypted).toString(),
      },
    },
  ];
  const command = await aclsCommand();
  for (const { mode, broker, admin: properties, secret, more } of modes) {
    const folder = join(dir, mode);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const texts = { 'fill-in.sh': fillIn(where, broker, secret), 'admin.properties': properties, ...more };
    for (const [name, text] of Object.entries(texts)) await writeFile(join(folder, name), text, { mode: 0o600 });
    await writeFile(join(folder, 'kafka-acls.sh'), command, { mode: 0o700 });
  }
}

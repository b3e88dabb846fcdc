/** The examples of the README's Kafka section, as they stand there: the customer's commands with Kafka's own tool, ours with curl. */
import { execFile } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EventLog } from '../../api/schemas/eventLog.ts';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';
import { newAuthority, newCertificate } from '../harness/certificates.ts';
import { postEvent } from '../harness/eventLog.ts';
import { blocksIn } from '../harness/guide.ts';
import { writeAclsCommand } from '../harness/javaClient.ts';
import type { SecuredKafka } from '../harness/securedListeners.ts';
import { securedKafka } from '../harness/sharedSecuredKafka.ts';
import { startTokenServer, type TokenServer } from '../harness/tokenServer.ts';

const passphrase = 'a pass phrase';
let kafka: SecuredKafka;
let remove: () => Promise<void>;
let tokens: TokenServer;
let causeway: Causeway;
/** Where the commands are run: with the client's certificate and key, and the settings of the customer's admin. */
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'causeway-readme-'));
  ({ kafka, remove } = await securedKafka());
  const authority = newAuthority();
  tokens = await startTokenServer(kafka, newCertificate(authority, 'token server', { hosts: ['127.0.0.1'] }));
  const { pem, keyPem } = kafka.client;
  const encrypted = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase } as const;
  const files: Record<string, string | Buffer> = {
    'client.pem': pem,
    'client.key.pem': createPrivateKey(keyPem).export(encrypted),
    'admin.properties': 'client.id=admin\n',
    'authorities.pem': kafka.caCertificate + authority.pem,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  await writeAclsCommand(dir);
  // No example names an authority: those of the brokers and of the token endpoint are known to API and worker.
  const env = { NODE_EXTRA_CA_CERTS: join(dir, 'authorities.pem') };
  causeway = await startCauseway({ kafka: { brokers: [kafka.plain] }, env });
});
afterAll(async () => {
  await Promise.all([causeway.stop(), tokens.stop()]);
  await rm(dir, { recursive: true, force: true });
  await remove();
});

async function shell(script: string, env: Record<string, string>): Promise<string> {
  const path = `${dir}:${process.env.PATH}`;
  const options = { cwd: dir, env: { ...process.env, ...env, PATH: path } };
  return (await promisify(execFile)('bash', ['-ec', script], options)).stdout;
}

test('each example makes a destination that delivers, with WRITE on the topic as all it was granted', async () => {
  const [filledIn = '', shared = '', ...examples] = await blocksIn('README.md', "A customer's Kafka");
  const ways: Record<string, { broker: string; secret: string }> = {
    SASL_PLAIN: { broker: kafka.secured, secret: kafka.password },
    SASL_SCRAM_SHA_256: { broker: kafka.secured, secret: kafka.password },
    SASL_SCRAM_SHA_512: { broker: kafka.secured, secret: kafka.password },
    SASL_OAUTHBEARER: { broker: kafka.oauth, secret: tokens.auth.clientSecret },
    MTLS: { broker: kafka.mutual, secret: passphrase },
  };
  const modeOf = (example: string): string => /\bmode"?: ?"(\w+)"/.exec(example)?.[1] ?? 'no mode';
  expect(examples.map(modeOf)).toEqual(Object.keys(ways));
  const common = { API: causeway.api.url, KEY: causeway.api.key, TOKEN_ENDPOINT: tokens.auth.tokenEndpoint };
  expect(filledIn.match(/\b[A-Z_]+(?==|\n)/g)?.toSorted()).toEqual(
    ['API', 'BROKER', 'SECRET', 'TOKEN_ENDPOINT', 'TOPIC'].toSorted(),
  );
  const commands = examples.map((example) => example.trimEnd().split('\n'));
  const topicOf = new Map<string, string>();
  const grants = [...new Set(commands.map(([grant = '']) => grant))].map(async (grant) => {
    const topic = await causeway.kafka.newTopic();
    topicOf.set(grant, topic);
    await shell(grant, { TOPIC: topic, BROKER: kafka.plain }); // The customer's admin has a listener of their own.
  });
  await Promise.all(grants);
  for (const [grant = '', create = '', ...more] of commands) {
    expect([grant.split(' ')[0], create.split(' ')[0], more]).toEqual(['kafka-acls.sh', 'kafka_destination', []]);
    const mode = modeOf(create);
    const topic = topicOf.get(grant) ?? '';
    const env = { ...common, TOPIC: topic, BROKER: ways[mode]?.broker ?? '', SECRET: ways[mode]?.secret ?? '' };
    expect(JSON.parse(await shell(`${shared}\n${create} /test`, env))).toMatchObject({ passed: true });
    const created: unknown = JSON.parse(await shell(`${shared}\n${create}`, env));
    expect(created).toMatchObject({ topic, auth: { mode } });
  }

  const customerExternalId = 'acct_42';
  const event = { eventType: 'order.shipped', customerExternalId, payload: { orderId: '1001' } };
  const id = await postEvent(causeway.api, event);
  const statuses = async (): Promise<string[]> => {
    const { body } = await causeway.api.get(`/v1/events/${id}`);
    return (body as EventLog).deliveries.map(({ status }) => status); // What the route answers.
  };
  await until('all to be delivered', statuses, (all) => all.every((status) => status === 'delivered'));
  const counts = [...topicOf.values()].map(async (topic) => (await causeway.kafka.records(topic)).length);
  expect((await Promise.all(counts)).toSorted()).toEqual([1, 1, 3]); // SASL with a user and password has three modes.
});

/** What API and worker take from their machine: authorities that Node.js does not know, as a company has its own; and the key ring. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newSecretKeys } from '../../dev/programs.ts';
import { newAuthority, newCertificate } from '../../dev/servers/certificates.ts';
import type { ConnectionTest } from '../../domain/connectionTest.ts';
import { type Causeway, startCauseway } from '../harness/causeway.ts';
import { postEvent, untilDelivery } from '../harness/eventLog.ts';
import { principals, type SecuredKafka } from '../harness/securedListeners.ts';
import { authOf, securedKafka, writeAcl } from '../harness/sharedSecuredKafka.ts';
import { sharedServers } from '../harness/sharedServers.ts';
import { oauthPrincipal, startTokenServer, type TokenServer } from '../harness/tokenServer.ts';

const sealingKeys = newSecretKeys();
const company = newAuthority();
const stranger = newAuthority();
const here = { hosts: ['127.0.0.1'] };
let kafka: SecuredKafka;
let remove: () => Promise<void>;
let known: TokenServer;
let unknown: TokenServer;
let causeway: Causeway;
beforeAll(async () => {
  ({ kafka, remove } = await securedKafka());
  const file = join(sharedServers().dir, `system-${Date.now()}.pem`);
  await writeFile(file, kafka.caCertificate + company.pem);
  const ring = `${file}.keys`;
  await writeFile(ring, sealingKeys, { mode: 0o600 });
  [known, unknown, causeway] = await Promise.all([
    startTokenServer(kafka, newCertificate(company, 'token server', here)),
    startTokenServer(kafka, newCertificate(stranger, 'token server', here)),
    startCauseway({
      ...{ kafka: { brokers: [kafka.plain] }, env: { SSL_CERT_FILE: file, CAUSEWAY_SECRET_KEYS: '' } },
      apiEnv: { CAUSEWAY_SECRET_KEYS_FILE: ring },
      workerEnv: { CAUSEWAY_SECRET_KEYS_COMMAND: `tr -d ' ' < '${ring}' | cat` },
    }),
  ]);
});
afterAll(async () => {
  await Promise.all([causeway, known, unknown].map((one) => one.stop()));
  await remove();
});

type Settings = { brokers: string[]; auth: Record<string, unknown> };
const withLogin = (auth: Record<string, unknown> = {}): Settings => {
  const { caCertificate: _, ...login } = authOf(kafka).scram512;
  return { brokers: [kafka.secured], auth: { ...login, ...auth } };
};
const withToken = (tokens: TokenServer, auth: Record<string, unknown> = {}): Settings => ({
  brokers: [kafka.oauth],
  auth: { mode: 'SASL_OAUTHBEARER', ...tokens.auth, ...auth },
});

/** What the worker makes of an event for such a destination, once its lane has delivered it or stopped. */
async function sent(settings: Settings): Promise<string> {
  const topic = await causeway.kafka.newTopic();
  for (const principal of [principals.user, oauthPrincipal]) await writeAcl(kafka, topic, principal, true);
  const { customerExternalId } = await causeway.createDestination({ topic, ...settings });
  const id = await postEvent(causeway.api, { eventType: 'e', customerExternalId, payload: {} });
  const { status, error } = await untilDelivery('an end', causeway.api, id, (one) =>
    /delivered|suspended/.test(one.status),
  );
  return error?.name ?? status;
}

/** What the API's connection test says of it. */
async function tested(settings: Settings): Promise<string> {
  const destination = { type: 'KAFKA', name: 'n', customerExternalId: 'c', topic: 't', partitionKey: 'correlationId' };
  const answer = await causeway.api.request('POST', '/v1/destinations/test', { ...destination, ...settings });
  const { steps } = answer.body as ConnectionTest;
  return steps.find(({ step }) => step === 'topic')?.outcome === 'skipped'
    ? (steps.find(({ outcome }) => outcome === 'failed')?.error?.name ?? answer.text)
    : 'let in';
}

describe('a destination that names no authority trusts those of the system:', () => {
  const ways = [
    ['a broker', () => withLogin()],
    ['a token endpoint', () => withToken(known)],
  ] as const;
  test.each(ways)('%s is delivered to', async (_, settings) => {
    expect(await sent(settings())).toBe('delivered');
  });

  test.each(ways)('%s passes the connection test', async (_, settings) => {
    expect(await tested(settings())).toBe('let in');
  });
});

describe('nobody else is trusted:', () => {
  const unverified = 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
  const others = [
    [
      'a broker, where the destination names another authority',
      unverified,
      () => withLogin({ caCertificate: company.pem }),
    ],
    [
      'a token endpoint, where the destination names another authority',
      'TOKEN_ENDPOINT_UNTRUSTED',
      () => withToken(known, { tokenEndpointCaCertificate: kafka.caCertificate }),
    ],
    ['a token endpoint of an authority that nobody knows', 'TOKEN_ENDPOINT_UNTRUSTED', () => withToken(unknown)],
  ] as const;
  test.each(others)('%s is not delivered to', async (_, name, settings) => {
    expect(await sent(settings())).toBe(name);
  });

  test.each(others)('%s does not pass the connection test', async (_, name, settings) => {
    expect(await tested(settings())).toBe(name);
  });
});

test('a key ring out of a file, and out of a command, opens what is sealed, and is in no environment and no log', async () => {
  expect(await sent(withLogin())).toBe('delivered');
  const { apiProcess, worker, logDir } = causeway;
  const places = [apiProcess, worker].map(({ pid }) => `/proc/${pid}/environ`);
  for (const place of [...places, join(logDir, 'api.log'), join(logDir, 'worker.log')]) {
    const text = await readFile(place, 'latin1');
    expect([text.length > 0, text.includes(sealingKeys.split(':')[1] ?? '')]).toEqual([true, false]);
  }
});

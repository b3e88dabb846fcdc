/** The same wall over the whole road: an API that takes no such address, and a worker that connects to none that is stored. */
import { hostname } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resolved } from '../../activities/kafka/testSockets.ts';
import { addressOf, hostPortOf } from '../../domain/address.ts';
import type { TestApi } from '../harness/api.ts';
import { type Causeway, startCauseway } from '../harness/causeway.ts';
import { type CountingListener, countingListener } from '../harness/countingListener.ts';
import { postEvent, untilDelivery } from '../harness/eventLog.ts';
import { hosts, noBrokers, noTokenEndpoints } from '../harness/hostileAddresses.ts';
import { expectProblem } from '../harness/problem.ts';

let listener: CountingListener;
let causeway: Causeway;
/** An API with the wall; the other one takes what a worker then has stored, as one did that was set so once. */
let walled: TestApi;
beforeAll(async () => {
  listener = await countingListener();
  causeway = await startCauseway({ workerEnv: { CAUSEWAY_ALLOW_PRIVATE_BROKERS: 'false' } });
  walled = await causeway.anotherApi({ CAUSEWAY_ALLOW_PRIVATE_BROKERS: 'false' });
});
afterAll(async () => {
  await causeway?.stop();
  await listener?.stop();
});

const at = (host: string): string => `${host.includes(':') ? `[${host}]` : host}:${listener.port}`;
const withBroker = (broker: string) => ({
  ...{ type: 'KAFKA', name: 'n', customerExternalId: 'acct_ssrf', brokers: [broker], topic: 'orders' },
  auth: { mode: 'SASL_PLAIN', username: 'u', password: 'p' },
});
const withAuth = (auth: Record<string, unknown>) => ({ ...withBroker('broker.example.com:9093'), auth });
const oauth = (tokenEndpoint: string) =>
  withAuth({ mode: 'SASL_OAUTHBEARER', tokenEndpoint, clientId: 'c', clientSecret: 's' });

/** Each route that takes addresses, with what it is sent: the whole destination, or of a change these fields. */
async function routes(): Promise<[method: string, path: string, fields?: string[]][]> {
  const { body } = await walled.request('POST', '/v1/destinations', withBroker('broker.example.com:9093'));
  const { id } = body as { id: string };
  return [
    ['POST', '/v1/destinations'],
    ['POST', '/v1/destinations/test'],
    ['PATCH', `/v1/destinations/${id}`, ['brokers', 'auth']],
    ['POST', `/v1/destinations/${id}/rotate`, ['brokers', 'auth']],
  ];
}

async function expectRefused(field: string, vectors: [vector: string, destination: Record<string, unknown>][]) {
  for (const [method, path, fields] of await routes()) {
    for (const [vector, destination] of vectors) {
      const given = fields?.map((name) => [name, destination[name]]);
      const answer = await walled.request(method, path, given ? Object.fromEntries(given) : destination);
      const { errors } = expectProblem(answer, 422, 'validation_failed');
      expect([path, vector, (errors ?? []).map((one: { field: string }) => one.field)]).toEqual([
        path,
        vector,
        [field],
      ]);
    }
  }
  expect(listener.count()).toBe(0);
}

test('the API takes no broker that is no host and port, or private as it is written', async () => {
  const texts = [...noBrokers(listener.port), ...hosts.map(({ host }) => at(host))];
  expect(texts.length).toBeGreaterThan(100);
  await expectRefused(
    'brokers.0',
    texts.map((text) => [text, withBroker(text)]),
  );
});

test('nor a token endpoint that is not https, or leads to something private as it is written', async () => {
  const urls = [...noTokenEndpoints(listener.port), ...hosts.map(({ host }) => `https://${at(host)}/token`)];
  expect(urls.length).toBeGreaterThan(100);
  await expectRefused(
    'auth.tokenEndpoint',
    urls.map((url) => [url, oauth(url)]),
  );
});

test('nor a certificate or key that is a place to read one from', async () => {
  const places = ['/etc/passwd', 'file:///etc/passwd', `http://127.0.0.1:${listener.port}/ca.pem`, 'pkcs11:token=x'];
  for (const field of ['caCertificate', 'clientCertificate', 'clientKey']) {
    const vectors = places.map((place): [string, Record<string, unknown>] => {
      const auth = field === 'caCertificate' ? { mode: 'SASL_PLAIN', username: 'u', password: 'p' } : { mode: 'MTLS' };
      return [place, withAuth({ ...auth, [field]: place })];
    });
    for (const [, destination] of vectors) {
      const answer = await walled.request('POST', '/v1/destinations', destination);
      const { detail } = expectProblem(answer, 422, 'validation_failed');
      expect(detail).toContain(`auth.${field}`);
      for (const place of places) expect(detail).not.toContain(place);
    }
  }
  expect(listener.count()).toBe(0);
});

test("a connection test, too, connects to no name that leads to this machine: the machine's own", async () => {
  const name = hostname();
  const leadsHere = await resolved(`${name}:1`, false).then(
    () => false,
    (error: { code?: unknown }) => error.code === 'ADDRESS_REFUSED',
  );
  const hostsOfOurs = [...(leadsHere ? [name] : []), 'localhost.localdomain', 'ip6-localhost', 'ip6-loopback'];
  for (const host of hostsOfOurs) {
    const { status, body } = await walled.request('POST', '/v1/destinations/test', {
      ...{ ...withBroker(at(host)), sendTestEvent: true },
    });
    const { passed, steps } = body as { passed: boolean; steps: { error?: { name: string } }[] };
    const name = steps.find(({ error }) => error)?.error?.name;
    expect([host, status, passed, name]).toEqual([
      host,
      200,
      false,
      expect.stringMatching(/^(ADDRESS_REFUSED|ENOTFOUND|EAI_AGAIN)$/),
    ]);
  }
  expect(listener.count()).toBe(0);
});

test('a worker connects to none that is stored, whether it delivers or probes: the delivery says why, and waits', async () => {
  const stored = hosts.map(({ host }) => host).filter((host) => hostPortOf(at(host)) !== undefined);
  expect(stored.length).toBeGreaterThan(60);
  const made = [];
  for (const host of stored) {
    const destination = await causeway.createDestination({ brokers: [at(host)], topic: 'orders' });
    made.push({ host, destination });
  }
  for (const { host, destination } of made) {
    const event = { eventType: 'e', customerExternalId: destination.customerExternalId, payload: {} };
    const id = await postEvent(causeway.api, event);
    const { error } = await untilDelivery('it is held', causeway.api, id, ({ status }) => status === 'suspended');
    expect([host, error?.name]).toEqual([host, 'ADDRESS_REFUSED']);
  }
  for (const { destination } of made.slice(0, 5)) {
    await causeway.api.request('POST', `/v1/destinations/${destination.id}/resume`, {});
  }
  expect(listener.count()).toBe(0);

  // Control: the API without the wall, asked to test one of them, does come.
  const [control] = made.filter(({ host }) => addressOf(host) === '127.0.0.1');
  await causeway.api.request('POST', `/v1/destinations/${control?.destination.id}/test`, {});
  expect(listener.count()).toBeGreaterThan(0);
});

/**
 * What customers name leads nowhere but to public addresses. Listeners at every address of this machine count who comes: nobody, by no road and no
 * vector. With the wall off they are come to, so they do count.
 */
import { randomUUID } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BrokerConnection } from '../../activities/kafka/brokerConnection.ts';
import { connectionSettingsOf } from '../../activities/kafka/connectionSettings.ts';
import { testConnection } from '../../activities/kafka/connectionTest.ts';
import { failureIn } from '../../activities/kafka/failureNames.ts';
import { probeTopic } from '../../activities/kafka/probe.ts';
import { fetchToken } from '../../activities/kafka/tokenEndpoint.ts';
import { networksOf } from '../../domain/address.ts';
import type { AllowPrivate } from '../../domain/privateNetworks.ts';
import { type CountingListener, countingListener } from '../harness/countingListener.ts';
import { hosts, names } from '../harness/hostileAddresses.ts';
import { answering, httpAnswer } from '../harness/hostileServers.ts';
import { injectNames } from '../harness/injectedNames.ts';
import { blockWithKeys, openDestination, type TestProduce, testProduce } from '../harness/produceActivity.ts';
import { brokerLedBy } from '../harness/scriptedBrokers.ts';
import { sharedTemporal, type TestTemporal } from '../harness/temporal.ts';

let listener: CountingListener;
let temporal: TestTemporal;
let produce: TestProduce;
beforeAll(async () => {
  listener = await countingListener();
  temporal = await sharedTemporal();
  produce = testProduce(temporal);
});
afterAll(async () => {
  produce?.close();
  await Promise.all([listener, temporal].map((one) => one?.stop()));
});

/** An address of this machine that the tests open, and no vector leads to: the first broker has to be let in. */
const open =
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.9.9.9';
const allowed = networksOf([[open, 32]]);
const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);

const at = (host: string): string => `${host.includes(':') ? `[${host}]` : host}:${listener.port}`;
const to = (broker: string, allowPrivate: AllowPrivate = false) =>
  // An id of its own: producers are kept by it.
  openDestination({ id: `dst_${randomUUID()}`, brokers: [broker], topic: 'orders', allowPrivate });
const tokenClient = (host: string, allowPrivate: AllowPrivate = false) => ({
  ...{ endpoint: `https://${at(host)}/token`, clientId: 'c', clientSecret: 's', allowPrivate },
});
const nameOf = (error: unknown): string => failureIn(error).name;

/** Every way in which a worker or the API comes to connect; what each is told. */
const roads: Record<string, (destination: ReturnType<typeof to>) => Promise<string | undefined>> = {
  produce: async (destination) => (await produce.run(destination, blockWithKeys(['k']))).attempts.at(-1)?.error?.name,
  probe: (destination) => probeTopic(destination).then(() => undefined, nameOf),
  test: async (destination) =>
    (await testConnection(destination, { sendTestEvent: true })).steps.find(({ error }) => error)?.error?.name,
};
const tokenRoad = (client: Parameters<typeof fetchToken>[0]) => fetchToken(client).then(() => undefined, nameOf);

/** What each vector is told; throws where somebody was connected to. */
async function toldOf(vectors: readonly string[], ask: (vector: string) => Promise<string | undefined>) {
  const before = listener.count();
  const told: [vector: string, told: string | undefined][] = [];
  for (const vector of vectors) {
    told.push([vector, await ask(vector)]);
    expect([vector, listener.count() - before]).toEqual([vector, 0]);
  }
  return told;
}
const allTold = (vectors: readonly string[], told: unknown) => vectors.map((vector) => [vector, told]);

test('the list has more than 80 vectors, each once', () => {
  const all = [...hosts.map(({ host }) => host), ...Object.keys(names)];
  expect([all.length > 80, new Set(all).size]).toEqual([true, all.length]);
});

describe('0 connections, however the address is written', () => {
  const vectors = hosts.map(({ host }) => host);
  /** Nobody can save it so: a destination's own text has no zone. */
  const asBroker = vectors.filter((host) => !host.includes('%'));

  test.each(Object.keys(roads))('as a broker: %s', async (road) => {
    const told = await toldOf(asBroker, async (host) => roads[road]?.(to(at(host))));
    expect(told).toEqual(allTold(asBroker, 'ADDRESS_REFUSED'));
  });

  test('as a token endpoint', async () => {
    const told = await toldOf(asBroker, (host) => tokenRoad(tokenClient(host)));
    expect(told).toEqual(allTold(asBroker, 'ADDRESS_REFUSED'));
    const zones = vectors.filter((host) => host.includes('%'));
    expect(await toldOf(zones, (host) => tokenRoad(tokenClient(host)))).toEqual(
      allTold(zones, 'TOKEN_ENDPOINT_MALFORMED'),
    );
  });

  test.each(Object.keys(roads))('as what a broker advertises: %s', async (road) => {
    const told = await toldOf(vectors, async (host) => {
      const broker = await brokerLedBy(host, listener.port, 'orders', open);
      return await roads[road]?.(to(broker.address, allowed)).finally(broker.stop);
    });
    expect(told).toEqual(allTold(vectors, 'ADDRESS_REFUSED'));
  });

  test('as what a broker advertises without a host, which would be this machine', async () => {
    for (const road of Object.values(roads)) {
      const broker = await brokerLedBy('', listener.port, 'orders', open);
      await toldOf([''], () => road(to(broker.address, allowed)).finally(broker.stop));
    }
  });

  test('control: with the wall off, every vector that leads here does', async () => {
    const leading = hosts.filter(({ reaches }) => reaches === 'ipv4' || (reaches === 'ipv6' && hasIpv6));
    expect(leading.length).toBeGreaterThan(25);
    const missed: string[] = [];
    for (const { host } of leading) {
      const before = listener.count();
      const connection = new BrokerConnection(host, listener.port, connectionSettingsOf(to('b:1', true)), 5_000);
      await expect(connection.connect()).rejects.toThrow();
      if (listener.count() === before) missed.push(`${host} as a broker`);
      const afterBroker = listener.count();
      if (!host.includes('%')) {
        await tokenRoad(tokenClient(host, true));
        if (listener.count() === afterBroker) missed.push(`${host} as a token endpoint`);
      }
    }
    expect(missed).toEqual([]);
  });
});

describe('0 connections, whatever a name resolves to, and when', () => {
  /** A name of its own for each road, so that each begins with the first answer. */
  const nameOn = (road: string, name: string): string => `${road}.${name}`;
  const all = [...Object.keys(roads), 'token', 'control'].flatMap((road) =>
    Object.entries(names).map(([name, answers]) => [nameOn(road, name), answers]),
  );
  let resolver: ReturnType<typeof injectNames>;
  beforeAll(() => {
    resolver = injectNames({
      ...Object.fromEntries(all),
      'pinned.test': [[open], ['127.0.0.1']],
      'pinned-token.test': [[open], ['127.0.0.1']],
    });
  });
  afterAll(() => resolver.remove());

  test.each([...Object.keys(roads), 'token'])('%s', async (road) => {
    const before = listener.count();
    const told = await Promise.all(
      Object.keys(names).map(async (name) => {
        const host = nameOn(road, name);
        return [name, await (road === 'token' ? tokenRoad(tokenClient(host)) : roads[road]?.(to(at(host))))] as const;
      }),
    );
    expect(listener.count() - before).toBe(0);
    // What leads to a public address for once goes there, and nobody answers.
    const always = Object.entries(names).filter(([, answers]) => answers.length === 1);
    expect(Object.fromEntries(told)).toMatchObject(
      Object.fromEntries(always.map(([name]) => [name, 'ADDRESS_REFUSED'])),
    );
    for (const name of Object.keys(names)) expect(resolver.asked(nameOn(road, name))).toBeGreaterThan(0);
  });

  test('control: with the wall off, a connection test follows a name to where it leads the second time', async () => {
    const before = listener.count();
    await roads.test?.(to(at(nameOn('control', 'rebound.test')), true));
    expect(listener.count()).toBeGreaterThan(before);
  });

  test('the address that was looked at is the one that is connected to: one look-up, one connection', async () => {
    let heard = 0;
    const broker = await answering(() => heard++, open);
    const port = Number(broker.address.split(':').at(-1));
    const before = listener.count();
    const connection = new BrokerConnection('pinned.test', port, connectionSettingsOf(to('b:1', allowed)), 500);
    await expect(connection.connect()).rejects.toThrow();
    const endpoint = `http://pinned-token.test:${port}/token`;
    expect(await tokenRoad({ ...tokenClient('x', allowed), endpoint })).toBe('TOKEN_ENDPOINT_UNAVAILABLE');
    await broker.stop();
    expect([resolver.asked('pinned.test'), resolver.asked('pinned-token.test'), heard]).toEqual([1, 1, 2]);
    expect(listener.count()).toBe(before);
  });
});

test.each([300, 301, 302, 303, 307, 308])('a token endpoint that redirects (%s) is not followed', async (status) => {
  const location = `Location: http://127.0.0.1:${listener.port}/token\r\nRefresh: 0; url=http://127.0.0.1:${listener.port}/\r\n`;
  const endpoint = await answering((socket) => socket.end(httpAnswer(`${status} Elsewhere`, '', location)), open);
  const told = await toldOf([endpoint.address], (address) =>
    tokenRoad({ ...tokenClient('x', allowed), endpoint: `http://${address}/token` }),
  );
  await endpoint.stop();
  expect(told).toEqual([[endpoint.address, 'TOKEN_ENDPOINT_MALFORMED']]);
});

import type { LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { allowedOnly, checkAllowed } from '../../activities/kafka/allowedAddress.ts';
import { fetchToken } from '../../activities/kafka/tokenEndpoint.ts';
import { privateNetworksIn } from '../../domain/privateNetworks.ts';

const refused = expect.objectContaining({ code: 'ADDRESS_REFUSED' });
const lookupNothing: LookupFunction = () => undefined;

describe('where private addresses are refused', () => {
  test.each([
    '127.0.0.1',
    '10.1.2.3',
    '169.254.169.254',
    '::1',
    '::ffff:10.1.2.3',
    'fd00::1',
    'localhost',
    '2130706433',
  ])('a host written as %s is, before anything is looked up', (host) => {
    expect(() => allowedOnly(host, false)).toThrow(refused);
  });

  test('a name that leads to one is, in the very look-up that the connection uses', async () => {
    const { lookup = lookupNothing } = allowedOnly('broker.example', false);
    for (const all of [true, false]) {
      // Of all names, this one surely resolves on every machine.
      const answer = promisify(lookup)('localhost', { all });
      await expect(answer).rejects.toMatchObject({
        code: 'ADDRESS_REFUSED',
        message: expect.stringMatching(/^localhost leads to (127\.0\.0\.1|::1), /),
      });
    }
  });

  test("nor may an address of this machine's own, a public one too", () => {
    const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    expect(own.length).toBeGreaterThan(0);
    for (const { address } of own) {
      expect(() => allowedOnly(address, false)).toThrow(refused);
      expect(() => checkAllowed('b.example', [address], privateNetworksIn('10.99.99.0/24') ?? false)).toThrow(refused);
      expect(allowedOnly(address, true)).toEqual({});
    }
  });

  test('one private address among public ones is enough', () => {
    expect(() => checkAllowed('b.example', ['192.0.2.1', 'fe80::1%eth0'], false)).toThrow(refused);
    expect(() => checkAllowed('b.example', ['93.184.216.34', '2606:2800:220:1::1'], false)).not.toThrow();
  });

  test('a token endpoint on one gets no credentials', async () => {
    const client = { clientId: 'c', clientSecret: 's', allowPrivate: false };
    for (const endpoint of ['http://127.0.0.1:1/token', 'http://[::1]:1/token']) {
      await expect(fetchToken({ ...client, endpoint })).rejects.toMatchObject({ failure: { name: 'ADDRESS_REFUSED' } });
    }
  });
});

describe('where some private networks are allowed', () => {
  const allowed = privateNetworksIn('10.0.0.0/8, 192.168.4.0/24,100.64.0.0/10,fd00::/8') ?? false;

  test.each([
    '10.1.2.3',
    '192.168.4.255',
    '::ffff:10.1.2.3',
    '64:ff9b::10.1.2.3',
    'fd12::1',
    '8.8.8.8',
    'broker.example',
  ])('%s may be connected to', (host) => {
    expect(allowedOnly(host, allowed)).toHaveProperty('lookup');
  });

  test.each([
    '192.168.5.1',
    '172.16.0.1',
    '127.0.0.1',
    'localhost',
    '169.254.169.254',
    '::1',
    'fe80::1',
    'fc00::1',
    '100.100.100.200',
    'fd00:ec2::254',
  ])('%s may not', (host) => {
    expect(() => allowedOnly(host, allowed)).toThrow(refused);
  });

  test('nor a name that leads to loopback', () => {
    expect(() => checkAllowed('b.example', ['10.1.2.3', '127.0.0.1'], allowed)).toThrow(refused);
    expect(() => checkAllowed('b.example', ['10.1.2.3', '8.8.8.8'], allowed)).not.toThrow();
  });
});

import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { checkPublic, publicOnly } from '../../activities/kafka/publicAddress.ts';
import { fetchToken } from '../../activities/kafka/tokenEndpoint.ts';

const refused = expect.objectContaining({ code: 'ADDRESS_REFUSED' });

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
    expect(() => publicOnly(host)).toThrow(refused);
  });

  test('a name that leads to one is, in the very look-up that the connection uses', async () => {
    const { lookup } = publicOnly('broker.example');
    for (const all of [true, false]) {
      // Of all names, this one surely resolves on every machine.
      const answer = promisify(lookup)('localhost', { all });
      await expect(answer).rejects.toMatchObject({
        code: 'ADDRESS_REFUSED',
        message: expect.stringMatching(/^localhost leads to (127\.0\.0\.1|::1), /),
      });
    }
  });

  test('one private address among public ones is enough', () => {
    expect(() => checkPublic('b.example', ['192.0.2.1', 'fe80::1%eth0'])).toThrow(refused);
    expect(() => checkPublic('b.example', ['93.184.216.34', '2606:2800:220:1::1'])).not.toThrow();
  });

  test('a token endpoint on one gets no credentials', async () => {
    const client = { clientId: 'c', clientSecret: 's', allowPrivate: false };
    for (const endpoint of ['http://127.0.0.1:1/token', 'http://[::1]:1/token']) {
      await expect(fetchToken({ ...client, endpoint })).rejects.toMatchObject({ failure: { name: 'ADDRESS_REFUSED' } });
    }
  });
});

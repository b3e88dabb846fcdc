import { expect, test } from 'vitest';
import { askerBehind, trustedProxiesIn } from '../../domain/trustedProxies.ts';

const proxies = trustedProxiesIn('10.0.0.5, 10.1.0.0/16,fd00::/8');
const asker = (peer: string, forwardedFor?: string): string | undefined =>
  proxies && askerBehind(peer, forwardedFor, proxies);

test('a proxy of ours is believed, and whoever it believes in turn where that is one too', () => {
  expect(asker('10.0.0.5', '203.0.113.1')).toBe('203.0.113.1');
  expect(asker('10.0.0.5', '203.0.113.1, 10.1.2.3')).toBe('203.0.113.1');
  expect(asker('::ffff:10.0.0.5', '2001:db8::1')).toBe('2001:db8::1');
  expect(asker('fd00::1', '203.0.113.1,fd12::2')).toBe('203.0.113.1');
});

test('what the asker sent itself stands further left, and counts for nothing', () => {
  expect(asker('10.0.0.5', '198.51.100.7, 203.0.113.1')).toBe('203.0.113.1');
  expect(asker('10.0.0.5', '10.1.0.1, 203.0.113.1')).toBe('203.0.113.1');
});

test('nobody else is believed, and what is no address is none', () => {
  expect(asker('203.0.113.1', '198.51.100.7')).toBe('203.0.113.1');
  expect(asker('10.0.0.6', '198.51.100.7')).toBe('10.0.0.6');
  for (const header of [undefined, '', 'unknown', '203.0.113.1:4711', '203.0.113.1, _hidden']) {
    expect(asker('10.0.0.5', header)).toBe('10.0.0.5');
  }
});

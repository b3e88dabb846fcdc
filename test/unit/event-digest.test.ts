import { expect, test } from 'vitest';
import { eventDigest } from '../../domain/eventDigest.ts';

test('customer and idempotency key give the same digest in every version: a POST that is sent again is the same event', () => {
  expect(eventDigest('acct_8K2zRq', 'order-1')).toBe('tPyf8kjjQ936lG24LAvIAg');
});

test('an event without an idempotency key is another one each time', () => {
  expect(eventDigest('acct_8K2zRq', undefined)).toMatch(/^[\w-]{22}$/);
  expect(eventDigest('acct_8K2zRq', undefined)).not.toBe(eventDigest('acct_8K2zRq', undefined));
});

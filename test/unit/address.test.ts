import { describe, expect, test } from 'vitest';
import { hostPortOf, isPrivateHost } from '../../domain/address.ts';

describe('the address of a broker', () => {
  test.each([
    ['broker-1.example.com:9093', { host: 'broker-1.example.com', port: 9093 }],
    ['kafka_1:9092', { host: 'kafka_1', port: 9092 }],
    ['192.0.2.7:65535', { host: '192.0.2.7', port: 65535 }],
    ['[2001:db8::1]:9092', { host: '2001:db8::1', port: 9092 }],
  ])('%s is one', (text, address) => {
    expect(hostPortOf(text)).toEqual(address);
  });
  test.each([
    'broker',
    'broker:',
    ':9092',
    'broker:0',
    'broker:65536',
    'kafka://broker:9092',
    'user@broker:9092',
    'broker:9092/path',
    '2001:db8::1:9092',
    '[broker]:9092',
    '-broker:9092',
    'a..b:9092',
    'broker :9092',
    `${'a'.repeat(64)}.com:9092`,
  ])('%s is none', (text) => {
    expect(hostPortOf(text)).toBeUndefined();
  });
});

describe('a host on this machine or a private network', () => {
  test.each([
    'localhost',
    'LOCALHOST.',
    'kafka.localhost',
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '0.0.0.0',
    '10.1.2.3',
    '172.31.255.255',
    '192.168.0.1',
    '100.64.0.1',
    '169.254.169.254',
    '::1',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::7f00:1',
    '64:ff9b::10.1.2.3',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b::',
    '64:ff9b:1::808:808',
    '64:ff9b::7f00:1%lo',
    '2001:0:7f00:1::',
    '2002:7f00:1::',
    '::ffff:0:127.0.0.1',
    'fc00::1',
    'fe80::1',
    'fe80::1%eth0',
    '::1%lo',
  ])('%s', (host) => {
    expect(isPrivateHost(host)).toBe(true);
  });
  test.each([
    'example.com',
    'localhost.example.com',
    '10.example.com',
    '8.8.8.8',
    '172.32.0.1',
    '2606:4700::1111',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
    '64:FF9B:0:0:0:0:8.8.8.8',
  ])('is not %s', (host) => {
    expect(isPrivateHost(host)).toBe(false);
  });
});

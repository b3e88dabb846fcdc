import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { BlockList } from 'node:net';
import { describe, expect, test } from 'vitest';
import {
  allowPrivateIn,
  apiVariables,
  readApiConfig,
  readStoreConfig,
  readWorkerConfig,
  workerVariables,
} from '../../domain/config.ts';
import { CausewayError } from '../../domain/error.ts';

const key = randomBytes(32).toString('base64');
const least = { DATABASE_URL: 'postgres://u:p@127.0.0.1:5432/db', CAUSEWAY_SECRET_KEYS: `k1:${key}` };

function refusal(env: Record<string, string>): { code: string; remedy: string } {
  try {
    readApiConfig(env);
  } catch (error) {
    if (error instanceof CausewayError) return error;
  }
  throw new Error('It was not refused.');
}

test('two variables are enough, and an empty one is as good as none', () => {
  const config = readApiConfig({ ...least, CAUSEWAY_API_PORT: '', LOG_LEVEL: '' });
  expect(config).toMatchObject({ CAUSEWAY_API_PORT: 8080, LOG_LEVEL: 'info', CAUSEWAY_ALLOW_PRIVATE_BROKERS: false });
  expect(readWorkerConfig(least)).toMatchObject({ TEMPORAL_ADDRESS: '127.0.0.1:7233' });
});

describe('a wrong value is named, with what would be right', () => {
  test.each([
    ['DATABASE_URL', 'mysql://u:hunter2@h/db', 'must be postgres://user:password@host:port/database'],
    ['DATABASE_URL', 'postgres://u:hunter2@h:port/db', 'must be postgres://user:password@host:port/database'],
    ['CAUSEWAY_SECRET_KEYS', 'k1:hunter2', 'has no usable key "k1": a key is 32 bytes in base64'],
    ['CAUSEWAY_SECRET_KEYS', `${key}`, 'must be id:key, comma-separated'],
    ['CAUSEWAY_SECRET_KEYS', ' , ', 'holds no key: it must be id:key'],
    ['CAUSEWAY_SECRET_KEYS_FILE', '/hunter2', 'must not be set together: the key ring comes from one of them'],
    ['CAUSEWAY_SECRET_KEYS_COMMAND', 'cat hunter2', 'must not be set together: the key ring comes from one of them'],
    ['CAUSEWAY_SECRET_KEYS', `k1:${key},k1:${key}`, 'must give each key an id of its own'],
    ['CAUSEWAY_PAYLOAD_KEYS', 'k1:hunter2', 'has no usable key "k1": a key is 32 bytes in base64'],
    ['CAUSEWAY_PAYLOAD_KEYS', `clear,k1:hunter2`, 'has no usable key "k1": a key is 32 bytes in base64'],
    ['CAUSEWAY_PAYLOAD_KEYS', `k1:${key},clear`, 'must be id:key, comma-separated'],
    [
      'CAUSEWAY_CODEC_ORIGINS',
      'https://hunter2.example.com/',
      'must be origins, comma-separated, for example https://',
    ],
    ['CAUSEWAY_CODEC_ORIGINS', '*', 'must be origins, comma-separated, for example https://'],
    ['TEMPORAL_ADDRESS', 'http://127.0.0.1:7233', 'must be host:port, for example 127.0.0.1:7233'],
    ['TEMPORAL_ADDRESS', '127.0.0.1:99999', 'must be host:port, for example 127.0.0.1:7233'],
    ['LOG_LEVEL', 'loud', 'must be trace, debug, info, warn or error'],
    ['CAUSEWAY_ALLOW_PRIVATE_BROKERS', 'yes', 'must be true or false'],
    ...[
      'hunter2',
      '10.0.0.0',
      '10.0.0.0/33',
      '10.0.0.0/7',
      '127.0.0.0/8',
      '169.254.0.0/16',
      '::1/128',
      '8.8.8.0/24',
      ',',
    ].map((networks) => [
      'CAUSEWAY_PRIVATE_NETWORKS',
      networks,
      'must be private networks, comma-separated, each within 10.0.0.0/8, ',
    ]),
    ['CAUSEWAY_API_PORT', '65536', 'must be a whole number from 0 to 65535 (TCP port)'],
    ['CAUSEWAY_API_KEY', 'hunter2', 'must be 20 to 200 characters of A-Z a-z 0-9 . _ ~ + / = -'],
    ...['causeway.example.com', 'ftp://causeway.example.com', 'https://hunter2@h', 'https://h/path', 'https://h?x'].map(
      (url) => [
        ...[
          'CAUSEWAY_PUBLIC_URL',
          url,
          'must be scheme and host of the dashboard, without a path, for example https://',
        ],
      ],
    ),
    ...['proxy.example.com', '10.0.0.0/33', '0.0.0.0/0', '10.0.0.5,', '::/0'].map((proxies) => [
      ...['CAUSEWAY_TRUSTED_PROXIES', proxies, 'must be addresses or networks of your own proxies, comma-separated'],
    ]),
    ['TEMPORAL_UI_URL', '127.0.0.1:8233', 'must be the address of the Temporal UI, for example http://127.0.0.1:8233'],
    ['CAUSEWAY_EVENT_BYTES_MAX', '900001', 'must be a whole number from 1024 to 900000 (bytes)'],
    ['CAUSEWAY_WAITING_BYTES_MAX', '64MB', 'must be a whole number from 1048576 to 4294967296 (bytes)'],
    ['CAUSEWAY_LANE_HISTORY_EVENTS_MAX', '4001', 'must be a whole number from 50 to 4000 (history events)'],
    ['CAUSEWAY_LANE_HISTORY_BYTES_MAX', '2621441', 'must be a whole number from 65536 to 2621440 (bytes)'],
    ['CAUSEWAY_EVENT_INDEX_DAYS', '0', 'must be a whole number from 1 to 3650 (days)'],
  ])('%s=%s', (name, value, expected) => {
    const { code, remedy } = refusal({ ...least, [name]: value });
    expect(code).toBe('configuration_invalid');
    expect(remedy).toContain(`${name} ${expected}`);
    expect(remedy).not.toContain('hunter2'); // Values may be secrets.
  });

  test('all of them at once, the missing ones too', () => {
    const { remedy } = refusal({ LOG_LEVEL: 'loud', CAUSEWAY_API_PORT: 'http' });
    for (const name of ['DATABASE_URL', 'CAUSEWAY_SECRET_KEYS', 'LOG_LEVEL', 'CAUSEWAY_API_PORT']) {
      expect(remedy).toMatch(new RegExp(`(^|; )${name} must `));
    }
  });
});

test('private networks are closed, open by the list, or open all together', () => {
  const networks = { CAUSEWAY_PRIVATE_NETWORKS: '10.0.0.0/8,fd00::/8' };
  const all = { CAUSEWAY_ALLOW_PRIVATE_BROKERS: 'true' };
  expect(allowPrivateIn(readApiConfig(least))).toBe(false);
  expect(allowPrivateIn(readWorkerConfig({ ...least, ...networks }))).toBeInstanceOf(BlockList);
  expect(allowPrivateIn(readApiConfig({ ...least, ...networks, ...all }))).toBe(true);
});

test('the variables of the export are all set or none, which only the worker looks at', () => {
  const env = { ...least, CAUSEWAY_EXPORT_CUSTOMER: 'acct_ops' };
  expect(() => readWorkerConfig(env)).toThrow(
    'CAUSEWAY_EXPORT_API and CAUSEWAY_EXPORT_API_KEY must be set where outcomes are exported (docs/export.md)',
  );
  expect(readApiConfig(env).CAUSEWAY_API_PORT).toBe(8080);
  expect(readStoreConfig(env).DATABASE_URL).toBe(least.DATABASE_URL);
});

test('.env.example has every variable that is read, and no other', async () => {
  const text = await readFile(new URL('../../.env.example', import.meta.url), 'utf8');
  const explained = [...text.matchAll(/^#? ?([A-Z][A-Z0-9_]+)=/gm)].map(([, name]) => name);
  expect(explained.toSorted()).toEqual([...new Set([...apiVariables, ...workerVariables])].toSorted());
});

test('.env.example is right as it stands, once a secret key is filled in', async () => {
  const text = await readFile(new URL('../../.env.example', import.meta.url), 'utf8');
  const given = Object.fromEntries([...text.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
  const env = { ...given, CAUSEWAY_SECRET_KEYS: `k1:${key}` };
  expect(readApiConfig(env)).toEqual({
    ...readApiConfig({ CAUSEWAY_SECRET_KEYS: `k1:${key}`, DATABASE_URL: env.DATABASE_URL }),
  });
});

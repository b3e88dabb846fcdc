import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { systemDistrust } from '../../activities/kafka/systemAuthorities.ts';
import { nodeFlags } from '../../dev/programs.ts';

const here = fileURLToPath(import.meta.url);
const withFlag = ['--use-openssl-ca', '--import', 'tsx'];
const distrust = (execArgv: readonly string[], env: Record<string, string> = {}) =>
  systemDistrust({ execArgv, env, isShared: true });

test.each([
  ['package.json', 2],
  ['docker-compose.yml', 2],
  ['Dockerfile', 1],
])('%s starts API and worker with every flag that npm start has', async (file, times) => {
  const text = await readFile(new URL(`../../${file}`, import.meta.url), 'utf8');
  for (const flag of nodeFlags.filter((one) => one.startsWith('--') && one !== '--import')) {
    expect([flag, text.split(flag).length - 1]).toEqual([flag, times]);
  }
});

describe('a process says so that does not trust the system', () => {
  test('started without the flag', () => {
    expect(distrust(['--import', 'tsx'])).toContain('without --use-openssl-ca');
    expect(distrust([], { NODE_OPTIONS: '--use-openssl-cat' })).toContain('without --use-openssl-ca');
  });

  test.each(['SSL_CERT_FILE', 'SSL_CERT_DIR'])('whose %s names nothing', (name) => {
    expect(distrust(withFlag, { [name]: '/nowhere/at/all' })).toContain(`${name} names /nowhere/at/all`);
  });

  test('and not one that does', () => {
    expect(distrust(withFlag)).toBeUndefined();
    expect(distrust([], { NODE_OPTIONS: '--use-openssl-ca' })).toBeUndefined();
    expect(distrust(withFlag, { SSL_CERT_FILE: here, SSL_CERT_DIR: `/:${dirname(here)}` })).toBeUndefined();
  });
});

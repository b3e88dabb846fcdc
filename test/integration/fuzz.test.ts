/** schemathesis makes requests from the API's own description, right and wrong ones, and holds the answers against it. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Schemathesis, schemathesis } from '../../dev/servers/schemathesis.ts';
import { type Causeway, startCauseway } from '../harness/causeway.ts';
import { type Description, operationsOf } from '../harness/openapi.ts';

const installMsMax = 10 * 60_000;

let causeway: Causeway;
let dir: string;
let program: Schemathesis;
beforeAll(async () => {
  program = await schemathesis(); // Which throws where there is no Python.
  // Brokers are made up, too: behind the wall none on this machine is connected to.
  causeway = await startCauseway({ env: { CAUSEWAY_ALLOW_PRIVATE_BROKERS: 'false' } });
  dir = await mkdtemp(join(tmpdir(), 'causeway-fuzz-'));
}, installMsMax);
afterAll(async () => {
  await causeway?.stop();
  if (dir) await rm(dir, { recursive: true, force: true });
});

const fuzzDir = fileURLToPath(new URL('../harness/fuzz/', import.meta.url));
const fuzzMsMax = 75_000;
const checks = [
  ...['not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_headers_conformance'],
  ...['response_schema_conformance', 'negative_data_rejection', 'ignored_auth'],
];

/** What it prints, and how it ends: 0 where it found nothing. */
async function fuzzed(...more: string[]): Promise<{ code: number | null; printed: string }> {
  const { command, args } = program;
  const { url, key } = causeway.api;
  const options = [
    ...[
      '--config-file',
      join(fuzzDir, 'schemathesis.toml'),
      'run',
      `${url}/openapi.json`,
      '--url',
      url,
      '--header',
      `Authorization: Bearer ${key}`,
    ],
    ...['--checks', checks.join(), '--phases', 'examples,coverage,fuzzing', '--max-time', `${fuzzMsMax / 1_000}`],
    ...['--generation-database', 'none', '--request-timeout', '30', '--no-color', '--warnings', 'off', ...more],
  ];
  const env = { ...process.env, SCHEMATHESIS_HOOKS: 'hooks', PYTHONPATH: fuzzDir, PYTHONDONTWRITEBYTECODE: '1' };
  const child = spawn(command, [...args, ...options], { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const out of [child.stdout, child.stderr]) out.setEncoding('utf8').on('data', (text) => (printed += text));
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  return { code, printed };
}

test(
  'whatever is sent, the API answers no 5xx, and nothing that its description does not have',
  async () => {
    const report = join(dir, 'events.ndjson');
    const { code, printed } = await fuzzed('--report', 'ndjson', '--report-ndjson-path', report);
    if (code !== 0) throw new Error(`schemathesis ended with ${code}:\n${printed}`);
    // And it was let in, and asked every operation.
    const asked = await readFile(report, 'utf8');
    const { body } = await causeway.api.get('/openapi.json');
    for (const { name } of operationsOf(body as Description)) expect(asked).toContain(`"${name}"`);
    expect((await causeway.api.get('/v1/api-keys')).status).toBe(200);
  },
  3 * fuzzMsMax,
);

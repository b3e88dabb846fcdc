/** schemathesis makes requests from the API's own description, right and wrong ones, and holds the answers against it. */
import { spawn } from 'node:child_process';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
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
const fuzzSeconds = 60;
const checks = [
  ...['not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_headers_conformance'],
  ...['response_schema_conformance', 'negative_data_rejection', 'ignored_auth'],
];

type Fuzz = {
  /** The API key that it asks with. */
  key: string;
  seconds: number;
  /** Which operations. */
  chosen: string[];
};

/** Where it tells what it has found; before that, what it was called with. */
const findings = /^=+ (?:ERRORS|FAILURES) =+$/m;

/** Fuzzes, and answers what was asked, as text. Throws with what schemathesis has found; all that it says is in a log beside the API's. */
async function fuzzed({ key, seconds, chosen }: Fuzz): Promise<string> {
  const { command, args } = program;
  const { url } = causeway.api;
  const report = join(dir, `${chosen.length}-${seconds}.ndjson`);
  const options = [
    ...['--config-file', join(fuzzDir, 'schemathesis.toml'), 'run', `${url}/openapi.json`, '--url', url],
    ...['--header', `Authorization: Bearer ${key}`, ...chosen, '--report', 'ndjson', '--report-ndjson-path', report],
    ...['--checks', checks.join(), '--phases', 'examples,coverage,fuzzing', '--max-time', `${seconds}`],
    ...['--generation-database', 'none', '--request-timeout', '30', '--no-color', '--warnings', 'off'],
  ];
  const env = { ...process.env, SCHEMATHESIS_HOOKS: 'hooks', PYTHONPATH: fuzzDir, PYTHONDONTWRITEBYTECODE: '1' };
  const child = spawn(command, [...args, ...options], { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  const hear = (text: string): void => {
    printed += text;
  };
  for (const out of [child.stdout, child.stderr]) out.setEncoding('utf8').on('data', hear);
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  await appendFile(join(causeway.logDir, 'schemathesis.log'), printed);
  if (code !== 0) {
    throw new Error(`schemathesis ended with ${code}:\n${printed.slice(Math.max(printed.search(findings), 0))}`);
  }
  return await readFile(report, 'utf8');
}

/** It learns ids from answers, so that it would revoke the key that it asks with: these it is given alone, without the list of keys. */
const endKeys = ['/v1/api-keys/{id}', '/v1/api-keys/{id}/rotate'];

test(
  'whatever is sent, the API answers no 5xx, and nothing that its description does not have',
  async () => {
    const { key } = causeway.api;
    const others = await fuzzed({
      key,
      seconds: fuzzSeconds,
      chosen: endKeys.flatMap((path) => ['--exclude-path', path]),
    });
    expect((await causeway.api.get('/v1/api-keys')).status).toBe(200); // It was let in to the end.
    const ofKeys = await fuzzed({ key, seconds: 15, chosen: endKeys.flatMap((path) => ['--include-path', path]) });
    const { body } = await causeway.api.get('/openapi.json');
    const names = operationsOf(body as Description).map(({ name }) => name);
    expect(names.filter((name) => !`${others}${ofKeys}`.includes(`"${name}"`))).toEqual([]);
  },
  5 * fuzzSeconds * 1_000,
);

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporalCli } from '../../dev/servers/temporal.ts';
import type { Causeway } from './causeway.ts';
import { sharedServers } from './sharedServers.ts';

/** The commands of a guide, in order: the lines of its indented blocks that begin with one of these words. */
export async function commandsIn(path: string, programs: readonly string[]): Promise<string[]> {
  const text = await readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
  const lines = text.split('\n').filter((line) => /^ {4}\S/.test(line));
  return lines.map((line) => line.trim()).filter((line) => programs.includes(line.split(' ')[0] ?? ''));
}

/** The indented blocks of one section of a guide, in order, as a reader copies them. */
export async function blocksIn(path: string, heading: string): Promise<string[]> {
  const text = await readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
  const [, after = ''] = text.split(`\n## ${heading}\n`);
  const [section = ''] = after.split('\n## ');
  const blocks = section.match(/(?:^ {4}.*\n)+/gm) ?? [];
  return blocks.map((block) => block.replace(/^ {4}/gm, ''));
}

export type OperatorsShell = {
  /** Runs this by bash, with the guide's variables and these; what it printed. */
  run(script: string, variables?: Record<string, string>): Promise<string>;
  remove(): Promise<void>;
};

/** A shell that finds `temporal` and `causeway` as an operator's does, each with nothing but the settings that the guide names. */
export async function operatorsShell({ api, temporal }: Pick<Causeway, 'api' | 'temporal'>): Promise<OperatorsShell> {
  const bin = await mkdtemp(join(tmpdir(), 'causeway-bin-'));
  await symlink(await temporalCli(), join(bin, 'temporal'));
  await symlink(sharedServers().code.cli, join(bin, 'causeway'));
  const settings = {
    ...{ CAUSEWAY_API: api.url, CAUSEWAY_API_KEY: api.key },
    ...{ TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.namespace, QUEUE: temporal.taskQueue },
    TEMPORAL_CODEC_ENDPOINT: `${api.url}/codec`,
    PATH: `${bin}:${process.env.PATH}`,
  };
  const execute = promisify(execFile);
  return {
    run: async (script, variables = {}) => {
      const env = { ...process.env, ...settings, ...variables };
      const { stdout, stderr } = await execute('bash', ['-c', script], { env, maxBuffer: 16 * 1024 * 1024 });
      return stdout + stderr;
    },
    remove: () => rm(bin, { recursive: true, force: true }),
  };
}

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { say } from '../servers/progress.ts';
import { buildDashboard, dashboardDist, stampName } from './build.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** What the build is made of: its own sources, what they take from the API's, the libraries, and how it is built. */
const sources = ['dashboard', 'api/schemas', 'domain', 'dev/dashboard', 'package-lock.json', 'tsconfig.json'];

/** Builds the dashboard where it is missing, or was made of other sources than there are now. Throws what the build finds wrong. */
export async function dashboardUpToDate(): Promise<void> {
  const now = await digestOf(sources);
  const madeOf = await readFile(join(dashboardDist, stampName), 'utf8').catch(() => undefined);
  if (madeOf === now) return;
  say('Building the dashboard …');
  await buildDashboard(now);
}

async function digestOf(paths: readonly string[]): Promise<string> {
  const files = (await Promise.all(paths.map(filesIn))).flat().sort();
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file}\0`).update(await readFile(join(root, file)));
  return hash.digest('hex');
}

/** The files below this path, but for builds, which `dashboard/dist` and what becomes it are. */
async function filesIn(path: string): Promise<string[]> {
  const entries = await readdir(join(root, path), { withFileTypes: true }).catch(() => undefined);
  if (!entries) return [path];
  const below = entries
    .filter(({ name }) => !/^(dist($|\.)|node_modules$)/.test(name))
    .map((entry) => (entry.isDirectory() ? filesIn(join(path, entry.name)) : [join(path, entry.name)]));
  return (await Promise.all(below)).flat();
}

import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { say } from '../servers/progress.ts';
import { buildDashboard, dashboardDist } from './build.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** What the build is made of: its own sources, what they take from the API's, the libraries, and how it is built. */
const sources = ['dashboard', 'api/schemas', 'domain', 'dev/dashboard', 'package-lock.json', 'tsconfig.json'];
/** In the build, which of them it was made of. */
const stampFile = join(dashboardDist, 'made-of');

/** Builds the dashboard where it is missing, or was made of other sources than there are now. Throws what the build finds wrong. */
export async function dashboardUpToDate(): Promise<void> {
  const now = await digestOf(sources);
  if ((await readFile(stampFile, 'utf8').catch(() => undefined)) === now) return;
  say('Building the dashboard …');
  await buildDashboard();
  await writeFile(stampFile, now);
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

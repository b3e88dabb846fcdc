import { readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { pageOf } from './markdown.ts';
import type { FaultRun } from './results.ts';

const resultsDir = fileURLToPath(new URL('../results/', import.meta.url));
const page = fileURLToPath(new URL('../../../docs/reliability.md', import.meta.url));

/** Makes the page of all figures that are kept; returns its path. */
export async function writePage(): Promise<string> {
  const files = (await readdir(resultsDir)).filter((name) => name.endsWith('.json')).sort();
  // The run wrote them itself, by its own types.
  const runs = await Promise.all(
    files.map(async (name) => JSON.parse(await readFile(resultsDir + name, 'utf8')) as FaultRun),
  );
  await writeFile(page, pageOf(runs));
  return page;
}

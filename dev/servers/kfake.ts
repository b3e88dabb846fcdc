import { createHash } from 'node:crypto';
import { cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installed, isInstalled, requireTools, run, type Tool } from './install.ts';
import { longStep } from './progress.ts';

const sources = fileURLToPath(new URL('./kfake/', import.meta.url));
const buildMsMax = 15 * 60_000;

async function folder(): Promise<string> {
  const digest = createHash('sha256');
  for (const file of (await readdir(sources)).sort()) digest.update(file).update(await readFile(join(sources, file)));
  return `kfake-${digest.digest('hex').slice(0, 12)}`;
}

export const kfakeTools = async (): Promise<Tool[]> => ((await isInstalled(await folder())) ? [] : ['go']);

/** The path of our Kafka that misbehaves on order, built where its sources have changed. */
export async function kfakeBinary(): Promise<string> {
  const dir = await installed(await folder(), async (partial) => {
    await requireTools('go');
    await longStep('Building kfake, a Kafka that misbehaves on order', 'about 20 seconds, once', async () => {
      const copy = join(partial, 'source'); // Go writes into a module's folder now and then.
      await cp(sources, copy, { recursive: true });
      await run('go', ['build', '-o', join(partial, 'kfake'), '.'], { cwd: copy, timeoutMs: buildMsMax });
    });
  });
  return join(dir, 'kfake');
}

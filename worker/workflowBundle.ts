import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BundleOptions, bundleWorkflowCode, type WorkflowBundle } from '@temporalio/worker';
import { dataConverter } from '../domain/dataConverter.ts';

/** Where the code is, and the folder in which bundles of it are kept. */
export type BundlePlaces = { root: string; cacheDir: string; payloadConverterPath: string };

/** Encodes what failures say: its path, or undefined where they say it in the clear. Part of the bundle, for workflows fail too. */
export type FailureConverterPath = string | undefined;

const root = fileURLToPath(new URL('..', import.meta.url));
const ours: BundlePlaces = {
  root,
  cacheDir: join(root, 'node_modules', '.cache', 'causeway'),
  payloadConverterPath: dataConverter.payloadConverterPath,
};

/** What workflows are made of, beside what the lock file names. */
const folders = ['workflows', 'domain'];
const lockFile = 'package-lock.json';
/** Bundles of earlier versions of the code are kept for who goes back to them. */
const keptMax = 4;

/**
 * The workflows' code, as the workers that run them want it. The same code is bundled once: it takes seconds of CPU, which a start has
 * better use for, and one run of the tests starts dozens of workers.
 */
export async function workflowBundle(
  logger: NonNullable<BundleOptions['logger']>,
  { root, cacheDir, payloadConverterPath }: BundlePlaces = ours,
  failureConverterPath?: FailureConverterPath,
): Promise<WorkflowBundle> {
  const kind = failureConverterPath === undefined ? 'workflows' : 'workflows-encoding';
  const file = join(cacheDir, `${kind}-${await digestOf(root)}.js`);
  const known = await readFile(file, 'utf8').catch(() => undefined);
  if (known) return { code: known }; // Not an empty one, which a machine that lost its power may have left.
  const workflowsPath = join(root, 'workflows', 'index.ts');
  // Evaluated once a thread, not once a lane: no module of ours keeps anything of a workflow.
  const preloadModules = [workflowsPath];
  const { code } = await bundleWorkflowCode({
    ...{ workflowsPath, payloadConverterPath, preloadModules, logger },
    ...(failureConverterPath !== undefined && { failureConverterPath }),
  });
  // Where nothing can be written, as in a container, each start bundles anew.
  await keep(cacheDir, file, code).catch(() => undefined);
  return { code };
}

async function digestOf(root: string): Promise<string> {
  const listed = await Promise.all(
    folders.map(async (folder) =>
      (await readdir(join(root, folder), { recursive: true })).map((name) => join(folder, name)),
    ),
  );
  const names = listed
    .flat()
    .filter((name) => name.endsWith('.ts'))
    .toSorted();
  const digest = createHash('sha256').update(await readFile(fileURLToPath(import.meta.url))); // How it is bundled.
  for (const name of [...names, lockFile]) {
    const bytes = await readFile(join(root, name));
    digest.update(`${name}\0${bytes.length}\0`).update(bytes);
  }
  return digest.digest('hex').slice(0, 32);
}

async function keep(cacheDir: string, file: string, code: string): Promise<void> {
  await mkdir(cacheDir, { recursive: true });
  const partial = `${file}.${randomUUID()}`;
  await writeFile(partial, code);
  await rename(partial, file); // Another worker sees the whole of it, or nothing.
  const kept = await Promise.all(
    (await readdir(cacheDir)).map(async (name) => {
      const path = join(cacheDir, name);
      return { path, atMs: (await stat(path).catch(() => undefined))?.mtimeMs ?? 0 };
    }),
  );
  const old = kept.toSorted((a, b) => b.atMs - a.atMs).slice(keptMax);
  for (const { path } of old) await rm(path, { force: true });
}

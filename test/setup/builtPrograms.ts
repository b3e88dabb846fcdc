/** API and worker, built once for a run of the tests. */
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { DefaultLogger } from '@temporalio/worker';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { machineFlags, type ProgramCode, threadFlags } from '../../dev/programs.ts';
import { workflowBundle } from '../../worker/workflowBundle.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const quiet = new DefaultLogger('ERROR');

/** Names the payload converter by its place beside itself: a copy is built there, which Node can load. */
const besideItself = join(root, 'domain', 'dataConverter.ts');

/** A module goes on to find files by its own place, though its code is elsewhere. */
const keepPlaces: Plugin = {
  name: 'keep-places',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (path === besideItself) return undefined;
      const text = await readFile(path, 'utf8');
      return { contents: text.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)), loader: 'ts' };
    }),
};

const alike: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  packages: 'external',
  platform: 'node',
  target: `node${process.versions.node}`,
  keepNames: true, // As tsx does, so that errors and workflow types have their names.
  sourcemap: true,
  sourcesContent: false,
  plugins: [keepPlaces],
};

/**
 * Builds API and worker of the sources as they are, with esbuild, which is what tsx loads them by; packages stay where they are. To load the
 * sources file by file costs each start more CPU than all else that it does (docs/decisions/tests-at-once.md).
 */
export async function builtPrograms(dir: string): Promise<ProgramCode> {
  const converters = ['payloadConverter', 'failureConverter'];
  await mkdir(dir, { recursive: true });
  await Promise.all([
    build({
      ...alike,
      format: 'esm',
      entryPoints: { 'api/main': 'api/main.ts', 'worker/main': 'worker/main.ts' },
      outdir: dir,
      outExtension: { '.js': '.mjs' },
    }),
    // The SDK takes them by `require`.
    ...['api', 'worker'].flatMap((program) =>
      converters.map((name) =>
        build({
          ...alike,
          format: 'cjs',
          entryPoints: [`domain/${name}.ts`],
          outfile: join(dir, program, `${name}.ts`),
        }),
      ),
    ),
    symlink(join(root, 'node_modules'), join(dir, 'node_modules')),
    // Both kinds are kept, for the workers: they would make them with the copies built here.
    workflowBundle(quiet),
    workflowBundle(quiet, undefined, join(root, 'domain', 'failureConverter.ts')),
  ]);
  const flags = [...machineFlags, '--enable-source-maps'];
  return {
    api: [...flags, join(dir, 'api', 'main.mjs')],
    worker: [...flags, ...threadFlags, join(dir, 'worker', 'main.mjs')],
  };
}

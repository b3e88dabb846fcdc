/** API, worker and command line, built once for a run of the tests. */
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { DefaultLogger } from '@temporalio/worker';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { machineFlags, type ProgramCode, threadFlags } from '../../dev/programs.ts';
import { type FailureConverterPath, workflowBundle } from '../../worker/workflowBundle.ts';
import { bundleNames } from './bundleBeside.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const quiet = new DefaultLogger('ERROR');

/** What lies beside the worker that is built, in place of what the sources make at each start. */
const bundleBeside = join(root, 'test', 'setup', 'bundleBeside.ts');

/** They find files beside themselves: copies that Node can load are built there. */
const besideThemselves = [join(root, 'domain', 'dataConverter.ts'), bundleBeside];

/** In place of tsx, which `cli/causeway.mjs` has load the sources: here they are in its file. */
const nothingToLoad: Plugin = {
  name: 'nothing-to-load',
  setup: ({ onLoad, onResolve }) => {
    onResolve({ filter: /^tsx\/esm\/api$/ }, ({ path }) => ({ path, namespace: 'nothing-to-load' }));
    onLoad({ filter: /.*/, namespace: 'nothing-to-load' }, () => ({ contents: 'export const register = () => {};' }));
  },
};

/** A module goes on to find files by its own place, though its code is elsewhere. */
const keepPlaces: Plugin = {
  name: 'keep-places',
  setup: ({ onLoad, onResolve }) => {
    onResolve({ filter: /\/workflowBundle\.ts$/ }, () => ({ path: bundleBeside }));
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (besideThemselves.includes(path)) return undefined;
      const text = await readFile(path, 'utf8');
      return { contents: text.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)), loader: 'ts' };
    });
  },
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
  plugins: [keepPlaces, nothingToLoad],
};

async function bundleInto(file: string, failureConverterPath?: FailureConverterPath): Promise<void> {
  await writeFile(file, (await workflowBundle(quiet, undefined, failureConverterPath)).code);
}

/** What is built: API and worker, and the path of the command line. */
export type BuiltPrograms = ProgramCode & { cli: string };

/**
 * Builds API, worker and command line of the sources as they are, with esbuild, which is what tsx loads them by; packages stay where they are. To load the
 * sources file by file costs each start more CPU than all else that it does (docs/decisions/tests-at-once.md).
 */
export async function builtPrograms(dir: string): Promise<BuiltPrograms> {
  const converters = ['payloadConverter', 'failureConverter'];
  const workerDir = join(dir, 'worker');
  await mkdir(workerDir, { recursive: true });
  await Promise.all([
    build({
      ...alike,
      format: 'esm',
      entryPoints: ['api/main.ts', 'worker/main.ts', 'cli/causeway.mjs'],
      outbase: '.',
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
    bundleInto(join(workerDir, bundleNames.plain)),
    bundleInto(join(workerDir, bundleNames.encoding), join(root, 'domain', 'failureConverter.ts')),
  ]);
  const cli = join(dir, 'cli', 'causeway.mjs');
  await chmod(cli, 0o755);
  const flags = [...machineFlags, '--enable-source-maps'];
  return {
    api: [...flags, join(dir, 'api', 'main.mjs')],
    worker: [...flags, ...threadFlags, join(workerDir, 'main.mjs')],
    cli,
  };
}

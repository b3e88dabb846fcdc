/** Builds the dashboard: dashboard/src → dashboard/dist. */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { build, type Metafile } from 'esbuild';
import { swapIn } from './swapIn.ts';

const source = fileURLToPath(new URL('../../dashboard', import.meta.url));
/** Where API processes look for it. */
export const dashboardDist = join(source, 'dist');

/** In a build: what it was made of, where that was said. */
export const stampName = 'made-of';

export type DashboardFile = { name: string; bytes: number; gzipBytes: number; isFirst: boolean };

/**
 * Answers the files, `isFirst` for those that every page needs. It is made in a folder beside and renamed: a server that runs meanwhile
 * never sees half of it, nor does another build. `madeOf` is kept in it. Throws what esbuild finds wrong.
 */
export async function buildDashboard(madeOf?: string, to: string = dashboardDist): Promise<DashboardFile[]> {
  const partial = `${to}.partial-${randomUUID()}`;
  await mkdir(partial, { recursive: true });
  try {
    const metafile = await bundled(join(partial, 'assets'));
    const first = firstFiles(metafile);
    await writeFile(join(partial, 'index.html'), await indexHtml(first));
    const files = await compressed(partial, new Set([...first.scripts, ...first.styles, 'index.html']));
    if (madeOf !== undefined) await writeFile(join(partial, stampName), madeOf);
    await swapIn(partial, to);
    return files;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function bundled(outdir: string): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: dirname(source),
    entryPoints: { app: join(source, 'src/main.tsx'), icon: join(source, 'src/icon.svg') },
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    target: ['es2022'],
    jsx: 'automatic',
    minify: true,
    metafile: true,
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    loader: { '.svg': 'copy' },
    define: { 'process.env.NODE_ENV': '"production"' },
    legalComments: 'linked', // The libraries' licences go along.
    logLevel: 'warning',
  });
  return metafile;
}

type First = { scripts: string[]; styles: string[]; icon: string };

/** What index.html names: the entry, and the chunks that it imports at once. */
function firstFiles({ outputs }: Metafile): First {
  const entryOf = (end: string): string => {
    const found = Object.entries(outputs).find(([, { entryPoint }]) => entryPoint?.endsWith(end));
    if (!found) throw new Error(`The build made nothing of ${end}.`);
    return found[0];
  };
  const entry = entryOf('main.tsx');
  const scripts = new Set([entry]);
  for (const name of scripts) {
    for (const { path, kind } of outputs[name]?.imports ?? []) if (kind === 'import-statement') scripts.add(path);
  }
  const { cssBundle } = outputs[entry] ?? {};
  return {
    scripts: [...scripts].map((path) => `assets/${basename(path)}`),
    styles: cssBundle === undefined ? [] : [`assets/${basename(cssBundle)}`],
    icon: `assets/${basename(entryOf('icon.svg'))}`,
  };
}

async function indexHtml({ scripts, styles, icon }: First): Promise<string> {
  const [entry = '', ...others] = scripts;
  const links = [
    `<link rel="icon" type="image/svg+xml" href="/${icon}">`,
    ...styles.map((href) => `<link rel="stylesheet" href="/${href}">`),
    ...others.map((href) => `<link rel="modulepreload" href="/${href}">`),
  ];
  const html = await readFile(join(source, 'index.html'), 'utf8');
  return html
    .replace('<!-- links -->', links.join('\n    '))
    .replace('<!-- script -->', `<script type="module" src="/${entry}"></script>`);
}

/** Each file gets a `.gz` and a `.br` beside it, so that no request waits for a compressor. */
async function compressed(dir: string, first: ReadonlySet<string>): Promise<DashboardFile[]> {
  const names = ['index.html', ...(await readdir(join(dir, 'assets'))).map((name) => `assets/${name}`)];
  return Promise.all(
    names.map(async (name) => {
      const bytes = await readFile(join(dir, name));
      const zipped = await promisify(gzip)(bytes, { level: constants.Z_BEST_COMPRESSION });
      const params = {
        [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      };
      await writeFile(join(dir, `${name}.gz`), zipped);
      await writeFile(join(dir, `${name}.br`), await promisify(brotliCompress)(bytes, { params }));
      return { name, bytes: bytes.length, gzipBytes: zipped.length, isFirst: first.has(name) };
    }),
  );
}

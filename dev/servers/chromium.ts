/** The browser that the dashboard's tests drive: CHROMIUM_PATH, one on PATH, Playwright's own download, or Debian's package. */
import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { exists, installed, onPath, run } from './install.ts';
import { longStep, say } from './progress.ts';

const names = ['chromium', 'chromium-browser', 'google-chrome'];
const downloadMsMax = 3 * 60_000;
const packageMsMax = 15 * 60_000;
/** What a download needs that Debian's package has with it. */
const packages = ['chromium', 'fonts-dejavu-core'];

const nothingWorked = (reasons: readonly string[]): Error =>
  new Error(
    `The dashboard's tests need Chromium: install it (Debian: apt-get install chromium; macOS: brew install chromium), or name one in CHROMIUM_PATH. What was tried:\n${reasons.join('\n')}`,
  );

/** Whether it starts at all: one that lacks libraries of the system does not. */
const starts = (path: string): Promise<boolean> =>
  run(path, ['--version'], { timeoutMs: 60_000 }).then(
    () => true,
    () => false,
  );

/** The path of a Chromium that starts. Throws with what to install, where none can be had. */
export async function chromiumPath(): Promise<string> {
  const given = process.env.CHROMIUM_PATH;
  if (given) {
    if (await starts(given)) return given;
    throw new Error(`CHROMIUM_PATH names ${given}, which does not start: name a Chromium that does, or unset it.`);
  }
  const found = await onAnyPath();
  if (found !== undefined) return found;
  const reasons: string[] = [];
  for (const way of [downloaded, packaged, unpacked]) {
    const path = await way().catch((error: unknown) => {
      reasons.push(error instanceof Error ? error.message : String(error));
      return undefined;
    });
    if (path !== undefined && (await starts(path))) return path;
    if (path !== undefined) reasons.push(`${path} does not start.`);
  }
  throw nothingWorked(reasons);
}

async function onAnyPath(): Promise<string | undefined> {
  for (const name of names) {
    const path = await onPath(name);
    if (path !== undefined && (await starts(path))) return path;
  }
  return undefined;
}

/** Playwright's own download, of the revision that it is made for. */
async function downloaded(): Promise<string> {
  const cli = join(dirname(createRequire(import.meta.url).resolve('playwright-core/package.json')), 'cli.js');
  const dir = await installed('chromium-playwright', async (partial) => {
    say('Downloading Chromium as Playwright has it …');
    const env = { PLAYWRIGHT_BROWSERS_PATH: partial, PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT: '10000' };
    await run(process.execPath, [cli, 'install', 'chromium-headless-shell'], { env, timeoutMs: downloadMsMax });
    if (!(await binaryIn(partial))) throw new Error('Playwright downloaded no Chromium.');
  });
  const path = await binaryIn(dir);
  if (path === undefined) throw new Error(`There is no Chromium in ${dir}.`);
  return path;
}

const binaryNames = ['chrome-headless-shell', 'headless_shell', 'chrome'];

async function binaryIn(dir: string): Promise<string | undefined> {
  for (const entry of await readdir(dir, { withFileTypes: true, recursive: true })) {
    if (entry.isFile() && binaryNames.includes(entry.name)) return join(entry.parentPath, entry.name);
  }
  return undefined;
}

/** Debian's package, where we may install it. */
async function packaged(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  if (!(await onPath('apt-get'))) throw new Error('There is no apt-get here.');
  await longStep('Installing Debian’s package chromium', 'about a minute, once', async () => {
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['update', '--quiet'], { env, timeoutMs: packageMsMax });
    await run('apt-get', ['install', '--yes', '--quiet', '--no-install-recommends', ...packages], {
      env,
      timeoutMs: packageMsMax,
    });
  });
  return onAnyPath();
}

/** Debian's package and those that it needs, downloaded and unpacked into the cache: for that nobody must be root. */
async function unpacked(): Promise<string> {
  for (const command of ['apt-get', 'dpkg-deb']) {
    if (!(await onPath(command))) throw new Error(`There is no ${command} here.`);
  }
  const dir = await installed('chromium-debian', async (partial) => {
    await longStep('Downloading Debian’s package chromium', 'about a minute, once', () => unpackInto(partial));
  });
  return join(dir, 'chromium');
}

async function unpackInto(dir: string): Promise<void> {
  const lists = join(dir, 'lists');
  const cache = join(dir, 'cache');
  for (const path of [join(lists, 'partial'), join(cache, 'archives', 'partial')])
    await mkdir(path, { recursive: true });
  // Apt with folders of ours: those of the system are root's.
  const settings = {
    'Dir::State::lists': lists,
    'Dir::Cache': cache,
    'Debug::NoLocking': 'true',
    'APT::Sandbox::User': '',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  await run('apt-get', [...options, 'update', '--quiet'], { timeoutMs: packageMsMax });
  const wanted = ['install', '--yes', '--quiet', '--download-only', '--no-install-recommends', ...packages];
  await run('apt-get', [...options, ...wanted], { timeoutMs: packageMsMax });
  const archives = join(cache, 'archives');
  for (const name of (await readdir(archives)).filter((one) => one.endsWith('.deb'))) {
    await run('dpkg-deb', ['--extract', join(archives, name), join(dir, 'root')], { timeoutMs: packageMsMax });
  }
  await rm(lists, { recursive: true, force: true });
  await rm(cache, { recursive: true, force: true });
  if (!(await exists(join(dir, 'root/usr/lib/chromium/chromium')))) throw new Error('The package holds no Chromium.');
  await writeFile(join(dir, 'fonts.conf'), fontsConf);
  await writeFile(join(dir, 'chromium'), starter);
  await chmod(join(dir, 'chromium'), 0o755);
}

/** Its libraries and fonts are beside it, wherever that is. */
const starter = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
libraries=$(find "$here/root/usr/lib" "$here/root/lib" -maxdepth 2 -type d 2>/dev/null | tr '\\n' ':')
export LD_LIBRARY_PATH="$libraries$LD_LIBRARY_PATH"
[ -e /etc/fonts/fonts.conf ] || export FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/root/usr/lib/chromium/chromium" "$@"
`;

const fontsConf = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir prefix="relative">root/usr/share/fonts</dir><dir>/usr/share/fonts</dir><cachedir prefix="xdg">fontconfig</cachedir></fontconfig>
`;

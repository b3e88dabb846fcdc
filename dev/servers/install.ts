import { access, constants, link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startGroup } from './groups.ts';
import { say } from './progress.ts';

/** Parts can't be installed because commands are missing; the messages of several are shown as one line. */
export class MissingTools extends Error {
  override readonly name = 'MissingTools';
  constructor(readonly tools: readonly Tool[]) {
    super(missingToolsLine(tools));
  }
}

export type Tool = 'go' | 'java' | 'mvn';

const toolNames: Record<Tool, string> = { go: 'Go 1.25 or later', java: 'Java 17 or later', mvn: 'Maven' };

/** The one line that says what to install. */
export function missingToolsLine(tools: readonly Tool[]): string {
  const names = (['java', 'mvn', 'go'] as const).filter((tool) => tools.includes(tool)).map((tool) => toolNames[tool]);
  return `Causeway needs real servers to run: install ${names.join(', ')} (Debian 12 or later: apt-get install default-jre-headless maven; Go: https://go.dev/dl), then try again; or use Docker: docker compose up.`;
}

const cacheBase = () => process.env.XDG_CACHE_HOME || join(homedir(), '.cache');

/** Where parts are installed for this user, one versioned folder each. */
export const cacheDir = () => join(cacheBase(), 'causeway');

/** Whether something is there. */
export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Whether a part is in this user's cache. */
export const isInstalled = (name: string): Promise<boolean> => exists(join(cacheDir(), name));

/** The full path of a command on PATH, or undefined. */
export async function onPath(command: string): Promise<string | undefined> {
  for (const dir of (process.env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const path = join(dir, command);
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return path;
  }
  return undefined;
}

/** The oldest version that will do, and how a tool says its own. */
export type WantedVersion = { args: string[]; pattern: RegExp; oldest: number };

/** Go gets itself the newer one that a build asks for. */
const versions: Partial<Record<Tool, WantedVersion>> = {
  java: {
    args: ['-XshowSettings:properties', '-version'],
    pattern: /java\.specification\.version = (\d+)$/m,
    oldest: 17,
  },
  go: { args: ['env', 'GOVERSION'], pattern: /^go1\.(\d+)/m, oldest: 21 },
};

/** Whether it is on PATH and says that it is new enough. */
async function isUsable(tool: Tool): Promise<boolean> {
  if (!(await onPath(tool))) return false;
  const wanted = versions[tool];
  return wanted === undefined || (await saidVersion(tool, wanted)).isEnough;
}

/** What a command says of its version, and whether that is new enough. */
export async function saidVersion(
  command: string,
  { args, pattern, oldest }: WantedVersion,
): Promise<{ said: string; isEnough: boolean }> {
  const said = await run(command, args, { withStderr: true, timeoutMs: 60_000 }).catch(() => '');
  return { said, isEnough: Number(pattern.exec(said)?.[1] ?? 0) >= oldest };
}

const asked = new Map<Tool, Promise<boolean>>();
const isUsableOnce = (tool: Tool): Promise<boolean> => {
  const answer = asked.get(tool) ?? isUsable(tool);
  asked.set(tool, answer);
  return answer;
};

/** Those that are not on PATH, or too old. */
export async function missingTools(tools: readonly Tool[]): Promise<Tool[]> {
  const usable = await Promise.all(tools.map(isUsableOnce));
  return tools.filter((_, n) => !usable[n]);
}

/** Throws {@link MissingTools} naming those that are not on PATH, or too old. */
export async function requireTools(...tools: Tool[]): Promise<void> {
  const missing = await missingTools(tools);
  if (missing.length > 0) throw new MissingTools(missing);
}

const printedCharsMax = 8 * 1024 * 1024;

export type RunOptions = {
  cwd?: string;
  env?: Record<string, string>;
  timeoutMs?: number;
  uid?: number;
  gid?: number;
  /** What it reads from stdin. */
  input?: string;
  /** Whether what it says on stderr is an answer, too. */
  withStderr?: boolean;
};

/** Runs a command to its end and returns what it printed. A failure's error carries the end of what it printed. */
export async function run(command: string, args: string[], options: RunOptions = {}): Promise<string> {
  const { env, timeoutMs, input, withStderr = false, ...rest } = options;
  const name = [command, ...args.slice(0, 3)].join(' ');
  const group = await startGroup({
    name,
    command,
    args,
    options: {
      ...rest,
      env: { ...process.env, ...env },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    },
    stopSignal: 'SIGINT', // Go and initdb then clean up what they were making.
    stopWithinMs: 5_000,
  });
  group.child.stdin?.on('error', () => {}).end(input); // It may end without having read it.
  let stdout = '';
  let all = '';
  group.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout = (stdout + text).slice(-printedCharsMax);
    all = (all + text).slice(-printedCharsMax);
  });
  group.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    all = (all + text).slice(-printedCharsMax);
  });
  const closed = new Promise((resolve) => group.child.once('close', resolve)); // After it all output is in.
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => void group.kill(), timeoutMs);
  const { code, signal } = await group.exited;
  clearTimeout(timer);
  await closed;
  if (code !== 0) {
    const printed = all.trim().split('\n').slice(-15).join('\n');
    throw new Error(`${name} failed (${signal ?? `code ${code}`}):\n${printed}`);
  }
  return withStderr ? all : stdout;
}

const lockAgeMsMax = 30 * 60_000;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function isStale(lock: string): Promise<boolean> {
  const pid = Number(await readFile(lock, 'utf8').catch(() => 'gone'));
  const age = await stat(lock).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  return Number.isInteger(pid) && (!isAlive(pid) || age > lockAgeMsMax);
}

/**
 * Takes the lock file, waiting while another install holds it. Only to save work: two that both took over a stale lock
 * would install twice, and the second rename would lose, harmlessly.
 */
async function withLock<T>(lock: string, work: () => Promise<T>): Promise<T> {
  const mine = `${lock}.${process.pid}`;
  await writeFile(mine, String(process.pid));
  const take = () =>
    link(mine, lock).then(
      () => true, // A link appears whole, with the pid in it.
      () => false,
    );
  let said = false;
  try {
    while (!(await take())) {
      if (await isStale(lock)) await rm(lock, { force: true });
      else if (!said) say(`Waiting for another install that holds ${lock} …`);
      said = true;
      await sleep(200);
    }
  } finally {
    await rm(mine, { force: true });
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function removeLeftovers(base: string, name: string): Promise<void> {
  for (const entry of await readdir(base)) {
    if (entry.startsWith(`${name}.partial-`)) await rm(join(base, entry), { recursive: true, force: true });
  }
}

/**
 * The folder of an installed part. Where it is not there, `install` fills a temporary folder beside it, which is renamed
 * when complete: a killed install leaves nothing that looks whole.
 */
export async function installed(
  name: string,
  install: (dir: string) => Promise<void>,
  base: string = cacheDir(),
): Promise<string> {
  const dir = join(base, name);
  if (await exists(dir)) return dir;
  await mkdir(base, { recursive: true });
  return withLock(join(base, `${name}.lock`), async () => {
    if (await exists(dir)) return dir;
    await removeLeftovers(base, name);
    const partial = join(base, `${name}.partial-${process.pid}`);
    await mkdir(partial);
    try {
      await install(partial);
      await rename(partial, dir).catch(async (error) => {
        if (!(await exists(dir))) throw error; // Another one was faster: its folder is as good.
      });
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
    return dir;
  });
}

/** Archives of the classes that a Java server loads: with one it starts with half of the CPU, which counts where tests start dozens. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir, exists, installed, run } from './install.ts';
import { say } from './progress.ts';

/** A Java server in this user's cache. */
export type Archived = {
  /** The name of its folder there. */
  name: string;
  /** Where its jars are. */
  jars: string;
};

/** Runs the server, with these flags for its Java machine, until it answers, and stops it in good order; `dir` may be written to. */
export type ServedOnce = (javaFlags: readonly string[], dir: string) => Promise<void>;

const fileName = 'classes.jsa';

let asked: Promise<string> | undefined;
const javaVersion = (): Promise<string> => {
  asked ??= run('java', ['-version'], { withStderr: true, env: { JAVA_TOOL_OPTIONS: '' } });
  return asked;
};

/** A Java machine takes no archive that another version made, nor one of jars that were installed anew since. */
async function folderOf({ name, jars }: Archived): Promise<string> {
  const { mtimeMs } = await stat(jars);
  const of = createHash('sha256')
    .update(await javaVersion())
    .update(`${mtimeMs}`);
  return `${name}-classes-${of.digest('hex').slice(0, 12)}`;
}

/**
 * The archive of such a server, which is made where it is missing: Java writes it as it ends. Undefined where that fails, which is said: it
 * only saves time.
 */
export async function classArchive(of: Archived, serveOnce: ServedOnce): Promise<string | undefined> {
  const serve = (partial: string) => serveOnce([`-XX:ArchiveClassesAtExit=${join(partial, fileName)}`], partial);
  try {
    return join(await installed(await folderOf(of), serve), fileName);
  } catch (error) {
    say(`${of.name} starts without an archive of its classes: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}

/** The flags with which a server starts from its archive; none where nobody has made one. */
export async function archiveFlags(of: Archived): Promise<string[]> {
  const archive = join(cacheDir(), await folderOf(of), fileName);
  return (await exists(archive)) ? [`-XX:SharedArchiveFile=${archive}`] : [];
}

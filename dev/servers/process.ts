import { mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Group, type GroupSpec, startGroup } from './groups.ts';

const logBytesMax = 16 * 1024 * 1024;

export type ProcessSpec = Pick<GroupSpec, 'name' | 'stopSignal' | 'stopWithinMs'> & {
  command: string;
  args: string[];
  env?: Record<string, string | undefined>;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** Its stdout and stderr are appended here. */
  logFile: string;
};

/** Opens a log to append to; one that has grown large is set aside first, in place of the one set aside before. */
async function openLog(logFile: string) {
  await mkdir(dirname(logFile), { recursive: true });
  const bytes = await stat(logFile).then(
    ({ size }) => size,
    () => 0,
  );
  if (bytes > logBytesMax) await rename(logFile, `${logFile}.old`);
  return open(logFile, 'a');
}

/** Starts a process that writes to a log, as {@link startGroup} does. */
export async function startProcess(spec: ProcessSpec): Promise<Group> {
  const { logFile, env, cwd, uid, gid, ...group } = spec;
  const log = await openLog(logFile);
  const options = {
    stdio: ['ignore' as const, log.fd, log.fd],
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  };
  return startGroup({ ...group, options }).finally(() => log.close());
}

const readBytesMax = 64 * 1024;

/** The end of a log, for an error message: its last lines, without the frames of Java's stacks, which hide the reasons. */
export async function logTail(logFile: string, lines = 12): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  const all = text.slice(-readBytesMax).trimEnd().split('\n');
  return all
    .filter((line) => !line.startsWith('\tat '))
    .slice(-lines)
    .join('\n');
}

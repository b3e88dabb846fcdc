/** Processes of this machine, and where they listen. */
import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';

type Process = { pid: number; ppid: number; args: string };

async function processes(): Promise<Process[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-ww', '-o', 'pid=,ppid=,args=']);
  return stdout.split('\n').flatMap((line) => {
    const [, pid, ppid, args = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return pid === undefined ? [] : [{ pid: Number(pid), ppid: Number(ppid), args }];
  });
}

/** A process and all that it started. */
export async function family(pid: number): Promise<Process[]> {
  const all = await processes();
  const found = all.filter((process) => process.pid === pid);
  for (const parent of found) found.push(...all.filter(({ ppid }) => ppid === parent.pid));
  return found;
}

export const living = async (pids: readonly number[]): Promise<Process[]> =>
  (await processes()).filter(({ pid, args }) => pids.includes(pid) && !args.includes('<defunct>'));

/** Local addresses on which these processes listen, as Linux writes them: hexadecimal, IPv4 in reverse. */
export async function listeningAddresses(pids: readonly number[]): Promise<string[]> {
  const inodes = new Set<string>();
  for (const pid of pids) {
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode) inodes.add(inode);
    }
  }
  const listenState = '0A';
  const tables = await Promise.all(['tcp', 'tcp6'].map((table) => readFile(`/proc/net/${table}`, 'utf8')));
  return tables.flatMap((table) =>
    table.split('\n').flatMap((line) => {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      return state === listenState && inodes.has(inode) ? [local.split(':')[0] ?? ''] : [];
    }),
  );
}

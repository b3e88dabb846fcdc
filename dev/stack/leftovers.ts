import { readdir, readFile } from 'node:fs/promises';
import { run } from '../servers/install.ts';
import { say } from '../servers/progress.ts';
import { until } from '../servers/until.ts';

type Leftover = { pid: number; name: string };

/** Servers of an earlier start on these data: what each is called, and a path that only its command line names. */
export type Traces = Readonly<Record<'java' | 'temporal' | 'postgres', string>>;

type Running = { pid: number; command: string; words: string[] };

/** Slim Linux images have no `ps`. A process that ends while we read is left out. */
async function runningOnLinux(): Promise<Running[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const read = (pid: string, file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
  return Promise.all(
    pids.map(async (pid) => ({
      pid: Number(pid),
      command: (await read(pid, 'comm')).trim(),
      words: (await read(pid, 'cmdline')).split('\0'),
    })),
  );
}

async function runningElsewhere(): Promise<Running[]> {
  const lines = (await run('ps', ['-A', '-ww', '-o', 'pid=,comm=,args='])).split('\n');
  return lines.map((line) => {
    const [, pid, command = '', args = ''] = /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    return { pid: Number(pid), command, words: args.split(' ') };
  });
}

async function leftovers(traces: Traces): Promise<Leftover[]> {
  const running = await (process.platform === 'linux' ? runningOnLinux() : runningElsewhere());
  return running.flatMap(({ pid, command, words }) => {
    const name = Object.entries(traces).find(([name, path]) => command.endsWith(name) && words.includes(path))?.[0];
    return name === undefined ? [] : [{ pid, name }];
  });
}

/**
 * Ends servers that still run on our data though nobody minds them: someone has killed the start and its watchdog too. Only
 * for the holder of the folder's lock.
 */
export async function endLeftovers(traces: Traces): Promise<void> {
  const found = await leftovers(traces);
  if (found.length === 0) return;
  say(`Ending what an earlier start left running: ${found.map(({ name, pid }) => `${name} (${pid})`).join(', ')} …`);
  for (const { pid } of found) process.kill(pid, 'SIGINT'); // What each of the three stops in good order by.
  const isGone = (left: Leftover[]) => left.length === 0;
  await until('what an earlier start left running to end', () => leftovers(traces), isGone, { everyMs: 500 });
}

import { run } from '../servers/install.ts';
import { say } from '../servers/progress.ts';
import { until } from '../servers/until.ts';

type Leftover = { pid: number; name: string };

/** Servers of an earlier start on these data: what each is called, and a path that only its command line names. */
export type Traces = Readonly<Record<'java' | 'temporal' | 'postgres', string>>;

async function leftovers(traces: Traces): Promise<Leftover[]> {
  const lines = (await run('ps', ['-A', '-ww', '-o', 'pid=,comm=,args='])).split('\n');
  return lines.flatMap((line) => {
    const [, pid, comm = '', args = ''] = /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    const words = args.split(' ');
    const name = Object.entries(traces).find(([name, path]) => comm.endsWith(name) && words.includes(path))?.[0];
    return name === undefined ? [] : [{ pid: Number(pid), name }];
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

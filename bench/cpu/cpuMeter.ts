import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { nowMs } from '../clock.ts';

/** Linux counts a process's time in these, whatever the kernel's own tick is. */
export const ticksPerSecond = 100;

/** Processes by what they are; undefined where the process is not on this machine. */
export type Processes = Readonly<Record<string, number | undefined>>;
export type CpuSeconds = Record<string, number>;
export type CpuUse = {
  cpuSeconds: CpuSeconds;
  /** What the rest of the machine used meanwhile, as a share of all that its processors have. */
  othersShare: number;
};

type Stat = { pid: number; parent: number; ticks: number };

/** The process's own time, and that of its children that have ended. */
async function statOf(pid: string): Promise<Stat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  // The command's name stands in parentheses and may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [parent, utime, stime, cutime, cstime] = [1, 11, 12, 13, 14].map((i) => Number(fields[i]));
  return { pid: Number(pid), parent: parent ?? 0, ticks: (utime ?? 0) + (stime ?? 0) + (cutime ?? 0) + (cstime ?? 0) };
}

async function allStats(): Promise<Stat[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map(statOf));
  return stats.filter((stat) => stat !== undefined);
}

function ticksOfTree(root: number, stats: readonly Stat[]): number {
  const own = stats.find(({ pid }) => pid === root)?.ticks ?? 0;
  const children = stats.filter(({ parent }) => parent === root);
  return children.reduce((sum, { pid }) => sum + ticksOfTree(pid, stats), own);
}

async function ticksOf(processes: Processes): Promise<Map<string, number>> {
  const stats = await allStats();
  const known = Object.entries(processes).filter((entry): entry is [string, number] => entry[1] !== undefined);
  return new Map(known.map(([name, pid]) => [name, ticksOfTree(pid, stats)]));
}

/** What all processors of the machine have worked, in ticks: user, nice, system, interrupts, and what a host took away. */
export async function busyTicks(): Promise<number> {
  const text = await readFile('/proc/stat', 'utf8').catch(() => '');
  const [user, nice, system, , , irq, softirq, steal] = (/^cpu +(.*)$/m.exec(text)?.[1] ?? '').split(' ').map(Number);
  return [user, nice, system, irq, softirq, steal].reduce<number>((sum, ticks) => sum + (ticks ?? 0), 0);
}

/**
 * Starts to measure; call what it returns for the CPU seconds that each process, children included, has used since, and as
 * `others` what the rest of the machine has: a figure that was taken while others were at work says so.
 */
export async function startCpuMeter(processes: Processes): Promise<() => Promise<CpuUse>> {
  const startedAtMs = nowMs();
  const before = await ticksOf(processes);
  const busyBefore = await busyTicks();
  return async () => {
    const after = await ticksOf(processes);
    const busy = (await busyTicks()) - busyBefore;
    const used = [...after].map(([name, ticks]) => [name, Math.max(0, ticks - (before.get(name) ?? 0))] as const);
    const others = Math.max(0, busy - used.reduce((sum, [, ticks]) => sum + ticks, 0));
    const named = [...used, ['others', others] as const].map(([name, ticks]) => [name, ticks / ticksPerSecond]);
    const allSeconds = (availableParallelism() * (nowMs() - startedAtMs)) / 1_000;
    return { cpuSeconds: Object.fromEntries(named), othersShare: others / ticksPerSecond / allSeconds };
  };
}

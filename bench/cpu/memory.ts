import { readdir, readFile, writeFile } from 'node:fs/promises';

/** The most memory that a process has held since it began, or since {@link forgetPeak}, in MiB; NaN where it is not here. */
export async function peakMiB(pid: number | undefined): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1]) / 1_024;
}

/** Starts the peak anew; without the right to do so it stays what it was. */
export async function forgetPeak(pid: number | undefined): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5').catch(() => undefined);
}

/** What a process holds in memory now, in MiB; NaN where it is not here. */
export async function residentMiB(pid: number | undefined): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1]) / 1_024;
}

/** How many files and sockets a process has open; NaN where it is not here. */
export async function openFiles(pid: number | undefined): Promise<number> {
  const names = await readdir(`/proc/${pid}/fd`).catch(() => undefined);
  return names?.length ?? Number.NaN;
}

import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { run as runCommand } from '../../dev/servers/install.ts';

/** On what, when and of what the figures were taken. */
export type Run = {
  startedAt: string;
  commit: string;
  cpu: string;
  cores: number;
  memoryGiB: number;
  system: string;
  node: string;
  /** Processes that were ready to run, on average over the last minute, before the bench began: others use the machine. */
  loadBefore: number;
  isQuick: boolean;
  isCalm: boolean;
  stack: 'running' | 'own';
};

async function commitNow(): Promise<string> {
  const commit = await runCommand('git', ['rev-parse', '--short', 'HEAD']).catch(() => 'unknown');
  const changed = await runCommand('git', ['status', '--porcelain', '--untracked-files=no']).catch(() => '');
  return commit.trim() + (changed.trim() === '' ? '' : ' with changes');
}

/** Called before anything is started: the load is that of others. */
export async function describeMachine(): Promise<Omit<Run, 'isQuick' | 'isCalm' | 'stack'>> {
  return {
    startedAt: new Date().toISOString(),
    commit: await commitNow(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
    loadBefore: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from '../../dev/servers/progress.ts';
import { nowMs } from '../clock.ts';
import { busyTicks, type CpuUse, ticksPerSecond } from '../cpu/cpuMeter.ts';
import type { Context } from './context.ts';

/** With less of the machine than this in others' use, a figure counts as undisturbed. */
const quietShare = 0.12;
const windowMs = 1_000;
const waitMsMax = 120_000;
const triesMax = 4;

/** Returns once the machine was idle for a moment; after a while in any case. */
async function quietMoment(): Promise<void> {
  const endsAtMs = nowMs() + waitMsMax;
  while (nowMs() < endsAtMs) {
    const [before, startedAtMs] = [await busyTicks(), nowMs()];
    await sleep(windowMs);
    const seconds = ((nowMs() - startedAtMs) / 1_000) * availableParallelism();
    if (((await busyTicks()) - before) / ticksPerSecond / seconds < quietShare) return;
  }
}

/**
 * Measures; where the person asked for calm, in a quiet moment, and again where others disturbed it. Returns the least
 * disturbed measurement, which is not to say the best one.
 */
export async function calmly<T extends CpuUse>({ isCalm }: Context, measure: () => Promise<T>): Promise<T> {
  if (!isCalm) return await measure();
  let least: T | undefined;
  for (let tries = 0; tries < triesMax; tries++) {
    await quietMoment();
    const result = await measure();
    if (!least || result.othersShare < least.othersShare) least = result;
    if (least.othersShare < quietShare) return least;
    say(`    others used ${Math.round(100 * result.othersShare)} % of the machine: once more`);
  }
  return least ?? (await measure());
}

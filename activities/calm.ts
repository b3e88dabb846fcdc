/** Whether this worker has time to spare: what its lanes' timeouts depend on (domain/laneTimeouts.ts). */
import { readdirSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What all threads of a process had of its processors since each began, in ms; by the system's scheduler. */
export type Shares = ReadonlyMap<string, { ranMs: number; waitedMs: number }>;

/** What a look finds of the time since the one before, in ms. */
export type Look = { shares: Shares | undefined; loopDelayMsMax: number };

export const lookEveryMs = 2_000;
/** It is calm once so many looks have found it so since one that did not. */
const calmLooks = 5;
/** A worker's threads, together, wait so many times as long as they run where it has time to spare … */
const waitShareOfCalm = 4;
/** … and more than so many times where it has none; what is between the two changes nothing. */
const waitShareMax = 8;
/** Threads that do little wait for a multiple of that little: so much in a look is no sign of anything, in ms. */
const waitMsAlways = 200;
/** Not calm: a heartbeat that is due has to go out in time, and the lease to last meanwhile (activities/lease.ts). */
const loopDelayMsMax = 400;

const tasks = '/proc/self/task';
const nsPerMs = 1e6;

/** Linux alone tells; undefined elsewhere. */
export function schedulerShares(): Shares | undefined {
  try {
    const shares = new Map<string, { ranMs: number; waitedMs: number }>();
    for (const id of readdirSync(tasks)) {
      const [ran, waited] = schedstat(id);
      if (ran !== undefined && waited !== undefined)
        shares.set(id, { ranMs: ran / nsPerMs, waitedMs: waited / nsPerMs });
    }
    return shares.size > 0 ? shares : undefined;
  } catch {
    return undefined;
  }
}

function schedstat(id: string): number[] {
  try {
    return readFileSync(`${tasks}/${id}/schedstat`, 'utf8').split(' ').map(Number);
  } catch {
    return []; // The thread is over.
  }
}

/** Calm once it has been so for ten seconds, and not calm with the first look that finds it otherwise, nor where nobody can tell. */
export class Calm {
  private calmFor = 0;
  private before: Shares | undefined;

  get isCalm(): boolean {
    return this.calmFor >= calmLooks;
  }

  looked({ shares, loopDelayMsMax: delayMs }: Look): void {
    const { before } = this;
    this.before = shares;
    const share = shares && before ? waitShare(before, shares) : Number.POSITIVE_INFINITY;
    if (share > waitShareMax || delayMs > loopDelayMsMax) this.calmFor = 0;
    else if (share <= waitShareOfCalm) this.calmFor++;
  }
}

/** How many times as long as they ran the threads waited for a processor. */
function waitShare(before: Shares, now: Shares): number {
  let ranMs = 0;
  let waitedMs = 0;
  for (const [id, share] of now) {
    const known = before.get(id);
    ranMs += share.ranMs - (known?.ranMs ?? 0);
    waitedMs += share.waitedMs - (known?.waitedMs ?? 0);
  }
  return waitedMs <= waitMsAlways ? 0 : waitedMs / ranMs;
}

/** Looks on and on, until it is stopped. */
export function watchCalm(): { calm: Calm; stop(): void } {
  const calm = new Calm();
  const delays = monitorEventLoopDelay({ resolution: 20 });
  delays.enable();
  const look = (): void => {
    const loopDelayMsMax = delays.max / nsPerMs;
    delays.reset();
    calm.looked({ shares: schedulerShares(), loopDelayMsMax });
  };
  const timer = setInterval(look, lookEveryMs);
  const stop = (): void => {
    clearInterval(timer);
    delays.disable();
  };
  return { calm, stop };
}

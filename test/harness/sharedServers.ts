import { inject } from 'vitest';
import type { SharedServers } from '../setup/servers.ts';

/** The servers that a file shares with others; Temporal only with those that do not run at the same time. */
export function sharedServers(): Omit<SharedServers, 'temporals'> & { temporal: SharedServers['temporals'][number] } {
  const { temporals, ...others } = inject('servers');
  const place = Number(process.env.VITEST_POOL_ID ?? 1) - 1; // Among the files that run at the same time.
  const temporal = temporals[place % temporals.length];
  if (!temporal) throw new Error('The tests have no Temporal.');
  return { ...others, temporal };
}

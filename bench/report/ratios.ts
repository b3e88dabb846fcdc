import type { RoadResult } from '../parts/wholeRoad.ts';
import type { Parts } from './results.ts';

const ratio = (value: number, of: number | undefined): number | undefined =>
  of === undefined || of === 0 ? undefined : value / of;

/** A load of the whole road against bare signals: to 64 workflows, or for a new key each to a new workflow each. */
export function ratioToSignals({ lanes, round }: RoadResult, { b }: Parts): number | undefined {
  const wanted = lanes.keys === 'new';
  const bare = b?.find(({ workflows }) => (workflows === 'new') === wanted);
  return ratio(round.eventsPerSecond, bare?.storedPerSecond);
}

/** A load of the whole road against the same load over the direct road. */
export function ratioToDirect({ load, round }: RoadResult, { c }: Parts): number | undefined {
  const direct = c?.find((result) => result.load.id === load.id);
  return ratio(round.eventsPerSecond, direct?.round.eventsPerSecond);
}

import { say } from '../../dev/servers/progress.ts';
import { batches, type Load, singles64 } from '../load/loads.ts';
import { type LaneKind, newKeys, oneLane } from '../road/destination.ts';
import type { Context } from './context.ts';
import { nameOf, overTheRoad, type RoadResult, type RoadRound } from './wholeRoad.ts';

export type OverloadResult = {
  load: Load;
  lanes: LaneKind;
  /** What the road carries of this load. */
  carriedPerSecond: number;
  /** What was due to be POSTed: ten times that. */
  pushedPerSecond: number;
  connections: number;
  round: RoadRound;
};

const times = 10;

/** Enough connections that it is the API that bounds what waits, and not the sender; each sender waits up to 30 s. */
const cases: readonly { load: Load; lanes: LaneKind; connections: number }[] = [
  { load: batches, lanes: oneLane, connections: 1_000 },
  { load: singles64, lanes: newKeys, connections: 4_000 },
];

/** (f) Ten times of what the road can carry: it must refuse, keep what it accepted, and go on as before. */
export async function overload(context: Context, measured: readonly RoadResult[]): Promise<OverloadResult[]> {
  const { durations } = context;
  const results: OverloadResult[] = [];
  for (const { load, lanes, connections } of cases.filter(({ load, lanes }) => context.wants(nameOf(load, lanes)))) {
    const known = measured.find((result) => result.load === load && result.lanes === lanes)?.round;
    const carried = known ?? (await overTheRoad(context, { load, lanes }, { seconds: durations.loadS }));
    const carriedPerSecond = carried.eventsPerSecond;
    const eventsPerSecond = times * carriedPerSecond;
    const seconds = durations.overloadS;
    say(`  ${Math.round(eventsPerSecond)} events/s for ${seconds} s: ${load.title}, ${lanes.title} …`);
    const pace = { seconds, eventsPerSecond, connections, isPatient: false };
    const round = await overTheRoad(context, { load, lanes }, pace);
    results.push({ load, lanes, carriedPerSecond, pushedPerSecond: eventsPerSecond, connections, round });
  }
  return results;
}

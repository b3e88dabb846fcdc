import { say } from '../../dev/servers/progress.ts';
import { batches, type Load, singles64, threeLoads } from '../load/loads.ts';
import { type Round, type RoundResult, runRound } from '../load/round.ts';
import {
  fourLanes,
  type LaneKind,
  newDestination,
  newKeys,
  oneLane,
  type ProducerSettings,
} from '../road/destination.ts';
import { type LaneWork, laneWork } from '../road/laneWork.ts';
import { processesOf } from '../stack/benchStack.ts';
import { calmly } from './calm.ts';
import type { Context } from './context.ts';

/** A load, and what it cost in its lanes. */
export type RoadRound = RoundResult & { laneWork?: LaneWork | undefined };
export type RoadResult = { load: Load; lanes: LaneKind; round: RoadRound };

/** What a load of the whole road is called in the arguments. */
export const nameOf = (load: Load, lanes: LaneKind): string => `${load.id} ${lanes.id}`;

const cases: readonly { load: Load; lanes: LaneKind }[] = [
  ...threeLoads.map((load) => ({ load, lanes: oneLane })),
  ...threeLoads.map((load) => ({ load, lanes: fourLanes })),
  { load: singles64, lanes: newKeys },
];

type Pace = Pick<Round, 'seconds'> & Partial<Pick<Round, 'connections' | 'eventsPerSecond' | 'isPatient'>>;

/** One load over the whole road, with a destination of its own. */
export async function overTheRoad(
  context: Context,
  { load, lanes }: { load: Load; lanes: LaneKind },
  pace: Pace,
  producer?: ProducerSettings,
): Promise<RoadRound> {
  const { stack } = context;
  const destination = await newDestination(stack, lanes, producer);
  try {
    const { topic, customerExternalId } = destination;
    const { eventsPerPost, connections } = load;
    const { api: url, apiKey } = stack;
    const processes = await processesOf(stack);
    const how = { url, apiKey, topic, customerExternalId, keys: lanes.keys, eventsPerPost, connections, processes };
    const round = await runRound(context, { ...how, ...pace });
    return { ...round, laneWork: await laneWork(stack, lanes, destination, round.arrived) };
  } finally {
    await destination.remove();
  }
}

/** (d) From POST to the record read back: each load over one lane, over four, and with a lane for each event. */
export async function wholeRoad(context: Context): Promise<RoadResult[]> {
  const { durations } = context;
  const results: RoadResult[] = [];
  say('  warming up …');
  for (const load of [batches, singles64]) {
    await overTheRoad(context, { load, lanes: oneLane }, { seconds: durations.warmUpS });
  }
  for (const { load, lanes } of cases.filter(({ load, lanes }) => context.wants(nameOf(load, lanes)))) {
    say(`  ${load.title}, ${lanes.title} …`);
    const measure = () => overTheRoad(context, { load, lanes }, { seconds: durations.loadS });
    const round = await calmly(context, measure);
    say(`    ${Math.round(round.eventsPerSecond)} events/s`);
    results.push({ load, lanes, round });
  }
  return results;
}

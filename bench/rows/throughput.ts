/** Rows that hold a load over the whole road against the same load over the direct one. */
import { say } from '../../dev/servers/progress.ts';
import type { CpuSeconds } from '../cpu/cpuMeter.ts';
import { batches, type Load, singles64, singles512 } from '../load/loads.ts';
import type { RoundResult } from '../load/round.ts';
import { calmly } from '../parts/calm.ts';
import type { Context } from '../parts/context.ts';
import { directRoad } from '../parts/directRoad.ts';
import { overTheRoad, type RoadRound } from '../parts/wholeRoad.ts';
import { fourLanes, type LaneKind, oneLane, sixteenLanes } from '../road/destination.ts';
import { atLeast, atMost, type Figure, type Row } from './row.ts';

/** The road as it is once everything has been loaded and compiled. */
export async function warmUp(context: Context): Promise<void> {
  say('  warming up …');
  for (const load of [batches, singles64])
    await overTheRoad(context, { load, lanes: oneLane }, { seconds: context.durations.warmUpS });
}

export async function direct(context: Context, load: Load): Promise<RoundResult> {
  const [result] = await directRoad({ ...context, wants: (name) => name === load.id });
  if (!result) throw new Error(`The direct road has no load ${load.id}.`);
  return result.round;
}

export async function road(context: Context, load: Load, lanes: LaneKind): Promise<RoadRound> {
  say(`  ${load.title}, ${lanes.title} …`);
  const seconds = context.durations.loadS;
  const round = await calmly(context, () => overTheRoad(context, { load, lanes }, { seconds }));
  say(`    ${Math.round(round.eventsPerSecond)} events/s`);
  return round;
}

const durable = ['api', 'worker', 'temporal'] as const;

/** What API, worker and Temporal together used for an event, in ms of CPU. */
export const cpuMsOf = ({ cpuSeconds, arrived }: { cpuSeconds: CpuSeconds; arrived: number }): number =>
  (1_000 * durable.reduce((sum, name) => sum + (cpuSeconds[name] ?? Number.NaN), 0)) / arrived;

/** What is to be nought in any load. */
export const integrity = (rounds: readonly RoundResult[]): Figure => ({
  name: 'events lost, doubled or out of order',
  value: rounds.reduce((sum, { lost, duplicated, outOfOrder }) => sum + lost + duplicated + outOfOrder, 0),
  unit: 'events',
  ...atMost(0),
});

type Wanted = { lanes: LaneKind; share: number };

const ofDirect = (name: string, what: string, load: Load, wanted: readonly Wanted[]): Row => ({
  name,
  what,
  run: async (context) => {
    await warmUp(context);
    const limit = await direct(context, load);
    const figures: Figure[] = [{ name: 'the direct road', value: limit.eventsPerSecond, unit: 'events/s' }];
    const rounds: RoadRound[] = [];
    for (const { lanes, share } of wanted) {
      const round = await road(context, load, lanes);
      rounds.push(round);
      const ratio = round.eventsPerSecond / limit.eventsPerSecond;
      figures.push(
        { name: `${lanes.title}: share of the direct road`, value: ratio, unit: '', ...atLeast(share) },
        { name: `${lanes.title}: delivered`, value: round.eventsPerSecond, unit: 'events/s' },
        { name: `${lanes.title}: p99 of a POST`, value: round.postMs.p99, unit: 'ms' },
        { name: `${lanes.title}: others' share of the machine`, value: 100 * round.othersShare, unit: '%' },
      );
    }
    return { figures: [...figures, integrity(rounds)] };
  },
});

export const batchesFourLanes = ofDirect(
  'batches-four-lanes',
  'batches of 200, 10,000 keys, 4 lanes, end to end, of the direct road',
  batches,
  [{ lanes: fourLanes, share: 0.85 }],
);
export const singles512Lanes = ofDirect(
  'singles-512',
  'single POSTs, 512 connections, one lane / 4 / 16, of the direct road',
  singles512,
  [
    { lanes: oneLane, share: 0.85 },
    { lanes: fourLanes, share: 0.7 },
    { lanes: sixteenLanes, share: 0.6 },
  ],
);
export const singles64Lanes = ofDirect(
  'singles-64',
  'single POSTs, 64 connections, one lane / 4 lanes, of the direct road',
  singles64,
  [
    { lanes: oneLane, share: 0.6 },
    { lanes: fourLanes, share: 0.45 },
  ],
);

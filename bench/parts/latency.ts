import { say } from '../../dev/servers/progress.ts';
import { steady } from '../load/loads.ts';
import { oneLane } from '../road/destination.ts';
import { calmly } from './calm.ts';
import type { Context } from './context.ts';
import { overTheRoad, type RoadRound } from './wholeRoad.ts';

export type LatencyResult = { eventsPerSecond: number; lingerMs: number; round: RoadRound };

export const defaultLingerMs = 100;

/** (e) From POST to the record read, at a steady rate in one lane. */
export async function latency(context: Context): Promise<LatencyResult[]> {
  const results: LatencyResult[] = [];
  for (const lingerMs of [0, defaultLingerMs]) {
    for (const [rate, seconds] of Object.entries(context.durations.latencyS)) {
      const eventsPerSecond = Number(rate);
      say(`  ${eventsPerSecond} events/s for ${seconds} s, linger ${lingerMs} ms …`);
      const pace = { seconds, eventsPerSecond };
      const measure = () => overTheRoad(context, { load: steady, lanes: oneLane }, pace, { lingerMs });
      const round = await calmly(context, measure);
      say(`    p50 ${Math.round(round.latencyMs.p50)} ms, p99 ${Math.round(round.latencyMs.p99)} ms`);
      results.push({ eventsPerSecond, lingerMs, round });
    }
  }
  return results;
}

/** Rows at a steady rate: latency, and the slowest POST. */
import { say } from '../../dev/servers/progress.ts';
import { steady } from '../load/loads.ts';
import { runRound } from '../load/round.ts';
import { calmly } from '../parts/calm.ts';
import { overTheRoad } from '../parts/wholeRoad.ts';
import { newDestination, oneLane } from '../road/destination.ts';
import { laneWork } from '../road/laneWork.ts';
import { processesOf } from '../stack/benchStack.ts';
import { atMost, type Row } from './row.ts';
import { cpuMsOf, integrity, warmUp } from './throughput.ts';

const latencyRate = 50;

const latency = (lingerMs: number, most: { p50: number; p99: number }): Row => ({
  name: `latency-linger-${lingerMs}`,
  what: `latency POST → consumer at ${latencyRate} events/s in one lane, linger ${lingerMs}: p50 / p99`,
  run: async (context) => {
    await warmUp(context);
    const seconds = context.durations.latencyS[latencyRate] ?? 40;
    say(`  ${latencyRate} events/s for ${seconds} s …`);
    const pace = { seconds, eventsPerSecond: latencyRate };
    const measure = () => overTheRoad(context, { load: steady, lanes: oneLane }, pace, { lingerMs });
    const round = await calmly(context, measure);
    return {
      figures: [
        { name: 'p50', value: round.latencyMs.p50, unit: 'ms', ...atMost(most.p50) },
        { name: 'p99', value: round.latencyMs.p99, unit: 'ms', ...atMost(most.p99) },
        { name: 'worst', value: round.latencyMs.max, unit: 'ms' },
        { name: 'p50 of a POST', value: round.postMs.p50, unit: 'ms' },
        { name: 'p99 of a POST', value: round.postMs.p99, unit: 'ms' },
        { name: "others' share of the machine", value: 100 * round.othersShare, unit: '%' },
        integrity([round]),
      ],
    };
  },
});

export const latencyLinger0 = latency(0, { p50: 40, p99: 100 });
export const latencyLinger100 = latency(100, { p50: 110, p99: 180 });

const postRate = 100;
const defaultMinutes = 10;

export const slowestPost: Row = {
  name: 'slowest-post',
  what: `slowest POST in ten minutes of ${postRate} events/s to one lane, continue-as-new included (--minutes for another time)`,
  run: async (context, { minutes = defaultMinutes }) => {
    const { stack } = context;
    const destination = await newDestination(stack, oneLane);
    try {
      say(`  ${postRate} events/s for ${minutes} min …`);
      const { topic, customerExternalId } = destination;
      const { api: url, apiKey } = stack;
      const round = await runRound(context, {
        ...{ url, apiKey, topic, customerExternalId, keys: oneLane.keys, eventsPerPost: 1 },
        ...{ connections: steady.connections, seconds: minutes * 60, eventsPerSecond: postRate },
        processes: await processesOf(stack),
        isTimed: true,
      });
      const work = await laneWork(stack, oneLane, destination, round.arrived);
      return {
        figures: [
          { name: 'slowest POST', value: round.worstPostMs, unit: 'ms', ...atMost(500) },
          { name: 'p99 of a POST', value: round.postMs.p99, unit: 'ms' },
          { name: 'p99 POST → consumer', value: round.latencyMs.p99, unit: 'ms' },
          { name: 'continued as new', value: (work?.runs ?? Number.NaN) - 1, unit: 'times' },
          { name: 'workflow tasks that failed', value: work?.failedTasks ?? Number.NaN, unit: '' },
          { name: 'not accepted', value: round.refused + round.unclear + round.unsent, unit: 'events' },
          { name: "others' share of the machine", value: 100 * round.othersShare, unit: '%' },
          { name: 'events', value: round.arrived, unit: 'events' },
          { name: 'lasted', value: round.seconds, unit: 's' },
          { name: 'signals', value: work?.signals ?? Number.NaN, unit: '' },
          { name: 'batches', value: work?.batches ?? Number.NaN, unit: '' },
          { name: 'history events', value: work?.historyEvents ?? Number.NaN, unit: '' },
          { name: 'CPU of API, worker and Temporal', value: cpuMsOf(round), unit: 'ms/event' },
          integrity([round]),
        ],
        series: [{ name: 'slowest POST of each second', unit: 'ms', points: round.worstEachSecond ?? [] }],
        notes: minutes === defaultMinutes ? [] : [`${minutes} min in place of ${defaultMinutes}.`],
      };
    } finally {
      await destination.remove();
    }
  },
};

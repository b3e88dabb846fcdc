import { Client, Connection } from '@temporalio/client';
import { say } from '../../dev/servers/progress.ts';
import { defaultLaneLimits, laneWorkflowId } from '../../domain/lane.ts';
import { openFiles, residentMiB } from '../cpu/memory.ts';
import { batches } from '../load/loads.ts';
import { type RoundResult, runRound } from '../load/round.ts';
import type { Context } from '../parts/context.ts';
import { type BenchDestination, fourLanes, newDestination } from '../road/destination.ts';
import { lanesOf } from '../road/laneWork.ts';
import { processesOf } from '../stack/benchStack.ts';
import { atMost, type Figure, type Row, type Series } from './row.ts';
import { growthOf, type Sampled, Sampling } from './sampling.ts';
import { cpuMsOf, integrity, road, warmUp } from './throughput.ts';

const defaultMinutes = 60;
/** What was sent and read is held against each other in pieces: 14 million events at once are too many for one process. */
const pieceMinutes = 2;
const sampleEveryMs = 5_000;
/** Of the full load that was measured just before. */
const share = 0.5;
/** What the last third of a series may lie above the one before it: a garbage collector's own ups and downs are of this size. */
const growthMax = 0.05;

/** What must not grow, of each process and of the lanes. */
async function watched({ stack }: Context, client: Client, destination: BenchDestination): Promise<Sampled[]> {
  const { api, worker, temporal } = await processesOf(stack);
  const processes = Object.entries({ API: api, worker, Temporal: temporal });
  const lanes = lanesOf(fourLanes, destination).map((lane) => laneWorkflowId(destination.id, lane));
  const longest = async (): Promise<number> =>
    Math.max(
      ...(await Promise.all(lanes.map(async (id) => (await client.workflow.getHandle(id).describe()).historyLength))),
    );
  return [
    ...processes.map(([name, pid]) => ({ name: `${name}: memory`, unit: 'MiB', of: () => residentMiB(pid) })),
    ...processes.map(([name, pid]) => ({ name: `${name}: open files`, unit: 'files', of: () => openFiles(pid) })),
    { name: longestRun, unit: 'history events', of: longest },
  ];
}

const longestRun = 'the longest run of a lane';
/** A lane continues as new at its bound, where it finds a quiet moment; one that a backlog makes too long does so here. */
const runEventsMost = 1.5 * defaultLaneLimits.historyEventsMax;

const growthFigures = (series: readonly Series[]): Figure[] =>
  series.flatMap((one): Figure[] => {
    const most = Math.max(...one.points.map(([, value]) => value));
    // A run grows until it continues as new, again and again: it has a bound, and no slope.
    if (one.name === longestRun) return [{ name: one.name, value: most, unit: one.unit, ...atMost(runEventsMost) }];
    // Temporal's server is no part of ours, and its dev server keeps a database in one file.
    const target = one.name.startsWith('Temporal') ? {} : atMost(100 * growthMax);
    return [
      { name: `${one.name}: growth, last third over the one before`, value: 100 * growthOf(one), unit: '%', ...target },
      { name: `${one.name}: most`, value: most, unit: one.unit },
    ];
  });

export const soak: Row = {
  name: 'soak',
  what: 'one hour at half of full load (--minutes for another time): memory, open files and lanes’ history do not grow, nothing is lost',
  run: async (context, { minutes = defaultMinutes }) => {
    const { stack } = context;
    await warmUp(context);
    const full = await road(context, batches, fourLanes);
    const eventsPerSecond = share * full.eventsPerSecond;
    const destination = await newDestination(stack, fourLanes);
    const connection = await Connection.connect({ address: stack.temporalAddress });
    const client = new Client({ connection, namespace: stack.temporalNamespace });
    const rounds: RoundResult[] = [];
    const sampling = new Sampling(await watched(context, client, destination), sampleEveryMs);
    try {
      const { topic, customerExternalId } = destination;
      const { eventsPerPost, connections } = batches;
      const how = { url: stack.api, apiKey: stack.apiKey, topic, customerExternalId, keys: fourLanes.keys };
      const processes = await processesOf(stack);
      for (let leftS = minutes * 60; leftS > 0; leftS -= pieceMinutes * 60) {
        const seconds = Math.min(leftS, pieceMinutes * 60);
        const pace = { seconds, eventsPerSecond, isAfterOthers: rounds.length > 0 };
        rounds.push(await runRound(context, { ...how, ...pace, eventsPerPost, connections, processes }));
        say(`    ${Math.round(leftS / 60)} min left; p99 of a POST ${Math.round(rounds.at(-1)?.postMs.p99 ?? 0)} ms`);
      }
    } finally {
      await sampling.end();
      await connection.close();
      await destination.remove();
    }
    const sum = (count: (round: RoundResult) => number): number => rounds.reduce((all, one) => all + count(one), 0);
    return {
      figures: [
        integrity(rounds),
        { name: 'events', value: sum(({ accepted }) => accepted), unit: 'events' },
        {
          name: 'not accepted',
          value: sum(({ refused, unclear, unsent }) => refused + unclear + unsent),
          unit: 'events',
        },
        { name: 'load', value: eventsPerSecond, unit: 'events/s' },
        {
          name: 'CPU of API, worker and Temporal',
          value: sum((round) => cpuMsOf(round) * round.arrived) / sum(({ arrived }) => arrived),
          unit: 'ms/event',
        },
        { name: 'worst p99 of a POST', value: Math.max(...rounds.map(({ postMs }) => postMs.p99)), unit: 'ms' },
        ...growthFigures(sampling.series),
      ],
      series: sampling.series,
      notes:
        minutes === defaultMinutes
          ? []
          : [
              `${minutes} min in place of ${defaultMinutes}: processes still fill their caches, so that growth says little.`,
            ],
    };
  },
};

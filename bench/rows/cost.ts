/** Rows about what an event costs in Temporal and in CPU. */
import { batches, singles64 } from '../load/loads.ts';
import { bareSignals } from '../parts/bareSignals.ts';
import { fourLanes, newKeys, oneLane } from '../road/destination.ts';
import { atLeast, atMost, type Row } from './row.ts';
import { cpuMsOf, integrity, road, warmUp } from './throughput.ts';

export const historyEvents: Row = {
  name: 'history-events',
  what: 'history events per delivered event, batches of 200, 4 lanes',
  run: async (context) => {
    await warmUp(context);
    const round = await road(context, batches, fourLanes);
    const work = round.laneWork;
    const per = (count: number | undefined): number => (count ?? Number.NaN) / round.arrived;
    return {
      figures: [
        { name: 'history events per delivered event', value: per(work?.historyEvents), unit: '', ...atMost(0.05) },
        { name: 'workflow tasks per 1,000 events', value: 1_000 * per(work?.workflowTasks), unit: '' },
        { name: 'events a signal', value: work?.eventsPerSignal ?? Number.NaN, unit: 'events' },
        { name: 'events a batch', value: work?.eventsPerBatch ?? Number.NaN, unit: 'events' },
        { name: 'runs', value: work?.runs ?? Number.NaN, unit: '' },
        { name: 'workflow tasks that failed', value: work?.failedTasks ?? Number.NaN, unit: '' },
        integrity([round]),
      ],
    };
  },
};

export const cpuPerEvent: Row = {
  name: 'cpu-per-event',
  what: 'CPU-ms per event in API, worker and Temporal together, batches of 200',
  run: async (context) => {
    await warmUp(context);
    const one = await road(context, batches, oneLane);
    const four = await road(context, batches, fourLanes);
    const parts = (['api', 'worker', 'temporal'] as const).map((name) => ({
      name: `one lane: ${name}`,
      value: (1_000 * (one.cpuSeconds[name] ?? Number.NaN)) / one.arrived,
      unit: 'ms',
    }));
    return {
      figures: [
        { name: 'one lane', value: cpuMsOf(one), unit: 'ms', ...atMost(0.1) },
        { name: '4 lanes, 10,000 keys', value: cpuMsOf(four), unit: 'ms' },
        ...parts,
        integrity([one, four]),
      ],
    };
  },
};

export const newKeyEach: Row = {
  name: 'new-keys',
  what: 'a new key each, "key" lanes, of bare signalWithStart to new workflows',
  run: async (context) => {
    await warmUp(context);
    const bare = (await bareSignals(context)).find(({ workflows }) => workflows === 'new');
    const stored = bare?.storedPerSecond ?? Number.NaN;
    const drained = bare?.drainedPerSecond ?? Number.NaN;
    const round = await road(context, singles64, newKeys);
    return {
      figures: [
        { name: 'share of bare signals stored', value: round.eventsPerSecond / stored, unit: '', ...atLeast(0.6) },
        { name: 'share of bare signals drained', value: round.eventsPerSecond / drained, unit: '' },
        { name: 'delivered', value: round.eventsPerSecond, unit: 'events/s' },
        { name: 'bare signals stored', value: stored, unit: 'signals/s' },
        { name: 'bare signals drained', value: drained, unit: 'signals/s' },
        { name: 'CPU of API, worker and Temporal', value: cpuMsOf(round), unit: 'ms/event' },
        integrity([round]),
      ],
    };
  },
};

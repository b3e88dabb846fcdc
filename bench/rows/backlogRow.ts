import { residentMiB } from '../cpu/memory.ts';
import { batches } from '../load/loads.ts';
import { backlog } from '../parts/backlog.ts';
import { fourLanes } from '../road/destination.ts';
import { processesOf } from '../stack/benchStack.ts';
import { atLeast, atMost, type Row } from './row.ts';
import { Sampling } from './sampling.ts';
import { road, warmUp } from './throughput.ts';

const everyMs = 1_000;

export const backlogDrained: Row = {
  name: 'backlog',
  what: 'a backlog of 1,000,000 events (--quick: 100,000) drained: the rate of the first row or better, memory flat',
  run: async (context) => {
    await warmUp(context);
    const live = await road(context, batches, fourLanes);
    const { api, worker } = await processesOf(context.stack);
    const memory = new Sampling(
      [
        { name: 'API', unit: 'MiB', of: () => residentMiB(api) },
        { name: 'worker', unit: 'MiB', of: () => residentMiB(worker) },
      ],
      everyMs,
    );
    const [result] = await backlog({ ...context, wants: (name) => name === fourLanes.id }).finally(() => memory.end());
    if (!result) throw new Error('The backlog was not run.');
    const ofLive = result.deliveredPerSecond / live.eventsPerSecond;
    return {
      figures: [
        { name: 'drained, as a share of what is delivered live', value: ofLive, unit: '', ...atLeast(1) },
        { name: 'drained', value: result.deliveredPerSecond, unit: 'events/s' },
        { name: 'delivered live', value: live.eventsPerSecond, unit: 'events/s' },
        { name: 'taken in', value: result.acceptedPerSecond, unit: 'events/s' },
        { name: 'events in the backlog', value: result.accepted, unit: 'events' },
        { name: 'segments', value: result.segments, unit: '' },
        { name: 'most memory of the worker', value: result.workerMiB, unit: 'MiB' },
        { name: 'most memory of the API', value: result.apiMiB, unit: 'MiB' },
        {
          name: 'events lost, doubled or out of order',
          value: result.lost + result.duplicated + result.outOfOrder,
          unit: 'events',
          ...atMost(0),
        },
      ],
      series: memory.series,
    };
  },
};

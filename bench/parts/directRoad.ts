import { randomBytes } from 'node:crypto';
import { say } from '../../dev/servers/progress.ts';
import { startChild } from '../child/child.ts';
import type { DirectApiMethods } from '../direct/directApi.ts';
import { type Load, threeLoads } from '../load/loads.ts';
import { type RoundResult, runRound } from '../load/round.ts';
import { oneLane } from '../road/destination.ts';
import { processesOf } from '../stack/benchStack.ts';
import { newTopic } from '../stack/topics.ts';
import { calmly } from './calm.ts';
import type { Context } from './context.ts';

export type DirectResult = { load: Load; round: RoundResult };

/** (c) The same route, then the producer: what the durable road is held against. All events have the key of one customer. */
export async function directRoad(context: Context): Promise<DirectResult[]> {
  const { stack, durations } = context;
  const results: DirectResult[] = [];
  const { kafka } = await processesOf(stack);
  for (const load of threeLoads.filter(({ id }) => context.wants(id))) {
    say(`  ${load.title} …`);
    const direct = startChild<DirectApiMethods>('direct/directApi.ts', context.profile);
    const topic = await newTopic(stack);
    try {
      const apiKey = `cw_${randomBytes(32).toString('base64url')}`;
      const { partitionKey, keys } = oneLane;
      const { url } = await direct.call('start', {
        brokers: stack.kafkaBrokers,
        topic: topic.name,
        apiKey,
        partitionKey,
      });
      const { eventsPerPost, connections } = load;
      const processes = { api: direct.pid, kafka };
      const how = {
        url,
        apiKey,
        topic: topic.name,
        customerExternalId: 'acct_bench',
        keys,
        eventsPerPost,
        connections,
      };
      await runRound(context, { ...how, processes, seconds: durations.warmUpS });
      const measure = () => runRound(context, { ...how, processes, seconds: durations.loadS });
      const round = await calmly(context, measure);
      say(`    ${Math.round(round.eventsPerSecond)} events/s`);
      results.push({ load, round });
      await direct.call('stop', undefined);
    } finally {
      await direct.stop();
      await topic.remove();
    }
  }
  return results;
}

import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Load } from './fit.ts';

const work = z.object({ signals: z.number(), batches: z.number() });
const round = z.object({
  arrived: z.number(),
  seconds: z.number(),
  cpuSeconds: z.object({ api: z.number(), worker: z.number(), temporal: z.number() }),
  laneWork: work.optional(),
});
const schema = z.object({
  parts: z.object({
    d: z.array(
      z.object({
        load: z.object({ id: z.string(), eventsPerPost: z.number() }),
        lanes: z.object({ id: z.string() }),
        round,
      }),
    ),
    e: z.array(z.object({ eventsPerSecond: z.number(), lingerMs: z.number(), round })),
  }),
});

const loadOf = (
  name: string,
  { arrived, seconds, cpuSeconds, laneWork }: z.infer<typeof round>,
  eventsPerPost: number,
): Load[] => {
  const { api, worker, temporal } = cpuSeconds;
  const cpuMs = 1_000 * (api + worker + temporal);
  const counted = { name, events: arrived, posts: arrived / eventsPerPost, seconds, cpuMs };
  return laneWork ? [{ ...counted, signals: laneWork.signals, batches: laneWork.batches }] : [];
};

/** The loads of (d) and (e) of a whole run whose lanes were looked at. Throws for a file that is no such run. */
export async function loadsIn(file: string): Promise<Load[]> {
  const { parts } = schema.parse(JSON.parse(await readFile(file, 'utf8')));
  return [
    ...parts.d.flatMap((one) => loadOf(`${one.load.id} ${one.lanes.id}`, one.round, one.load.eventsPerPost)),
    ...parts.e.flatMap((one) => loadOf(`${one.eventsPerSecond}/s, linger ${one.lingerMs}`, one.round, 1)),
  ];
}

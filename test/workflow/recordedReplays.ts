/** Replays whose histories are recorded; see recordHistories.ts. */
import { randomUUID } from 'node:crypto';
import { keeperTaskQueue } from '../../domain/keeper.ts';
import { discardWorkflowType, type ReplayStart, replayWorkflowId, replayWorkflowType } from '../../domain/replay.ts';
import {
  closedRuns,
  millionRuns,
  pagesOf,
  ReplayWorld,
  replayOf,
  soonCancelled,
  untilCancelled,
} from '../harness/replayWorld.ts';
import type { Recorder } from './recordedLane.ts';

/** A world of lanes, and what runs replays in it. */
async function replaying(
  { env, workerOf, files }: Recorder,
  workflowType: typeof replayWorkflowType | typeof discardWorkflowType,
) {
  const taskQueue = randomUUID();
  const world = new ReplayWorld();
  const workflows = await workerOf(taskQueue);
  const activities = await workerOf(keeperTaskQueue(taskQueue), {
    activities: world.activities(() => env.currentTimeMs()),
    ...soonCancelled,
  });
  return {
    world,
    run: async (name: string, more: Partial<ReplayStart>): Promise<void> => {
      const start = replayOf({ ...more, id: `rpl_${name}` });
      files.set(replayWorkflowId(start.id), `${workflowType === discardWorkflowType ? 'discard' : 'replay'}-${name}`);
      const options = { workflowId: replayWorkflowId(start.id), taskQueue, args: [start] };
      await env.client.workflow.execute(workflowType, options);
    },
    cancel: (name: string) => env.client.workflow.getHandle(replayWorkflowId(`rpl_${name}`)).cancel(),
    whileServed: (use: () => Promise<void>) => workflows.runUntil(() => activities.runUntil(use)),
  };
}

/** Replays of delivered events and of dead letters: to their ends, cancelled and continued, and of too many. */
export async function replays(recorder: Recorder): Promise<void> {
  const { world, run, cancel, whileServed } = await replaying(recorder, replayWorkflowType);
  world.list = closedRuns;
  world.page = pagesOf(8);
  const use = async (): Promise<void> => {
    await run('delivered', {});
    await run('parked', { of: 'parked' });
    await run('any', { of: 'any' });
    const before = world.sent.length;
    world.beforeAnswer = async () => {
      if (world.sent.length !== before + 20) return;
      await untilCancelled(() => cancel('cancelled'));
    };
    await run('cancelled', {});
    world.beforeAnswer = () => undefined;
    world.list = millionRuns;
    await run('too-many', { eventsMax: 100, dryRun: true });
  };
  await whileServed(use);
}

/** Dead letters that are given up: to their end over several runs, cancelled, counted alone, and too many. */
export async function discards(recorder: Recorder): Promise<void> {
  const { world, run, cancel, whileServed } = await replaying(recorder, discardWorkflowType);
  world.page = pagesOf(8);
  await whileServed(async () => {
    await run('all', { of: 'parked' });
    await run('counted', { of: 'parked', dryRun: true });
    await run('too-many', { of: 'parked', eventsMax: 5 });
    const before = world.discards.length;
    world.beforeAnswer = async () => {
      if (world.discards.length === before + 3) await untilCancelled(() => cancel('cancelled'));
    };
    await run('cancelled', { of: 'parked' });
  });
}

/** Lanes that are reset, whose histories are recorded; see recordHistories.ts. */
import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { Block } from '../../domain/block.ts';
import type { LaneStatus, ParkedEvent } from '../../domain/laneMessages.ts';
import { until } from '../harness/until.ts';
import { answer, blockWith, laneOf, type Recorder, refusing, strayActivity } from './recordedLane.ts';

const { ResetWorkflowExecutionRequest } = proto.temporal.api.workflowservice.v1;

const firstTask = 5;

/** What resets the run of now to that workflow task, as often as it is called. */
async function resetting(
  { env }: Recorder,
  handle: WorkflowHandle,
  workflowTaskFinishEventId = firstTask,
): Promise<() => Promise<unknown>> {
  const { runId } = await handle.describe();
  return () =>
    env.client.workflowService.resetWorkflowExecution(
      ResetWorkflowExecutionRequest.fromObject({
        ...{ namespace: env.client.options.namespace, requestId: randomUUID(), reason: 'recorded' },
        ...{ workflowExecution: { workflowId: handle.workflowId, runId }, workflowTaskFinishEventId },
      }),
    );
}

/** A lane that was reset twice, from the same run, and gathers what it accepted in between. */
export async function gathered(recorder: Recorder): Promise<void> {
  const { env, workerOf } = recorder;
  const taskQueue = randomUUID();
  const { handle, enqueue, untilCounts } = laneOf(recorder, taskQueue, 'gathered-lane');
  const ofLanes = await workerOf(taskQueue, {
    activities: {
      ...strayActivity(env),
      produce: (_: unknown, block: Block) => answer(block, false, 'continue'),
    },
  });
  await ofLanes.runUntil(async () => {
    await enqueue(blockWith(0, 'good'));
    await untilCounts('the first', ({ delivered }) => delivered === 1);
    await handle.signal('pause', { by: 'ada' });
    const reset = await resetting(recorder, handle);
    await reset();
    for (const n of [1, 2]) await enqueue(blockWith(n, 'good'));
    await reset();
    await enqueue(blockWith(3, 'good'));
    await handle.signal('resume');
    await untilCounts('all of it', ({ delivered }) => delivered === 4);
  });
}

/** A lane that was reset to before it opened segments: their numbers are taken. */
export async function passedOver(recorder: Recorder): Promise<void> {
  const { handle, large, untilCounts, whileServed } = await refusing(recorder, 'reset-lane', 'continue');
  const status = () => handle.query<LaneStatus>('status');
  const untilSegments = (what: string) => until(what, status, ({ overflow }) => (overflow?.segments ?? 0) > 3);
  await whileServed(async () => {
    await large(0, 'good');
    await untilCounts('the first', ({ delivered }) => delivered === 1);
    await handle.signal('pause', { by: 'ada' });
    const reset = await resetting(recorder, handle);
    for (let n = 1; n <= 20; n++) await large(n, 'good');
    await untilSegments('segments');
    await reset();
    await untilSegments('segments of later numbers');
    await handle.signal('resume');
    await untilCounts('all of it', ({ delivered }) => delivered === 21);
  });
}

/** A lane that was reset to after it gave bodies of dead letters to a holder. */
export async function kept(recorder: Recorder): Promise<void> {
  const { handle, large, untilCounts, whileServed, mend } = await refusing(recorder, 'kept-lane', 'continue');
  await whileServed(async () => {
    for (let n = 1; n <= 4; n++) await large(n, 'bad');
    await untilCounts('four to be parked', ({ parked }) => parked === 4);
    const status = () => handle.query<ParkedEvent[]>('deadLetters');
    await until('a holder', status, (letters) => letters.some(({ bodyIn }) => bodyIn !== undefined));
    await large(5, 'good');
    await untilCounts('the good one', ({ delivered }) => delivered === 1);
    const { events } = await handle.fetchHistory();
    const last = events?.findLast((event) => event.workflowTaskCompletedEventAttributes);
    const reset = await resetting(recorder, handle, Number(last?.eventId));
    mend();
    await handle.signal('replay', { all: true });
    await untilCounts('all of it', ({ delivered }) => delivered === 5);
    await reset();
    await untilCounts('all of it once more', ({ delivered }) => delivered === 5);
  });
}

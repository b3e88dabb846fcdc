import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createSegmentActivities } from '../../activities/segments.ts';
import { blockOf, deliveriesOf } from '../../domain/block.ts';
import { segmentSignals, segmentTaskQueue } from '../../domain/overflow.ts';
import { nothingSettled } from '../../domain/settledBefore.ts';
import { timeSkipping } from '../harness/timeSkipping.ts';
import { until } from '../harness/until.ts';

describe.each(['segment', 'holder'])('a %s', (workflowType) => {
  const server = timeSkipping();

  test('changes nothing for a signal that nobody can make sense of, and is read and closed all the same', async () => {
    const { client, connection } = server.env;
    const taskQueue = segmentTaskQueue(randomUUID());
    const workflowId = `overflow:${randomUUID()}`;
    const value = new TextEncoder().encode('{"n":1}');
    const block = blockOf([{ id: '1'.padStart(22, '0'), key: 'k', value }], Date.now(), 0);
    const start = { laneWorkflowId: 'delivery:x', number: 0, events: 1 };
    const worker = await server.workflowWorker(taskQueue, { maxCachedWorkflows: 0 });
    await worker.runUntil(async () => {
      const handle = await client.workflow.start(workflowType, { workflowId, taskQueue, args: [start, block] });
      const unreadable = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{bad') };
      for (const signalName of Object.values(segmentSignals)) {
        for (const input of [7, null, [], {}, 'x']) await handle.signal(signalName, input);
        await connection.workflowService.signalWorkflowExecution({
          ...{ namespace: 'default', workflowExecution: { workflowId }, signalName },
          input: { payloads: [unreadable] },
        });
      }
      const { readSegment, closeSegments } = createSegmentActivities({
        temporal: client,
        settledBefore: { of: async () => nothingSettled() },
      });
      const read = await readSegment({ segmentId: workflowId, laneRunId: randomUUID(), taken: [] });
      expect(deliveriesOf(read).map((one) => one.value)).toEqual([value]);
      // It has looked at some at least, and is as it was; that it ends at the right one shows the others read.
      const tasks = async (): Promise<number> =>
        (await handle.fetchHistory()).events?.filter((event) => event.workflowTaskCompletedEventAttributes).length ?? 0;
      await until('its tasks to be over', tasks, (count) => count > 1);
      expect((await handle.describe()).status.name).toBe('RUNNING');

      await closeSegments({ taken: [workflowId] });
      await handle.result();
      expect((await handle.describe()).status.name).toBe('COMPLETED');
    });
  });
});

import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { blockSender } from '../../api/laneSignal.ts';
import { connectTemporal } from '../../api/temporal.ts';
import { blockOf } from '../../domain/block.ts';
import { defaultLaneLimits, laneWorkflowId } from '../../domain/lane.ts';
import { firstAnswerLost } from '../harness/firstAnswerLost.ts';
import { track } from '../harness/running.ts';
import { sharedServers } from '../harness/sharedServers.ts';

test('a block whose answer was lost after Temporal had stored it is sent again with the same request id, and stored once', async () => {
  const lost = firstAnswerLost('SignalWithStartWorkflowExecution');
  const { address, namespace } = sharedServers().temporal;
  const config = { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace };
  const client = await connectTemporal(config, [lost.interceptor]);
  onTestFinished(track('a client of Temporal', () => client.connection.close()));
  const destinationId = `dst_${randomUUID()}`;
  const workflowId = laneWorkflowId(destinationId, 'k');
  const start = { destinationId, customerExternalId: 'c', lane: 'k', limits: defaultLaneLimits };
  const handle = client.workflow.getHandle(workflowId);
  onTestFinished(async () => void (await handle.terminate('the test is over')));

  const value = new TextEncoder().encode('{}');
  const block = blockOf([{ id: '0'.repeat(22), key: 'k', value }], Date.now(), 0);
  // No worker takes from this queue: the history holds what was sent and nothing else.
  const { runId } = await blockSender(client, randomUUID())({ workflowId, lingerMs: 0, start }, block);

  expect(lost.requestIds).toHaveLength(2);
  expect(lost.requestIds[0]).toMatch(/./);
  expect(new Set(lost.requestIds).size).toBe(1);
  expect((await handle.describe()).runId).toBe(runId);
  const { events } = await handle.fetchHistory();
  expect(events?.filter((event) => event.workflowExecutionSignaledEventAttributes)).toHaveLength(1);
});

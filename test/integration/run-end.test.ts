import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runEnd } from '../../api/runEnd.ts';
import { connectTemporal } from '../../api/temporal.ts';
import { withTurnDeadline as within } from '../../api/turnDeadline.ts';
import { sharedServers } from '../harness/sharedServers.ts';

let client: Client;
beforeAll(async () => {
  const { address, namespace } = sharedServers().temporal;
  client = await connectTemporal({ TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace });
});
afterAll(() => client.connection.close());

/** A run that nobody works on. */
async function openRun() {
  const handle = await client.workflow.start('nobody', { taskQueue: 'nobody', workflowId: `test-${randomUUID()}` });
  return { handle, workflowId: handle.workflowId, runId: handle.firstExecutionRunId };
}

test('the end of a run is heard at once, by one who waits for it', async () => {
  const { handle, workflowId, runId } = await openRun();
  const startedAtMs = performance.now();
  const isOver = runEnd(client, within)(workflowId, runId, 20_000);
  await handle.terminate();
  expect(await isOver).toBe(true);
  expect(performance.now() - startedAtMs).toBeLessThan(15_000);
});

test('a run that goes on is waited for as long as was said, and then left', async () => {
  const { handle, workflowId, runId } = await openRun();
  const startedAtMs = performance.now();
  expect(await runEnd(client, within)(workflowId, runId, 300)).toBe(false);
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(250);
  await handle.terminate();
});

test('a run that nobody knows ends nothing', async () => {
  expect(await runEnd(client, within)(`test-${randomUUID()}`, randomUUID(), 2_000)).toBe(false);
});

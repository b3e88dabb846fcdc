/** The record of an event, read back from Temporal wherever it may lie there. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runsListedBy } from '../../activities/laneRuns.ts';
import { type LaneStatus, laneQueries } from '../../domain/laneMessages.ts';
import type { Answer } from '../harness/api.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { postEvent, untilDelivery } from '../harness/eventLog.ts';
import { expectProblem } from '../harness/problem.ts';
import { type TestTemporal, testTemporal } from '../harness/temporal.ts';

let causeway: Causeway;
let temporal: TestTemporal;
beforeAll(async () => {
  // Short runs: what a lane keeps goes from one to the next.
  causeway = await startCauseway({ apiEnv: { CAUSEWAY_LANE_HISTORY_EVENTS_MAX: '50' } });
  temporal = await testTemporal(causeway);
});
afterAll(async () => {
  await temporal.stop();
  await causeway.stop();
});

const limited = { 'max.message.bytes': '1500' };
const textOf = ({ customerExternalId }: CreatedDestination, key: string, pad = ''): string =>
  `{"eventType":"order.paid","occurredAt":"2026-01-15T09:30:00Z","customerExternalId":"${customerExternalId}","idempotencyKey":"${randomUUID()}","payload":{"price":1.10,"key":"${key}","é":"${pad}"}}`;
const ask = (id: string, query = ''): Promise<Answer> => causeway.api.get(`/v1/events/${id}/value${query}`);
const untilStatus = (wanted: string, id: string) =>
  untilDelivery(`status ${wanted}`, causeway.api, id, ({ status }) => status === wanted);
const handleOf = (workflowId: string) => temporal.client.workflow.getHandle(workflowId);

/** Has Temporal delete all runs of the lane but the open one. */
async function deleteClosedRuns(workflowId: string): Promise<void> {
  const { workflowService, options } = temporal.client;
  const open = (await handleOf(workflowId).describe()).runId;
  for (const runId of await runsListedBy(temporal.client)(workflowId)) {
    const request = { namespace: options.namespace, workflowExecution: { workflowId, runId } };
    if (runId !== open) await workflowService.deleteWorkflowExecution(request).catch(() => undefined);
  }
}

/** Posts small events until the lane is in another run than that. */
async function untilLaterRun(destination: CreatedDestination, workflowId: string, runs = 2): Promise<void> {
  const seen = new Set<string>();
  while (seen.size <= runs) {
    await postEvent(causeway.api, textOf(destination, 'other'));
    seen.add((await handleOf(workflowId).describe()).runId);
  }
}

test('the value is the record to the byte, with its key, while it waits, when it is delivered and when it is parked', async () => {
  const topic = await causeway.kafka.newTopic(1, limited);
  const destination = await causeway.createDestination({
    topic,
    ...{ partitionKey: 'payload.key', ordering: { lanes: 1 } },
  });
  const [small, large] = [textOf(destination, 'k1'), textOf(destination, 'k2', 'x'.repeat(5_000))];
  await causeway.worker.stop();
  const [delivered, parked] = [await postEvent(causeway.api, small), await postEvent(causeway.api, large)];
  const shown = (id: string, partitionKey: string, value: string) => ({
    ...{ id, destinationId: destination.id, eventType: 'order.paid', partitionKey, value },
    bytes: Buffer.byteLength(value),
  });
  const expectBoth = async () => {
    expect((await ask(delivered)).body).toEqual(shown(delivered, 'k1', small));
    expect((await ask(parked, `?destinationId=${destination.id}`)).body).toEqual(shown(parked, 'k2', large));
  };
  await expectBoth(); // No worker has looked at it.
  await causeway.worker.start();
  await untilStatus('delivered', delivered);
  const { workflowId } = await untilStatus('parked', parked);
  await expectBoth();

  // A POST sent again, with something else in it, in a later run: the lane drops that.
  await untilLaterRun(destination, workflowId);
  for (const text of [small, large]) {
    await until(
      'it to be taken again',
      () => causeway.api.post(text.replace('1.10', '9.99')),
      ({ status }) => status === 202,
    );
  }
  await expectBoth();

  await until(
    'what was delivered to be deleted with its run',
    async () => {
      await deleteClosedRuns(workflowId);
      return await ask(delivered);
    },
    ({ status }) => status === 410,
  );
  expect(expectProblem(await ask(delivered), 410, 'event_value_expired').detail).toMatch(/retention/);
  expect((await ask(parked)).body).toEqual(shown(parked, 'k2', large)); // The open lane carries it.
  expectProblem(await ask(`evt_${'A'.repeat(22)}`), 404, 'event_not_found');
  expectProblem(await ask(parked, '?destinationId=dst_none'), 404, 'event_not_found');
});

test('it is found in an overflow segment, and of a dead letter in its holder, though the runs that had it are deleted', async () => {
  const topic = await causeway.kafka.newTopic(1, limited);
  const destination = await causeway.createDestination({ topic });
  const { customerExternalId } = destination;
  const many = async (): Promise<{ id: string; text: string }[]> => {
    const posted: { id: string; text: string }[] = [];
    for (let n = 0; n < 12; n++) {
      const text = textOf(destination, String(n), 'x'.repeat(200_000));
      posted.push({ id: await postEvent(causeway.api, text), text });
    }
    return posted;
  };
  const letters = await many();
  const { workflowId } = await untilStatus('parked', letters.at(-1)?.id ?? '');
  const inHolders = async (): Promise<string[]> => {
    const { body } = await causeway.api.get(`/v1/dead-letters?customerExternalId=${customerExternalId}`);
    const { deadLetters } = body as { deadLetters: { eventId: string; bodyIn?: string }[] };
    return deadLetters.flatMap(({ eventId, bodyIn }) => (bodyIn === undefined ? [] : [eventId]));
  };
  const held = await until('bodies in holders', inHolders, ({ length }) => length > 0);
  const handle = handleOf(workflowId);
  await handle.signal('pause', { by: 'ada' });
  const waiting = await many();
  const segments = async () => (await handle.query<LaneStatus>(laneQueries.status)).overflow?.segments ?? 0;
  await until('two segments', segments, (count) => count >= 2);
  await untilLaterRun(destination, workflowId, 3);
  const letter = letters.find(({ id }) => id === held[0]);
  const inSegment = waiting[1];
  await until(
    'all closed runs to be deleted',
    async () => {
      await deleteClosedRuns(workflowId);
      return (await runsListedBy(temporal.client)(workflowId)).length;
    },
    (runs) => runs === 1,
  );
  for (const { id, text } of [letter, inSegment].flatMap((one) => one ?? [])) {
    const { body } = await ask(id);
    expect((body as { value: string }).value === text, id).toBe(true);
  }
});

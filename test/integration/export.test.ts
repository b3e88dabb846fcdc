import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { eventDigest } from '../../domain/eventDigest.ts';
import { eventIdOf } from '../../domain/eventId.ts';
import { laneWorkflowId } from '../../domain/lane.ts';
import { heldOutcomesWorkflowType } from '../../domain/outcomes.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { deliveryOf, postEvent, untilDelivery } from '../harness/eventLog.ts';
import { commandsIn, operatorsShell } from '../harness/guide.ts';
import { closedPort } from '../harness/hostileServers.ts';
import { type TestTemporal, testTemporal } from '../harness/temporal.ts';

const operators = `ops_${randomBytes(6).toString('hex')}`;
let causeway: Causeway;
let temporal: TestTemporal;
/** The operator's topic. */
let topic: string;
let exported: CreatedDestination;
beforeAll(async () => {
  causeway = await startCauseway({ exportTo: operators, workerEnv: { CAUSEWAY_WAIT_AFTER_MS: '1000' } });
  temporal = await testTemporal(causeway);
  topic = await causeway.kafka.newTopic();
});
afterAll(async () => {
  await temporal?.stop();
  await causeway.stop();
});
const toOperators = (more: Record<string, unknown> = {}) =>
  causeway.createDestination({ customerExternalId: operators, topic, eventTypes: ['causeway.delivery.*'], ...more });
beforeEach(async () => {
  exported ??= await toOperators();
});

type Exported = {
  key: string | undefined;
  type: string | undefined;
  payload: { eventId: string; destinationId: string; outcome: string; [field: string]: unknown };
};
/** What the operator's topic has of a destination, in order. */
async function exportedOf({ id }: CreatedDestination): Promise<Exported[]> {
  const records = await causeway.kafka.records(topic);
  const all = records.map(({ headers, value }): Exported => {
    const { payload } = JSON.parse(String(value)) as Pick<Exported, 'payload'>;
    return { key: headers.idempotency_key, type: headers.event_type, payload };
  });
  return all.filter(({ payload }) => payload.destinationId === id);
}
const untilExported = (destination: CreatedDestination, count: number, timeoutMs?: number): Promise<Exported[]> =>
  until(
    `${count} outcomes on the operator's topic`,
    () => exportedOf(destination),
    (found) => new Set(found.map(({ key }) => key)).size >= count,
    timeoutMs,
  );
const post = ({ customerExternalId }: CreatedDestination, payload: Record<string, unknown> = {}): Promise<string> =>
  postEvent(causeway.api, { eventType: 'e', customerExternalId, payload });
async function postMany({ customerExternalId }: CreatedDestination, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let at = 0; at < count; at += 250) {
    const events = Array.from({ length: 250 }, (_, n) => ({
      eventType: 'e',
      customerExternalId,
      payload: { n: at + n },
    }));
    const answer = await until(
      'a batch is taken',
      () => causeway.api.postBatch(events),
      ({ status }) => status === 202,
    );
    ids.push(...(answer.body as { results: { id: string }[] }).results.map(({ id }) => id));
  }
  return ids;
}
const settle = async (destination: CreatedDestination, wanted: string, pad = 0): Promise<string> => {
  const id = await post(destination, { pad: 'x'.repeat(pad) });
  await untilDelivery(wanted, causeway.api, id, ({ status }) => status === wanted);
  return id;
};
const ask = ({ id }: CreatedDestination, name: string, body: unknown) =>
  causeway.api.request('POST', `/v1/destinations/${id}/${name}`, body);

test("what becomes of events is on the operator's topic: where it landed, why it was parked, who did what; nothing of itself", async () => {
  const small = await causeway.kafka.newTopic(1, { 'max.message.bytes': '1500' });
  const destination = await causeway.createDestination({ topic: small });
  const delivered = await settle(destination, 'delivered');
  const [again, unwanted] = [await settle(destination, 'parked', 5_000), await settle(destination, 'parked', 5_000)];
  await causeway.kafka.configure(small, { 'max.message.bytes': '1000000' });
  await ask(destination, 'discard', { ids: [unwanted], reason: 'a test', by: 'ada' });
  await ask(destination, 'replay', { ids: [again], reason: 'limit raised', by: 'ada' });
  const found = await untilExported(destination, 6);
  const lane = destination.customerExternalId;
  const of = { destinationId: destination.id, customerExternalId: lane, lane };
  const by = 'ada (CAUSEWAY_API_KEY)';
  const error = { name: 'MESSAGE_TOO_LARGE', code: 10, message: expect.any(String) };
  const landed = { partition: 0, broker: causeway.kafka.brokers[0] };
  expect(found.map(({ payload }) => payload)).toEqual([
    { ...of, eventId: delivered, outcome: 'delivered', ...landed, offset: 0 },
    { ...of, eventId: again, outcome: 'parked', error },
    { ...of, eventId: unwanted, outcome: 'parked', error },
    { ...of, eventId: unwanted, outcome: 'discarded', reason: 'a test', by },
    { ...of, eventId: again, outcome: 'replayed', reason: 'limit raised', by },
    { ...of, eventId: again, outcome: 'delivered', ...landed, offset: 1 },
  ]);
  expect(found[0]).toMatchObject({
    type: 'causeway.delivery.delivered',
    key: `${delivered}/${destination.id}/delivered/0/0`,
  });
  // One thing more, to see that there was nothing before it.
  await settle(destination, 'delivered');
  await untilExported(destination, 7);
  expect(await exportedOf(exported)).toEqual([]);
});

test('a worker that is killed in the middle loses no outcome', async () => {
  const destination = await causeway.createDestination({ partitionKey: 'payload.n', ordering: { lanes: 4 } });
  const posting = postMany(destination, 3_000);
  await until(
    'some are exported',
    () => exportedOf(destination),
    ({ length }) => length > 0,
  );
  await causeway.worker.kill();
  await causeway.worker.start();
  const ids = await posting;
  const found = await until(
    'an outcome of each event',
    () => exportedOf(destination),
    (all) => new Set(all.map(({ payload }) => payload.eventId)).size === ids.length,
    60_000,
  );
  expect(new Set(found.map(({ payload }) => payload.eventId))).toEqual(new Set(ids));
  // An outcome that is on the topic twice is one event there, of which the log says that an attempt came to nobody knows what.
  const again = found.filter(({ key }, at) => found.findIndex((other) => other.key === key) < at);
  for (const { key } of again) {
    const { attempts } = await deliveryOf(causeway.api, eventIdOf(eventDigest(operators, key)));
    expect(attempts.map(({ outcome }) => outcome)).toContain('unknown');
  }
});

test("while no destination takes the outcomes, and while the API is away, customers' lanes go on; all is exported later", async () => {
  await causeway.api.request('DELETE', `/v1/destinations/${exported.id}`);
  const destination = await causeway.createDestination();
  const lane = temporal.client.workflow.getHandle(laneWorkflowId(destination.id, destination.customerExternalId));
  const ids = [await settle(destination, 'delivered')];
  const held = `WorkflowType="${heldOutcomesWorkflowType}" AND WorkflowId STARTS_WITH "outcomes:${destination.id}:"`;
  await until(
    'they are held',
    () => temporal.client.workflow.count(held),
    ({ count }) => count > 0,
  );
  await lane.signal('pause');
  ids.push(...(await postMany(destination, 1_000)));
  await causeway.apiProcess.kill();
  await lane.signal('resume');
  await until(
    'all are delivered',
    () => causeway.kafka.records(destination.topic),
    ({ length }) => length >= ids.length,
  );
  expect(await exportedOf(destination)).toEqual([]);
  await causeway.apiProcess.start();
  exported = await toOperators();
  const found = await untilExported(destination, ids.length, 90_000);
  expect(new Set(found.map(({ payload }) => payload.eventId))).toEqual(new Set(ids));
  await until(
    'nothing is held any more',
    () => temporal.client.workflow.count(`${held} AND ExecutionStatus="Running"`),
    ({ count }) => count === 0,
    90_000,
  );
});

test("while the operator's own broker is down, outcomes wait in their order, customers' lanes go on, and all is exported later", async () => {
  await causeway.api.request('DELETE', `/v1/destinations/${exported.id}`);
  exported = await toOperators({ brokers: [await closedPort()] });
  const destination = await causeway.createDestination();
  const ids = await postMany(destination, 500);
  await until(
    'all are delivered',
    () => causeway.kafka.records(destination.topic),
    ({ length }) => length === ids.length,
  );
  type Waiting = { state: string; status?: { waitingEvents: number } };
  await until(
    'their outcomes wait',
    async () => (await causeway.api.get(`/v1/destinations/${exported.id}/lanes`)).body as { lanes?: Waiting[] },
    ({ lanes }) => lanes?.[0]?.state === 'Waiting' && lanes[0].status?.waitingEvents === ids.length,
  );
  const held = `WorkflowType="${heldOutcomesWorkflowType}" AND WorkflowId STARTS_WITH "outcomes:${destination.id}:"`;
  const isAnyHeld = (await temporal.client.workflow.count(held)).count > 0; // Of an API that was too slow: not of the broker.

  const { brokers } = causeway.kafka;
  const { status, text } = await causeway.api.request('PATCH', `/v1/destinations/${exported.id}`, { brokers });
  expect(status, text).toBe(200);
  await untilExported(destination, ids.length);
  await settle(destination, 'delivered'); // One thing more, to see that there is nothing twice before it.
  const found = await untilExported(destination, ids.length + 1);
  const offsets = found.map(({ payload }) => Number(payload.offset));
  const inOrder = Array.from({ length: ids.length + 1 }, (_, n) => n);
  expect(isAnyHeld ? offsets.toSorted((a, b) => a - b) : offsets).toEqual(inOrder);
});

test("what is held is given up by the guide's command, and is not exported once a destination takes outcomes again", async () => {
  const shell = await operatorsShell(causeway);
  onTestFinished(() => shell.remove());
  await causeway.api.request('DELETE', `/v1/destinations/${exported.id}`);
  const destination = await causeway.createDestination();
  await settle(destination, 'delivered');
  const held = `WorkflowId STARTS_WITH "outcomes:${destination.id}:" AND ExecutionStatus="Running"`;
  const untilHeld = (wanted: boolean) =>
    until(
      wanted ? 'it is held' : 'nothing is held any more',
      () => temporal.client.workflow.count(held),
      ({ count }) => count > 0 === wanted,
    );
  await untilHeld(true);
  const [command = ''] = await commandsIn('docs/export.md', ['temporal']);
  await shell.run(command);
  await untilHeld(false);
  exported = await toOperators();
  const later = await settle(destination, 'delivered');
  const found = await untilExported(destination, 1);
  expect(found.map(({ payload }) => payload.eventId)).toEqual([later]);
});

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { ensureTopic, kafkaClient } from '../../dev/servers/kafka.ts';
import { failureRowOf } from '../../domain/failures.ts';
import { kafkaErrorName } from '../../domain/kafkaErrors.ts';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';
import { deliveryOf, postEvent, untilDelivery } from '../harness/eventLog.ts';
import { javaErrors } from '../harness/javaClient.ts';
import type { KafkaRecord } from '../harness/kafka.ts';
import { keyOf } from '../harness/partitionKey.ts';
import { ownTemporal } from '../harness/servers.ts';
import { type TestTemporal, testTemporal } from '../harness/temporal.ts';

/** As Temporal is unless it is told otherwise: a worker that stands still keeps its connection, and is handed more tries. */
const likeAnyTemporal = { dynamicConfig: { 'frontend.keepAliveTime': '"1m"' } };

let server: Awaited<ReturnType<typeof ownTemporal>>;
let causeway: Causeway;
let temporal: TestTemporal;
beforeAll(async () => {
  server = await ownTemporal(likeAnyTemporal);
  causeway = await startCauseway({ temporal: server });
  temporal = await testTemporal(causeway);
});
afterAll(async () => {
  await temporal.stop();
  await causeway.stop();
  await server.remove();
});

/** The longest there is: what must come together within it, does so on a slow machine too. */
const longLinger = { producer: { lingerMs: 5_000 } };
const isDelivered = ({ status }: { status: string }): boolean => status === 'delivered';
const names = (records: readonly KafkaRecord[]): string[] =>
  records.map(({ headers }) => headers.idempotency_key ?? '');

/** How often Temporal has handed the lane's batch to a worker. */
async function triesOf(workflowId: string): Promise<number> {
  const { client } = temporal;
  const { namespace } = client.options;
  const execution = { workflowId };
  const { pendingActivities } = await client.workflowService.describeWorkflowExecution({ namespace, execution });
  const [activity] = pendingActivities ?? [];
  // 2: it was handed out, and is not waiting for the next try.
  return activity?.state === 2 ? (activity.attempt ?? 0) : 0;
}

test('a worker that stood still writes nothing for tries that Temporal gave up meanwhile', async () => {
  const { api, kafka, worker } = causeway;
  const { id, customerExternalId, topic } = await causeway.createDestination(longLinger);
  const event = { eventType: 'e', customerExternalId, payload: {} };
  const { pid } = worker;
  if (pid === undefined) throw new Error('The worker is gone.');

  const first = await postEvent(api, { ...event, idempotencyKey: '1' });
  const tries = (): Promise<number> => triesOf(`delivery:${id}:${customerExternalId}`);
  await until('the batch to wait for its linger', tries, (count) => count === 1);
  process.kill(pid, 'SIGSTOP');
  onTestFinished(() => void process.kill(pid, 'SIGCONT'));
  // The second try lies in the worker's socket when it wakes, and so does the third.
  await until('a third try', tries, (count) => count === 3);
  process.kill(pid, 'SIGCONT');

  const { attempts } = await untilDelivery('the first event', api, first, isDelivered, 60_000);
  // Else it had written before it stood still, and this test would show nothing.
  expect(attempts[0]).toMatchObject({ outcome: 'unknown', error: { name: 'WORKER_LOST' } });
  const second = await postEvent(api, { ...event, idempotencyKey: '2' });
  await untilDelivery('the second event', api, second, isDelivered, 60_000);
  expect(names(await kafka.records(topic))).toEqual(['1', '2']);
});

test('a linger gathers the records of many lanes into few requests', async () => {
  const { api, kafka } = causeway;
  const lanes = 40;
  const { customerExternalId, topic } = await causeway.createDestination({
    ...longLinger,
    partitionKey: 'payload.key',
    ordering: { lanes: 'key' },
  });
  const events = Array.from({ length: lanes }, (_, n) => ({
    eventType: 'e',
    customerExternalId,
    payload: { key: `k${n}` },
  }));

  expect((await api.postBatch(events)).status).toBe(202);

  const records = await until(
    'all records',
    () => kafka.records(topic),
    (seen) => seen.length === lanes,
  );
  expect(new Set(records.map(({ batchOffset }) => batchOffset)).size).toBeLessThan(lanes / 4);
});

test('what one partition takes is delivered by the attempt in which another refuses its record', async () => {
  const { api, kafka } = causeway;
  const { customerExternalId } = await causeway.createDestination({
    topic: await kafka.newTopic(2, { 'max.message.bytes': '1500' }),
    partitionKey: 'payload.key',
    ordering: { lanes: 1 },
  });
  const event = (partition: number, pad: string) => ({
    eventType: 'e',
    customerExternalId,
    payload: { key: keyOf(partition, 2), pad },
  });
  const { body } = await api.postBatch([event(0, ''), event(1, 'x'.repeat(5_000))]);
  const [taken = '', refused = ''] = (body as { results: { id: string }[] }).results.map(({ id }) => id);

  const parked = await untilDelivery('the refusal', api, refused, ({ status }) => status === 'parked');
  expect(parked.attempts.at(-1)).toMatchObject({ outcome: 'failed', error: { name: 'MESSAGE_TOO_LARGE' } });
  const { attempts } = await deliveryOf(api, taken);
  expect(attempts).toEqual([expect.objectContaining({ number: 1, outcome: 'delivered', partition: 0, offset: 0 })]);
});

test('a topic that is not there is tried again, never made by us, and delivered to once it is there', async () => {
  const { api, kafka } = causeway;
  const topic = `test-${randomUUID()}`;
  const { customerExternalId } = await causeway.createDestination({ topic });

  const id = await postEvent(api, { eventType: 'e', customerExternalId, payload: {} });
  const { status, error } = await untilDelivery(
    'two failed attempts',
    api,
    id,
    ({ attempts }) => attempts.filter((attempt) => attempt.error).length >= 2,
  );
  expect([status, error?.name, error?.code, error?.kind]).toEqual([
    'retrying',
    'UNKNOWN_TOPIC_OR_PARTITION',
    3,
    'transient',
  ]);
  const admin = kafkaClient(kafka.brokers).admin();
  await admin.connect();
  expect(await admin.listTopics()).not.toContain(topic);
  await admin.disconnect();

  await ensureTopic(kafka.brokers, topic, 1);
  await untilDelivery('delivery', api, id, isDelivered);
  expect(await kafka.records(topic)).toHaveLength(1);
});

test('a destination that changes its topic gets later events there: none is lost, and none goes to both', async () => {
  const { api, kafka } = causeway;
  const before = await causeway.createDestination();
  const { id, customerExternalId } = before;
  const topic = await kafka.newTopic();
  let n = 0;
  const post = async (): Promise<KafkaRecord[]> => {
    await postEvent(api, { eventType: 'e', customerExternalId, idempotencyKey: `${++n}`, payload: {} });
    return await kafka.records(topic);
  };

  await post();
  await until(
    'a record in the first topic',
    () => kafka.records(before.topic),
    (seen) => seen.length > 0,
  );
  expect((await api.request('PATCH', `/v1/destinations/${id}`, { topic })).status).toBe(200);
  await until('a record in the new topic', post, (seen) => seen.length > 0);

  const all = async (): Promise<string[]> =>
    names([...(await kafka.records(before.topic)), ...(await kafka.records(topic))]);
  const arrived = await until('all records', all, (seen) => seen.length >= n);
  expect(arrived).toEqual(Array.from({ length: n }, (_, i) => `${i + 1}`));
});

test('what a broker that speaks no TLS answers is on record by name, and tried again', async () => {
  const { api } = causeway;
  const { customerExternalId } = await causeway.createDestination({ auth: { mode: 'NONE', tls: true } });
  const id = await postEvent(api, { eventType: 'e', customerExternalId, payload: {} });
  const { status, error } = await untilDelivery('a failed attempt', api, id, ({ attempts }) => attempts.length > 1);
  expect([error?.kind, error?.name]).toEqual(['transient', 'ECONNRESET']);
  expect(status).toBe('retrying');
});

test("errors have the codes and names of Kafka's own Java client, and what that tries again, we do", async () => {
  const errors = (await javaErrors()).filter(({ name }) => name !== 'NONE');
  expect(errors.length).toBeGreaterThan(100);
  expect(errors.map(({ code }) => [code, kafkaErrorName(code)])).toEqual(errors.map(({ code, name }) => [code, name]));
  const retried = errors.filter(({ isRetriable }) => isRetriable).map(({ name }) => failureRowOf(name));
  expect(retried.filter(({ kind }) => kind !== 'transient' && kind !== 'outcomeUnknown')).toEqual([]);
});

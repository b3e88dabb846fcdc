import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { deliveryOf, postEvent, untilDelivery } from '../harness/eventLog.ts';
import type { KafkaRecord } from '../harness/kafka.ts';
import { operate } from '../harness/temporal.ts';

let causeway: Causeway;
beforeAll(async () => {
  causeway = await startCauseway();
});
afterAll(() => causeway.stop());

/** The topic takes a record of some hundred bytes, and not one of thousands. */
const smallRecords = { 'max.message.bytes': '1500' };
const anyRecords = { 'max.message.bytes': '1000000' };
const tooLarge = 'x'.repeat(5_000);

type Posted = { eventId: string; text: string; workflowId: string };

/** POSTs in one batch; of each event its id, its text, which is the record's value, and its lane. */
async function post(
  { customerExternalId }: CreatedDestination,
  events: { name: string; key?: string; pad?: string }[],
): Promise<Posted[]> {
  const texts = events.map(
    ({ name, key = 'k', pad = '' }) =>
      `{"eventType":"e","occurredAt":"2026-01-15T09:30:00Z","customerExternalId":"${customerExternalId}","idempotencyKey":"${name}","payload":{"key":"${key}","pad":"${pad}"}}`,
  );
  const { status, text, body } = await causeway.api.postBatch(texts);
  expect(status, text).toBe(202);
  const { results } = body as { results: { id: string; deliveries: { workflowId: string }[] }[] };
  return results.map(({ id, deliveries }, n) => ({
    eventId: id,
    text: texts[n] ?? '',
    workflowId: deliveries[0]?.workflowId ?? '',
  }));
}

const names = (records: readonly KafkaRecord[]): string[] =>
  records.map(({ headers }) => headers.idempotency_key ?? '');
const untilNames = (topic: string, last: string): Promise<string[]> =>
  until(
    `${last} on the topic`,
    async () => names(await causeway.kafka.records(topic)),
    (seen) => seen.includes(last),
  );
const untilStatus = (wanted: string, { eventId }: Posted) =>
  untilDelivery(`status ${wanted}`, causeway.api, eventId, ({ status }) => status === wanted);
const signal = (workflowId: string, name: string, input?: unknown): Promise<string> =>
  operate(
    causeway,
    ...['workflow', 'signal', '--workflow-id', workflowId, '--name', name],
    ...(input === undefined ? [] : ['--input', JSON.stringify(input)]),
  );

test('a record that the broker refuses for good is parked, and the others of its batch are delivered in order', async () => {
  const { api, kafka } = causeway;
  const destination = await causeway.createDestination({ topic: await kafka.newTopic(1, smallRecords) });
  const { topic } = destination;

  const wanted = Array.from({ length: 12 }, (_, n) => ({ name: `${n}`, pad: n === 5 ? tooLarge : 'x'.repeat(100) }));
  const posted = await post(destination, wanted);
  const [sibling, culprit] = [posted[4], posted[5]] as [Posted, Posted];

  const delivered = wanted.map(({ name }) => name).filter((name) => name !== '5');
  expect(await untilNames(topic, '11')).toEqual(delivered);
  const parked = await untilStatus('parked', culprit);
  expect(parked.error).toMatchObject({
    kind: 'recordAtFault',
    name: 'MESSAGE_TOO_LARGE',
    code: 10,
    remedy: expect.stringContaining('max.message.bytes'),
  });
  expect(parked.attempts.at(-1)).toMatchObject({ outcome: 'failed', broker: kafka.brokers[0], error: parked.error });
  const { status, attempts } = await deliveryOf(api, sibling.eventId);
  expect([status, attempts[0]?.error?.name, attempts.at(-1)?.outcome]).toEqual([
    'delivered',
    'MESSAGE_TOO_LARGE',
    'delivered',
  ]);
});

test("Temporal's own CLI shows the dead letters, and its replay signal delivers the same bytes once the topic takes them", async () => {
  const { kafka } = causeway;
  const destination = await causeway.createDestination({ topic: await kafka.newTopic(1, smallRecords) });
  const { id, customerExternalId, topic } = destination;
  const [event] = (await post(destination, [{ name: 'large', pad: tooLarge }])) as [Posted];
  await untilStatus('parked', event);

  const found = await until(
    'the lane among the parked ones',
    () =>
      operate(
        causeway,
        'workflow',
        'list',
        '--query',
        `DestinationId="${id}" AND DeliveryState="Parked" AND DeadLetters=1`,
      ),
    (list) => list.includes(event.workflowId),
  );
  expect(found).toContain('lane');
  const query = ['workflow', 'query', '--workflow-id', event.workflowId, '--name', 'deadLetters'];
  const shown = await operate(causeway, ...query);
  for (const part of [event.eventId, customerExternalId, 'MESSAGE_TOO_LARGE', "Raise the topic's max.message.bytes"]) {
    expect(shown).toContain(part);
  }

  await kafka.configure(topic, anyRecords);
  await signal(event.workflowId, 'replay');

  const { attempts, interventions, error } = await untilStatus('delivered', event);
  expect(error).toBeUndefined();
  expect(interventions).toEqual([{ kind: 'replay', at: expect.any(String) }]);
  expect(attempts.map(({ outcome }) => outcome)).toEqual([...attempts.slice(1).map(() => 'failed'), 'delivered']);
  const [record, ...more] = await kafka.records(topic);
  expect(more).toEqual([]);
  expect(record?.headers).toEqual({
    event_type: 'e',
    occurred_at: '2026-01-15T09:30:00Z',
    customer_external_id: customerExternalId,
    idempotency_key: 'large',
  });
  expect([String(record?.key), String(record?.value)]).toEqual([customerExternalId, event.text]);
  expect(await operate(causeway, ...query)).not.toContain(event.eventId);
});

test('replay and discard take those that they name, and the log says who did it and why', async () => {
  const { kafka } = causeway;
  const destination = await causeway.createDestination({ topic: await kafka.newTopic(1, smallRecords) });
  const { topic } = destination;
  const large = [1, 2, 3].map((n) => ({ name: `large ${n}`, pad: tooLarge }));
  const [first, second, third] = (await post(destination, large)) as [Posted, Posted, Posted];
  await untilStatus('parked', third);
  await kafka.configure(topic, anyRecords);

  await signal(first.workflowId, 'discard', { ids: [first.eventId], reason: 'a test event', by: 'ada' });
  await signal(first.workflowId, 'replay', { ids: [second.eventId], reason: 'limit raised', by: 'bob' });

  expect((await untilStatus('discarded', first)).interventions).toEqual([
    { kind: 'discard', at: expect.any(String), reason: 'a test event', by: 'ada' },
  ]);
  expect((await untilStatus('delivered', second)).interventions).toEqual([
    { kind: 'replay', at: expect.any(String), reason: 'limit raised', by: 'bob' },
  ]);
  await post(destination, [{ name: 'one more' }]);
  expect(await untilNames(topic, 'one more')).toEqual(['large 2', 'one more']);
  expect(await deliveryOf(causeway.api, third.eventId)).toMatchObject({ status: 'parked', interventions: [] });

  await signal(first.workflowId, 'discard'); // Without a word on which: nothing.
  await signal(first.workflowId, 'discard', { ids: 7 });
  await signal(first.workflowId, 'replay', { all: true });
  expect(await untilNames(topic, 'large 3')).toEqual(['large 2', 'one more', 'large 3']);
});

test('with onDeadLetter "block" the events of the key wait behind the parked one, in order, and other keys go on', async () => {
  const { kafka } = causeway;
  const destination = await causeway.createDestination({
    topic: await kafka.newTopic(1, smallRecords),
    partitionKey: 'payload.key',
    ordering: { lanes: 1 },
    onDeadLetter: 'block',
  });
  const { topic } = destination;

  const [, culprit, waiting] = (await post(destination, [
    { key: 'a', name: 'a1' },
    { key: 'a', name: 'a2', pad: tooLarge },
    { key: 'a', name: 'a3' },
    { key: 'b', name: 'b1' },
  ])) as [Posted, Posted, Posted];
  await untilStatus('parked', culprit);
  await post(destination, [
    { key: 'a', name: 'a4' },
    { key: 'b', name: 'b2' },
  ]);

  expect(await untilNames(topic, 'b2')).toEqual(['a1', 'b1', 'b2']);
  expect(await deliveryOf(causeway.api, waiting.eventId)).toMatchObject({ status: 'queued' });
  await kafka.configure(topic, anyRecords);
  await signal(culprit.workflowId, 'replay');
  expect(await untilNames(topic, 'a4')).toEqual(['a1', 'b1', 'b2', 'a2', 'a3', 'a4']);
});

test("a poisoned record does not park another lane's record that was sent in the same request", async () => {
  const { kafka } = causeway;
  const destination = await causeway.createDestination({
    topic: await kafka.newTopic(1, smallRecords),
    partitionKey: 'payload.key',
    ordering: { lanes: 'key' },
    producer: { lingerMs: 4_000 }, // Long enough for both lanes' activities to begin.
  });

  const [healthy, poisoned] = (await post(destination, [
    { key: 'healthy', name: 'healthy' },
    { key: 'poisoned', name: 'poisoned', pad: tooLarge },
  ])) as [Posted, Posted];
  expect(healthy.workflowId).not.toBe(poisoned.workflowId);

  const parked = await untilStatus('parked', poisoned);
  const { attempts } = await untilStatus('delivered', healthy);
  expect(parked.error?.name).toBe('MESSAGE_TOO_LARGE');
  expect(names(await kafka.records(destination.topic))).toEqual(['healthy']);
  // Else they were not in one request, and this test would show nothing.
  expect(attempts[0]).toMatchObject({ outcome: 'failed', error: { name: 'MESSAGE_TOO_LARGE' } });
});

test('what waits for a disabled destination is suspended, and goes on in order once it is enabled', async () => {
  const { api, kafka } = causeway;
  const destination = await causeway.createDestination();
  const { id, topic } = destination;
  const enable = async (enabled: boolean): Promise<void> => {
    const { status, text } = await api.request('PATCH', `/v1/destinations/${id}`, { enabled });
    expect(status, text).toBe(200);
  };
  const [{ workflowId }] = (await post(destination, [{ name: '1' }])) as [Posted];
  await untilNames(topic, '1');

  await signal(workflowId, 'pause', { reason: 'maintenance', by: 'ada' });
  const [second, third] = (await post(destination, [{ name: '2' }, { name: '3' }])) as [Posted, Posted];
  await untilStatus('paused', second);
  expect(await operate(causeway, 'workflow', 'query', '--workflow-id', workflowId, '--name', 'status')).toContain(
    'maintenance',
  );
  await enable(false);
  await signal(workflowId, 'resume');

  const suspended = await untilStatus('suspended', third);
  expect(suspended.error).toMatchObject({ kind: 'destinationAtFault', name: 'DESTINATION_DISABLED' });
  expect(names(await kafka.records(topic))).toEqual(['1']);
  await enable(true);
  expect(await untilNames(topic, '3')).toEqual(['1', '2', '3']);
  const id4 = await postEvent(api, { eventType: 'e', customerExternalId: destination.customerExternalId, payload: {} });
  await untilDelivery('the next event', api, id4, ({ status }) => status === 'delivered');
});

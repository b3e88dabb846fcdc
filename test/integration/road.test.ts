import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exampleEvent } from '../../api/schemas/event.ts';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';
import { postEvent } from '../harness/eventLog.ts';
import { javaProduce, javaRecords } from '../harness/javaClient.ts';
import type { KafkaRecord } from '../harness/kafka.ts';
import { firstSeen } from '../harness/order.ts';

let causeway: Causeway;
beforeAll(async () => {
  causeway = await startCauseway();
});
afterAll(() => causeway.stop());

const newCustomer = (): string => `acct_${randomUUID()}`;
const untilRecords = (topic: string, count: number): Promise<KafkaRecord[]> =>
  until(
    `${count} records`,
    () => causeway.kafka.records(topic),
    (seen) => seen.length >= count,
  );
const values = (records: readonly KafkaRecord[]): string[] => records.map(({ value }) => String(value));

test('the example event becomes one Kafka record: key, headers, value byte for byte', async () => {
  const destination = await causeway.createDestination({ customerExternalId: exampleEvent.customerExternalId });

  await postEvent(causeway.api, exampleEvent);

  const records = await untilRecords(destination.topic, 1);
  expect(records.map(({ key, headers, value }) => ({ key: String(key), headers, value: String(value) }))).toEqual([
    {
      key: 'acct_8K2zRq',
      headers: {
        event_type: 'order.shipped',
        occurred_at: '2026-01-15T09:30:00Z',
        customer_external_id: 'acct_8K2zRq',
        idempotency_key: 'order-1001-shipped',
      },
      value: JSON.stringify(exampleEvent),
    },
  ]);
});

/** What JSON.parse and JSON.stringify would change, or a careless reader of bytes. */
const delicatePayload = String.raw`{"big":12345678901234567890,"price":1.10,"huge":1e400,"minus":-0,"exp":1E+2,"twice":1,"twice":2,"escaped":"\u00e9\ud83d\ude00\u0000\/\"\\\n\u2028","raw":"é😀${'\u2028\ufeff\u{10ffff}'}  two  spaces","":null,"\u0061":[[],{}]}`;

test('the value keeps numbers and strings as the sender wrote them: alone, in a JSON array, as NDJSON', async () => {
  const { api } = causeway;
  const { customerExternalId, topic } = await causeway.createDestination();
  const event = (idempotencyKey: string): string =>
    `{"eventType":"e","occurredAt":"2026-01-15T09:30:00Z","customerExternalId":"${customerExternalId}","idempotencyKey":"${idempotencyKey}","payload":${delicatePayload}}`;
  const sent = ['alone', 'array 1', 'array 2', 'line 1', 'line 2'].map(event);

  const ndjson = { 'content-type': 'application/x-ndjson' };
  expect((await api.post(sent[0] ?? '')).status).toBe(202);
  expect((await api.postBatch(sent.slice(1, 3))).status).toBe(202);
  expect((await api.postBatch(sent.slice(3).join('\n'), ndjson)).status).toBe(202);

  expect(values(await untilRecords(topic, 5))).toEqual(sent);
});

/** Any text, some of its characters as escapes. */
const anyString = fc
  .array(fc.tuple(fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }), fc.boolean()), { maxLength: 8 })
  .map((parts) =>
    parts.map(([text, isEscaped]) => (isEscaped ? escaped(text) : JSON.stringify(text).slice(1, -1))).join(''),
  );
const escaped = (text: string): string =>
  text.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

test('the value keeps any valid Unicode, escaped or not, byte for byte', async () => {
  const { customerExternalId, topic } = await causeway.createDestination();
  const seed = Date.now();
  const texts = fc.sample(anyString, { numRuns: 200, seed });
  const sent = texts.map(
    (text, n) =>
      `{"eventType":"e","occurredAt":"2026-01-15T09:30:00Z","customerExternalId":"${customerExternalId}","payload":{"${n}":"${text}"}}`,
  );

  expect((await causeway.api.postBatch(sent)).status).toBe(202);

  expect(values(await untilRecords(topic, sent.length)), `seed ${seed}`).toEqual(sent);
});

test('the same idempotency key again gives the same id and no second record', async () => {
  const { api } = causeway;
  const { customerExternalId, topic } = await causeway.createDestination();
  const event = { eventType: 'e', customerExternalId, idempotencyKey: 'once', payload: { n: 1 } };

  const id = await postEvent(api, event);
  await untilRecords(topic, 1);
  expect(await postEvent(api, event)).toBe(id);
  expect(await postEvent(api, { ...event, payload: { n: 2 } })).toBe(id);
  const { body } = await api.postBatch([event, event]);
  expect(body).toMatchObject({ accepted: 2, results: [{ id }, { id }] });
  await postEvent(api, { ...event, idempotencyKey: 'one more' });

  const records = await untilRecords(topic, 2);
  expect(records.map(({ headers }) => headers.idempotency_key)).toEqual(['once', 'one more']);
  expect(JSON.parse(String(records[0]?.value)).payload).toEqual({ n: 1 });
});

test('an event goes to every destination of its customer that wants its type, and to no other', async () => {
  const { api } = causeway;
  const customerExternalId = newCustomer();
  const all = await causeway.createDestination({ customerExternalId });
  const orders = await causeway.createDestination({ customerExternalId, eventTypes: ['order.*'] });
  const invoices = await causeway.createDestination({ customerExternalId, eventTypes: ['invoice.paid', 'user.*'] });
  const disabled = await causeway.createDestination({ customerExternalId, enabled: false });
  const other = await causeway.createDestination();
  const post = async (eventType: string, to = customerExternalId): Promise<string[]> => {
    const { body } = await api.post({ eventType, customerExternalId: to, payload: {} });
    return (body as { deliveries: { destinationId: string }[] }).deliveries.map(({ destinationId }) => destinationId);
  };

  const ids = (...destinations: { id: string }[]) => destinations.map(({ id }) => id).sort();
  expect((await post('order.shipped')).sort()).toEqual(ids(all, orders));
  expect((await post('invoice.paid')).sort()).toEqual(ids(all, invoices));
  expect((await post('invoice.sent')).sort()).toEqual(ids(all));
  expect(await post('order.shipped', newCustomer())).toEqual([]);

  // One more for each: what came before it would lie before it.
  await post('order.last');
  await post('user.last');
  await post('last', other.customerExternalId);
  await causeway.api.request('PATCH', `/v1/destinations/${disabled.id}`, { enabled: true });
  await until(
    'the enabled destination to get events',
    () => post('order.last'),
    (to) => to.includes(disabled.id),
  );
  const typesAt = async (topic: string, last: string): Promise<string[]> => {
    const types = (records: readonly KafkaRecord[]) => records.map(({ headers }) => headers.event_type ?? '');
    return types(
      await until(
        last,
        () => causeway.kafka.records(topic),
        (seen) => types(seen).includes(last),
      ),
    );
  };
  expect((await typesAt(all.topic, 'user.last')).slice(0, 5)).toEqual([
    'order.shipped',
    'invoice.paid',
    'invoice.sent',
    'order.last',
    'user.last',
  ]);
  expect((await typesAt(orders.topic, 'order.last')).slice(0, 2)).toEqual(['order.shipped', 'order.last']);
  expect(await typesAt(invoices.topic, 'user.last')).toEqual(['invoice.paid', 'user.last']);
  expect(await typesAt(other.topic, 'last')).toEqual(['last']);
  expect(new Set(await typesAt(disabled.topic, 'order.last'))).toEqual(new Set(['order.last']));
});

test('with lanes by number, each key keeps its order, on the partition that the Java client would choose', async () => {
  const { api, kafka } = causeway;
  const partitions = 6;
  const destination = await causeway.createDestination({
    topic: await kafka.newTopic(partitions),
    partitionKey: 'payload.orderId',
    ordering: { lanes: 4 },
  });
  const { customerExternalId, topic } = destination;
  const keys = [
    ...Array.from({ length: 40 }, (_, n) => `order-${n}`),
    '1.10',
    '7',
    'true',
    'é',
    '😀 and more',
    'x'.repeat(999),
  ];
  const isWritten = (key: string): boolean => ['1.10', '7', 'true'].includes(key);
  const idempotencyKey = (key: string, n: number): string => `${keys.indexOf(key)}#${n}`;
  const event = (key: string, n: number): string =>
    `{"eventType":"e","customerExternalId":"${customerExternalId}","idempotencyKey":"${idempotencyKey(key, n)}","payload":{"orderId":${isWritten(key) ? key : JSON.stringify(key)}}}`;

  const lanes = new Set<string>();
  for (let n = 0; n < 8; n++) {
    const { status, text, body } = await api.postBatch(keys.map((key) => event(key, n)));
    expect(status, text).toBe(202);
    const { results } = body as { results: { deliveries: { workflowId: string }[] }[] };
    for (const { deliveries } of results) for (const { workflowId } of deliveries) lanes.add(workflowId);
  }

  expect([...lanes].sort()).toEqual([0, 1, 2, 3].map((lane) => `delivery:${destination.id}:${lane}`));
  const records = await untilRecords(topic, keys.length * 8);
  expect(records).toHaveLength(keys.length * 8);
  for (const key of keys) {
    const inOrder = Array.from({ length: 8 }, (_, n) => idempotencyKey(key, n));
    expect(firstSeen(records, key)).toEqual(inOrder);
  }

  const javaTopic = await kafka.newTopic(partitions);
  await javaProduce(kafka.brokers, javaTopic, keys);
  const byJava = await javaRecords(kafka.brokers, javaTopic, keys.length);
  const partitionOf = (found: readonly { key: unknown; partition: number }[]) =>
    Object.fromEntries(found.map(({ key, partition }) => [String(key), partition]));
  expect(new Set(byJava.map(({ partition }) => partition)).size).toBe(partitions);
  expect(partitionOf(records)).toEqual(partitionOf(byJava));
});

test('the Java console consumer reads what we wrote: partition, offset, headers, key and value', async () => {
  const { api, kafka } = causeway;
  const { customerExternalId, topic } = await causeway.createDestination({ topic: await kafka.newTopic(3) });
  const event = (n: number): string =>
    `{"eventType":"order.shipped","occurredAt":"2026-01-15T09:30:00Z","customerExternalId":"${customerExternalId}","idempotencyKey":"é-${n}","payload":{"big":12345678901234567890,"price":1.10,"text":"é😀\\u00e9"}}`;

  await postEvent(api, event(1));
  await postEvent(api, event(2));
  const [ours] = await untilRecords(topic, 2);
  const records = await javaRecords(kafka.brokers, topic, 2);

  expect(records).toEqual(
    [1, 2].map((n) => ({
      partition: ours?.partition,
      offset: n - 1,
      headers: `event_type:order.shipped,occurred_at:2026-01-15T09:30:00Z,customer_external_id:${customerExternalId},idempotency_key:é-${n}`,
      key: customerExternalId,
      value: event(n),
    })),
  );
});

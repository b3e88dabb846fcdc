import { expect, test } from 'vitest';
import { exampleEvent } from '../../api/schemas/event.ts';
import { startCauseway, until } from '../harness/causeway.ts';

test('the example event becomes one Kafka record: key, headers, value byte for byte', async () => {
  const causeway = await startCauseway();
  const { api, kafka } = causeway;
  const destination = await causeway.createDestination({ customerExternalId: exampleEvent.customerExternalId });

  const answer = await api.post(exampleEvent);
  expect([answer.status, answer.text]).toEqual([202, expect.any(String)]);
  const records = await until(
    'the record',
    () => kafka.records(destination.topic),
    (seen) => seen.length > 0,
  );

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
  const { id } = answer.body as { id: string };
  const log = await until(
    'the log',
    async () => (await api.get(`/v1/events/${id}`)).body as { deliveries: { status: string }[] },
    ({ deliveries }) => deliveries[0]?.status === 'delivered',
  );
  console.log(JSON.stringify(log, null, 1));
  await causeway.stop();
});

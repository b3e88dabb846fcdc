import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { digestOfEventId } from '../../domain/eventId.ts';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';
import { deliveryOf, postEvent, untilDelivery } from '../harness/eventLog.ts';

let causeway: Causeway;
beforeAll(async () => {
  causeway = await startCauseway({ apiEnv: { CAUSEWAY_LANE_HISTORY_EVENTS_MAX: '50' } });
});
afterAll(() => causeway.stop());

async function forget(eventId: string): Promise<void> {
  const client = new pg.Client({ connectionString: causeway.databaseUrl });
  await client.connect();
  try {
    const id = Buffer.from(digestOfEventId(eventId) ?? '', 'base64url').toString('hex');
    const { rowCount } = await client.query('delete from event_index where event_id = $1::uuid', [id]);
    expect(rowCount).toBe(1);
  } finally {
    await client.end();
  }
}

test('an event whose API died before it wrote the index is found after its sender sent it again, runs later', async () => {
  const { customerExternalId } = await causeway.createDestination();
  const event = () => ({ eventType: 'a.b', customerExternalId, idempotencyKey: randomUUID(), payload: {} });
  const sent = event();
  const id = await postEvent(causeway.api, sent);
  const isDelivered = ({ status }: { status: string }) => status === 'delivered';
  const first = await untilDelivery('the event to be delivered', causeway.api, id, isDelivered);
  await until(
    'the lane to go on in another run',
    async () => {
      const other = await postEvent(causeway.api, event());
      return untilDelivery('another event to be delivered', causeway.api, other, isDelivered);
    },
    ({ runId }) => runId !== first.runId,
    60_000,
  );

  await forget(id); // As if the API had been killed between the stored signal and the row.
  expect(await postEvent(causeway.api, sent)).toBe(id);
  const { acceptedAt: _, ...found } = await deliveryOf(causeway.api, id);
  const { acceptedAt: __, ...before } = first;
  expect(found).toEqual(before);
});

import { randomBytes } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { startCauseway, until } from '../harness/causeway.ts';

/**
 * Bytes that compression can't make smaller: so the page of history that has them all is larger than gRPC's 4 MiB. In two
 * batches: with no worker, a lane that holds 3 MiB takes no more.
 */
const batches = 2;
const eventsOfBatch = 15;
const payloadBytes = 150_000;

test('the log of an event is read though its lane has more than 4 MiB of history', async () => {
  const causeway = await startCauseway({ workers: 0 });
  onTestFinished(() => causeway.stop());
  const { api } = causeway;
  const { customerExternalId } = await causeway.createDestination();
  const ids: string[] = [];
  for (let n = 0; n < batches; n++) {
    const events = Array.from({ length: eventsOfBatch }, (_, m) => ({
      ...{ eventType: 'e', customerExternalId, idempotencyKey: `${n}:${m}` },
      payload: { noise: randomBytes(payloadBytes).toString('base64') },
    }));
    // Refused for as long as nobody has looked at what the lane holds by now.
    const answer = await until(
      'the batch to be accepted',
      () => api.postBatch(events),
      ({ status }) => status === 202,
      60_000,
    );
    ids.push(...(answer.body as { results: { id: string }[] }).results.map(({ id }) => id));
  }

  const { status, text, body } = await api.get(`/v1/events/${ids.at(-1)}`);

  expect([status, text]).toEqual([200, expect.any(String)]);
  expect(body).toMatchObject({ deliveries: [{ status: 'queued' }] });
});

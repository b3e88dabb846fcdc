import { randomBytes } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { startCauseway } from '../harness/causeway.ts';

/**
 * Bytes that compression can't make smaller: so the page of history that has them all is larger than gRPC's 4 MiB, and less than
 * the 5 MiB from which the lane would be refused. In two batches, for what no worker looks at for two seconds is refused earlier.
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
    const answer = await api.postBatch(events);
    expect(answer.status, answer.text).toBe(202);
    ids.push(...(answer.body as { results: { id: string }[] }).results.map(({ id }) => id));
  }

  const { status, text, body } = await api.get(`/v1/events/${ids.at(-1)}`);

  expect([status, text]).toEqual([200, expect.any(String)]);
  expect(body).toMatchObject({ deliveries: [{ status: 'queued' }] });
});

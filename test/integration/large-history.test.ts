import { randomBytes } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { startCauseway, until } from '../harness/causeway.ts';

/** Bytes that compression can't make smaller: so the page of history that has them all is larger than gRPC's 4 MiB. */
const events = 40;
const payloadBytes = 150_000;

test('the log of an event is read though its lane has more than 4 MiB of history', async () => {
  const causeway = await startCauseway({ workers: 0 });
  onTestFinished(() => causeway.stop());
  const { api } = causeway;
  const { customerExternalId } = await causeway.createDestination();
  const ids: string[] = [];
  for (let n = 0; n < events; n++) {
    const payload = { n, noise: randomBytes(payloadBytes).toString('base64') };
    const answer = await until(
      'a 202',
      () => api.post({ eventType: 'e', customerExternalId, idempotencyKey: String(n), payload }),
      ({ status }) => status === 202,
    );
    ids.push((answer.body as { id: string }).id);
  }

  const { status, text, body } = await api.get(`/v1/events/${ids.at(-1)}`);

  expect([status, text]).toEqual([200, expect.any(String)]);
  expect(body).toMatchObject({ deliveries: [{ status: 'queued' }] });
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { deliveryOf, untilDelivery } from '../harness/eventLog.ts';
import type { KafkaRecord } from '../harness/kafka.ts';
import { beginReplay, replayed } from '../harness/replays.ts';

let causeway: Causeway;
beforeAll(async () => {
  causeway = await startCauseway();
});
afterAll(() => causeway.stop());

/** Sixteen of these take more than three times what a lane holds of dead letters itself. */
const tooLarge = 'x'.repeat(100_000);
const largeOfBatch = 16;
const batches = 3;

type Posted = { id: string; name: string; eventType: string };
type Lane = {
  deadLetters: number;
  status?: { waitingEvents: number; deadLettersAside?: { segments: number; events: number } };
};
type Letters = { deadLetters: { eventId: string; bytes: number; error: { name: string } }[]; nextCursor?: string };

/** POSTs a batch in which large events of four keys are followed by a small one of each; the large ones are of two types in turn. */
async function postBatch({ customerExternalId }: CreatedDestination, batch: number): Promise<Posted[]> {
  const events = Array.from({ length: largeOfBatch + 4 }, (_, n) => {
    const isLarge = n < largeOfBatch;
    const eventType = !isLarge ? 'small' : Math.floor(n / 4) % 2 === 0 ? 'wanted' : 'unwanted';
    const payload = { key: `k${n % 4}`, pad: isLarge ? tooLarge : '' };
    return { eventType, customerExternalId, idempotencyKey: `${batch}-${String(n).padStart(2, '0')}`, payload };
  });
  const { status, text, body } = await causeway.api.postBatch(events);
  expect(status, text).toBe(202);
  const { results } = body as { results: { id: string }[] };
  return events.map(({ idempotencyKey: name, eventType }, n) => ({ id: results[n]?.id ?? '', name, eventType }));
}

const names = (records: readonly KafkaRecord[]): string[] =>
  records.map(({ headers }) => headers.idempotency_key ?? '');

test('far more dead letters than a lane holds stand aside while its other events go on; a replay takes what it names, in order, a discard the rest', async () => {
  const { api, kafka } = causeway;
  const topic = await kafka.newTopic(1, { 'max.message.bytes': '1500' });
  const destination = await causeway.createDestination({ topic, partitionKey: 'payload.key', ordering: { lanes: 1 } });
  const lane = async (): Promise<Lane> => {
    const { body } = await api.get(`/v1/destinations/${destination.id}/lanes`);
    return (body as { lanes: Lane[] }).lanes[0] ?? { deadLetters: -1 };
  };
  const untilOnTopic = (what: string, count: number) =>
    until(
      what,
      async () => names(await kafka.records(topic)),
      (seen) => seen.length >= count,
      60_000,
    );

  const posted: Posted[] = [];
  for (let batch = 0; batch < batches; batch++) posted.push(...(await postBatch(destination, batch)));
  const small = posted.filter(({ eventType }) => eventType === 'small').map(({ name }) => name);
  const large = posted.filter(({ eventType }) => eventType !== 'small');
  expect(await untilOnTopic('the small ones', small.length)).toEqual(small);
  const parked = await until('all large ones to be parked', lane, ({ deadLetters }) => deadLetters === large.length);
  expect(parked.status?.waitingEvents).toBe(0);
  expect(parked.status?.deadLettersAside?.segments).toBeGreaterThan(2);

  const shown: string[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const { body } = await api.get(
      `/v1/destinations/${destination.id}/dead-letters?limit=7${cursor && `&cursor=${cursor}`}`,
    );
    const page = body as Letters;
    expect(page.deadLetters.every(({ bytes, error }) => bytes > 100_000 && error.name === 'MESSAGE_TOO_LARGE')).toBe(
      true,
    );
    shown.push(...page.deadLetters.map(({ eventId }) => eventId));
    cursor = page.nextCursor;
  }
  expect(shown).toEqual(large.map(({ id }) => id));
  const [first, second] = [large[0]?.id ?? '', large[4]?.id ?? ''];
  expect(await deliveryOf(api, first)).toMatchObject({ status: 'parked', error: { name: 'MESSAGE_TOO_LARGE' } });

  await kafka.configure(topic, { 'max.message.bytes': '1000000' });
  const by = 'ada';
  const selector = { destinationId: destination.id, status: 'parked', eventType: 'wanted' };
  const replay = await replayed(api, await beginReplay(api, { ...selector, reason: 'limit raised', by }));
  const wanted = large.filter(({ eventType }) => eventType === 'wanted').map(({ name }) => name);
  expect(replay).toMatchObject({ status: 'done', events: wanted.length });
  expect(await untilOnTopic('the wanted ones', small.length + wanted.length)).toEqual([...small, ...wanted]);
  const { interventions } = await untilDelivery('it is delivered', api, first, ({ status }) => status === 'delivered');
  expect(interventions).toEqual([expect.objectContaining({ kind: 'replay', reason: 'limit raised' })]);
  expect(await lane()).toMatchObject({ deadLetters: large.length - wanted.length });

  const discard = `/v1/destinations/${destination.id}/discard`;
  expect((await api.request('POST', discard, { ids: [second], reason: 'a test event' })).status).toBe(202);
  await untilDelivery('it is discarded', api, second, ({ status }) => status === 'discarded');
  expect((await api.request('POST', discard, { all: true, reason: 'the rest' })).status).toBe(202);
  await until('none to be parked', lane, ({ deadLetters }) => deadLetters === 0);
  const last = await untilDelivery('the last is', api, large.at(-1)?.id ?? '', ({ status }) => status === 'discarded');
  expect(last.interventions).toEqual([expect.objectContaining({ kind: 'discard', reason: 'the rest' })]);

  const [more] = (await postBatch(destination, batches)).slice(-1);
  const all = await until(
    'one more',
    async () => names(await kafka.records(topic)),
    (seen) => seen.includes(more?.name ?? ''),
  );
  expect(all.length).toBe(small.length + wanted.length + largeOfBatch + 4); // Nothing came twice, nor what was discarded.
});

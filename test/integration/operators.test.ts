import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Answer } from '../harness/api.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { deliveryOf, postEvent, untilDelivery } from '../harness/eventLog.ts';

let causeway: Causeway;
beforeAll(async () => {
  causeway = await startCauseway();
});
afterAll(() => causeway.stop());

const smallRecords = { 'max.message.bytes': '1500' };
const anyRecords = { 'max.message.bytes': '1000000' };
const nobody = `evt_${'A'.repeat(22)}`;

type Letter = { eventId: string; lane: string; error: { name: string }; partitionKey: string };
type LetterPage = { deadLetters: Letter[]; unanswered: unknown[]; nextCursor?: string };

/** A destination with a lane a key, whose topic takes no large record. */
const smallDestination = async (): Promise<CreatedDestination> =>
  causeway.createDestination({
    topic: await causeway.kafka.newTopic(1, smallRecords),
    partitionKey: 'payload.key',
    ordering: { lanes: 'key' },
  });

async function park({ customerExternalId }: CreatedDestination, keys: string[]): Promise<string[]> {
  const events = keys.map((key) => ({
    eventType: 'e',
    customerExternalId,
    payload: { key, pad: 'x'.repeat(5_000) },
  }));
  const ids: string[] = [];
  for (const event of events) ids.push(await postEvent(causeway.api, event));
  for (const id of ids) await untilDelivery('it is parked', causeway.api, id, ({ status }) => status === 'parked');
  return ids;
}

const ask = ({ id }: CreatedDestination, name: string, body: unknown, headers?: Record<string, string>) =>
  causeway.api.request('POST', `/v1/destinations/${id}/${name}`, body, headers);

async function letters({ id }: CreatedDestination, query = ''): Promise<LetterPage> {
  const { status, text, body } = await causeway.api.get(`/v1/destinations/${id}/dead-letters${query}`);
  expect(status, text).toBe(200);
  return body as LetterPage;
}
const idsOf = ({ deadLetters }: LetterPage): string[] => deadLetters.map(({ eventId }) => eventId).toSorted();
const untilLetters = (destination: CreatedDestination, ids: string[]) =>
  until(
    `${ids.length} dead letters are listed`,
    () => letters(destination),
    (page) => idsOf(page).join() === ids.toSorted().join(),
  );
const problem = ({ status, body }: Answer) => [status, (body as { code?: string }).code];

test('lanes and dead letters are listed page by page, each once', async () => {
  const destination = await smallDestination();
  const ids = await park(destination, ['a', 'b', 'c', 'a', 'a']);
  const page = await untilLetters(destination, ids);
  expect(page).toMatchObject({ unanswered: [] });
  expect(page.deadLetters.find(({ eventId }) => eventId === ids[1])).toMatchObject({
    lane: 'b',
    partitionKey: 'b',
    error: { name: 'MESSAGE_TOO_LARGE', remedy: expect.stringContaining('max.message.bytes') },
  });

  const found: string[] = [];
  let query = '?limit=2';
  for (let pages = 1; ; pages++) {
    const some = await letters(destination, query);
    found.push(...idsOf(some));
    if (some.nextCursor === undefined) break;
    expect([some.deadLetters.length, pages]).toEqual([2, expect.any(Number)]);
    query = `?limit=2&cursor=${encodeURIComponent(some.nextCursor)}`;
  }
  expect(found.toSorted()).toEqual(ids.toSorted());

  type LanePage = {
    lanes: { lane: string; state: string; deadLetters: number; status?: unknown }[];
    nextCursor?: string;
  };
  const lanes = `/v1/destinations/${destination.id}/lanes?limit=2&state=Parked`;
  const first = (await causeway.api.get(lanes)).body as LanePage;
  const second = (await causeway.api.get(`${lanes}&cursor=${first.nextCursor}`)).body as LanePage;
  const all = [...first.lanes, ...second.lanes].toSorted((a, b) => a.lane.localeCompare(b.lane));
  expect(all.map(({ lane, state, deadLetters }) => [lane, state, deadLetters])).toEqual([
    ['a', 'Parked', 3],
    ['b', 'Parked', 1],
    ['c', 'Parked', 1],
  ]);
  expect(all[0]?.status).toMatchObject({ waitingEvents: 0, counts: { accepted: 3, parked: 3, delivered: 0 } });
  expect((await causeway.api.get(`/v1/destinations/${destination.id}/lanes?state=Paused`)).body).toEqual({ lanes: [] });
});

test('replay and discard take the events that are named, and the log says why and who asked', async () => {
  const destination = await smallDestination();
  const [first, second, third] = (await park(destination, ['a', 'a', 'b'])) as [string, string, string];
  await causeway.kafka.configure(destination.topic, anyRecords);

  const discarded = await ask(destination, 'discard', { ids: [first], reason: 'a test', by: 'ada' });
  expect([discarded.status, discarded.body]).toEqual([
    202,
    { signal: 'discard', lanes: 1, deadLetters: 1, reason: 'a test', by: 'ada (CAUSEWAY_API_KEY)' },
  ]);
  const replayed = await ask(destination, 'replay', { ids: [second, third] }, { 'idempotency-key': 'one' });
  expect(replayed.body).toEqual({ signal: 'replay', lanes: 2, deadLetters: 2, by: 'CAUSEWAY_API_KEY' });
  for (const id of [second, third]) {
    const { interventions } = await untilDelivery('it is delivered', causeway.api, id, (d) => d.status === 'delivered');
    expect(interventions).toEqual([{ kind: 'replay', at: expect.any(String), by: 'CAUSEWAY_API_KEY' }]);
  }
  expect(await deliveryOf(causeway.api, first)).toMatchObject({
    status: 'discarded',
    interventions: [{ kind: 'discard', reason: 'a test', by: 'ada (CAUSEWAY_API_KEY)' }],
  });
  await untilLetters(destination, []);
  expect(await causeway.kafka.records(destination.topic)).toHaveLength(2);
});

test('replay takes all of a lane, and all of a destination', async () => {
  const destination = await smallDestination();
  const [one, ...others] = (await park(destination, ['a', 'b', 'c', 'c'])) as [string, string, string, string];
  await causeway.kafka.configure(destination.topic, anyRecords);
  const ofLane = await ask(destination, 'replay', { lane: 'a' });
  expect(ofLane.body).toMatchObject({ lanes: 1, deadLetters: 1 });
  await untilDelivery('it is delivered', causeway.api, one, ({ status }) => status === 'delivered');
  await untilLetters(destination, others);
  expect((await ask(destination, 'replay', { all: true })).body).toMatchObject({ lanes: 2, deadLetters: 3 });
  for (const id of others) await untilDelivery('delivered', causeway.api, id, ({ status }) => status === 'delivered');
  await untilLetters(destination, []);
  expect((await ask(destination, 'replay', { all: true })).body).toMatchObject({ lanes: 0, deadLetters: 0 });
});

test('what names nothing that is there gets a clear answer, and changes nothing', async () => {
  const destination = await smallDestination();
  const [parked] = (await park(destination, ['a'])) as [string];
  const other = await smallDestination();
  await causeway.kafka.configure(destination.topic, anyRecords);
  const small = { eventType: 'e', customerExternalId: destination.customerExternalId, payload: { key: 'a' } };
  const delivered = await postEvent(causeway.api, small);
  await untilDelivery('it is delivered', causeway.api, delivered, ({ status }) => status === 'delivered');

  const refused: [body: unknown, status: number, code: string, says: string][] = [
    [{ ids: [parked, nobody] }, 404, 'event_not_found', nobody],
    [{ ids: [parked, delivered] }, 409, 'event_not_parked', delivered],
    [{ ids: [] }, 422, 'validation_failed', 'ids'],
    [{ ids: ['x'] }, 422, 'validation_failed', 'evt_'],
    [{}, 422, 'validation_failed', 'exactly one of ids, lane and all'],
    [{ ids: [parked], all: true }, 422, 'validation_failed', 'exactly one of ids, lane and all'],
    [{ id: parked }, 422, 'validation_failed', 'ids, lane, all'],
    [{ lane: 'none' }, 404, 'lane_not_found', 'none'],
    ['{', 400, 'malformed_json', 'JSON'],
  ];
  for (const name of ['replay', 'discard']) {
    for (const [body, status, code, says] of refused) {
      const answer = await ask(destination, name, body);
      expect([JSON.stringify(body), ...problem(answer)]).toEqual([JSON.stringify(body), status, code]);
      expect((answer.body as { detail: string }).detail).toContain(says);
    }
    expect(problem(await ask(other, name, { ids: [parked] }))).toEqual([404, 'event_not_found']);
    const unknown = await causeway.api.request('POST', `/v1/destinations/dst_x/${name}`, { all: true });
    expect(problem(unknown)).toEqual([404, 'destination_not_found']);
  }
  const page = (await causeway.api.get('/v1/destinations?limit=1')).body as { nextCursor: string };
  for (const query of [
    'lanes?cursor=x',
    'lanes?cursor=eHh4eHh4',
    `lanes?cursor=${page.nextCursor}`,
    'dead-letters?cursor=x',
  ]) {
    const answer = await causeway.api.get(`/v1/destinations/${destination.id}/${query}`);
    expect(problem(answer)).toEqual([400, 'cursor_invalid']);
  }
  expect(await deliveryOf(causeway.api, parked)).toMatchObject({ status: 'parked', interventions: [] });
  expect(await causeway.kafka.records(destination.topic)).toHaveLength(1);
});

test('a paused destination takes events and sends none; once it is resumed they arrive in order', async () => {
  const { api, kafka } = causeway;
  const destination = await causeway.createDestination();
  const { customerExternalId, topic } = destination;
  const post = (n: number) => postEvent(api, { eventType: 'e', customerExternalId, payload: { n } });
  const show = async () => (await api.get(`/v1/destinations/${destination.id}`)).body as Record<string, unknown>;

  const paused = await ask(destination, 'pause', { reason: 'they move the topic', by: 'ada' });
  const note = { reason: 'they move the topic', by: 'ada (CAUSEWAY_API_KEY)' };
  expect([paused.status, paused.body]).toEqual([202, { signal: 'pause', of: 'destination', ...note }]);
  expect(await ask(destination, 'pause', { by: 'bob' })).toMatchObject({ status: 202 });
  expect(await show()).toMatchObject({ paused: { ...note, since: expect.any(String) }, version: 2 });
  const first = await post(1);
  const { error } = await untilDelivery('it waits', api, first, ({ status }) => status === 'paused');
  expect(error).toMatchObject({ name: 'DESTINATION_PAUSED', message: expect.stringContaining('they move the topic') });
  const others = [await post(2), await post(3)];
  expect(await kafka.records(topic)).toEqual([]);

  expect(await ask(destination, 'resume', {})).toMatchObject({ status: 202 });
  for (const id of [first, ...others]) {
    await untilDelivery('it is delivered', api, id, ({ status }) => status === 'delivered');
  }
  expect((await kafka.records(topic)).map(({ value }) => JSON.parse(String(value)).payload.n)).toEqual([1, 2, 3]);
  expect(await show()).not.toHaveProperty('paused');
});

test('a paused lane waits until it is resumed, and one that is not there is not found', async () => {
  const { api } = causeway;
  const destination = await causeway.createDestination();
  const { customerExternalId } = destination;
  const post = (n: number) => postEvent(api, { eventType: 'e', customerExternalId, payload: { n } });
  await post(1);
  expect(problem(await ask(destination, 'pause', { lane: 'none' }))).toEqual([404, 'lane_not_found']);
  const lane = customerExternalId;
  expect((await ask(destination, 'pause', { lane, reason: 'why' })).body).toMatchObject({ of: 'lane', reason: 'why' });
  const second = await post(2);
  await untilDelivery('it waits', api, second, ({ status }) => status === 'paused');
  type Listed = { lanes: { lane: string; state: string; status?: { waitingEvents: number } }[] };
  const { lanes } = await until(
    'the lane to be listed with the event that waits',
    async () => (await api.get(`/v1/destinations/${destination.id}/lanes`)).body as Listed,
    (page) => page.lanes[0]?.status?.waitingEvents === 1, // The first event may still be under way.
  );
  expect(lanes).toMatchObject([
    { lane, state: 'Paused', status: { paused: { reason: 'why', by: 'CAUSEWAY_API_KEY' } } },
  ]);
  expect(await ask(destination, 'resume', { lane })).toMatchObject({ status: 202 });
  await untilDelivery('it is delivered', api, second, ({ status }) => status === 'delivered');
});

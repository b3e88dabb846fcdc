/** Dead letters of many lanes and destinations, paged where they lie. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { expectProblem } from '../harness/problem.ts';

let causeway: Causeway;
/** Two customers' destinations, the first with two, whose topic takes no large record. */
let own: CreatedDestination[];
let foreign: CreatedDestination;
const lettersOfEach = 700;
const lanes = 40;
beforeAll(async () => {
  causeway = await startCauseway();
  const topic = await causeway.kafka.newTopic(4, { 'max.message.bytes': '1500' });
  const customerExternalId = `acct_${randomUUID()}`;
  const parking = { topic, partitionKey: 'payload.key', ordering: { lanes } };
  own = [
    await causeway.createDestination({ ...parking, customerExternalId }),
    await causeway.createDestination({ ...parking, customerExternalId, ordering: { lanes: 3 } }),
  ];
  foreign = await causeway.createDestination({ ...parking, ordering: { lanes: 2 } });
  // Of two times: those of one batch are parked in the same millisecond.
  await post(foreign.customerExternalId, 25, 'x'.repeat(2_000));
  const parkedFirst = (): Promise<Letter[]> => parkedIn(`?destinationId=${foreign.id}`);
  await until('the first to be parked', parkedFirst, ({ length }) => length === 25, 60_000);
  await Promise.all([
    post(customerExternalId, lettersOfEach, 'x'.repeat(2_000)),
    post(foreign.customerExternalId, 25, 'x'.repeat(2_000)),
    post(customerExternalId, 50),
  ]);
  await until(
    'all to be parked',
    () => parkedIn('?limit=1000'),
    ({ length }) => length === 2 * lettersOfEach + 50,
    120_000,
  );
}, 180_000);
afterAll(() => causeway?.stop());

async function post(customerExternalId: string, count: number, pad = ''): Promise<void> {
  for (let at = 0; at < count; at += 100) {
    const events = Array.from({ length: Math.min(100, count - at) }, (_, n) => ({
      ...{ eventType: 'e', customerExternalId, payload: { key: String(at + n), pad } },
    }));
    await until(
      'accepted',
      () => causeway.api.postBatch(events),
      ({ status }) => status === 202,
    );
  }
}

type Letter = { eventId: string; destinationId: string; lane: string; parkedAt: string; error: { name: string } };
type Page = { deadLetters: Letter[]; unanswered: unknown[]; nextCursor?: string };

const pageOf = async (query: string): Promise<Page> => {
  const { status, text, body } = await causeway.api.get(`/v1/dead-letters${query}`);
  expect(status, text).toBe(200);
  return body as Page;
};

/** All that the pages have, and how many pages there were. */
async function pagesOf(query: string): Promise<{ letters: Letter[]; pages: number }> {
  const letters: Letter[] = [];
  let cursor = '';
  for (let pages = 1; ; pages++) {
    const { deadLetters, nextCursor, unanswered } = await pageOf(`${query}${cursor}`);
    expect(unanswered).toEqual([]);
    letters.push(...deadLetters);
    if (nextCursor === undefined) return { letters, pages };
    cursor = `&cursor=${encodeURIComponent(nextCursor)}`;
  }
}
const parkedIn = async (query: string): Promise<Letter[]> => (await pagesOf(query)).letters;
const keysOf = (letters: readonly Letter[]): string[] =>
  letters.map(({ eventId, destinationId }) => `${destinationId}/${eventId}`);

test('pages show each of some thousand dead letters of many lanes once, no more than are asked for', async () => {
  const { letters, pages } = await pagesOf('?limit=100');
  expect(new Set(keysOf(letters)).size).toBe(2 * lettersOfEach + 50);
  expect(letters).toHaveLength(2 * lettersOfEach + 50);
  expect(pages).toBeGreaterThanOrEqual(Math.ceil(letters.length / 100));
  const first = await pageOf('?limit=7');
  expect(first.deadLetters).toHaveLength(7);
}, 60_000);

test('they are narrowed to a destination, a customer, an error and a time, and a filter that nothing fits answers with none', async () => {
  const [one, other] = own;
  const customer = `customerExternalId=${foreign.customerExternalId}`;
  expect((await parkedIn(`?${customer}`)).map(({ destinationId }) => destinationId)).toEqual(
    Array.from({ length: 50 }, () => foreign.id),
  );
  expect(await parkedIn(`?destinationId=${one?.id}&limit=300`)).toHaveLength(lettersOfEach);
  expect(await parkedIn(`?destinationId=${other?.id}&customerExternalId=${foreign.customerExternalId}`)).toEqual([]);
  expect(await parkedIn(`?destinationId=${one?.id}&error=MESSAGE_TOO_LARGE&limit=1000`)).toHaveLength(lettersOfEach);
  expect(await parkedIn(`?destinationId=${one?.id}&error=INVALID_RECORD&limit=1000`)).toEqual([]);
  const all = await parkedIn(`?destinationId=${other?.id}&limit=1000`);
  const times = all.map(({ parkedAt }) => parkedAt).toSorted();
  const middle = times[Math.floor(times.length / 2)] ?? '';
  const since = await parkedIn(`?destinationId=${other?.id}&parkedFrom=${middle}&limit=90`);
  const before = await parkedIn(`?destinationId=${other?.id}&parkedTo=${middle}&limit=90`);
  expect(since.length).toBeGreaterThan(0);
  expect(keysOf([...before, ...since]).toSorted()).toEqual(keysOf(all).toSorted());
  expect(since.every(({ parkedAt }) => parkedAt >= middle)).toBe(true);
}, 60_000);

test("a page of another filter's is refused, as is a filter that can not be", async () => {
  const { nextCursor = '' } = await pageOf('?limit=5');
  const refused = (query: string) => causeway.api.get(`/v1/dead-letters?${query}`);
  expectProblem(await refused(`cursor=${nextCursor}&destinationId=${foreign.id}`), 400, 'cursor_invalid');
  expectProblem(await refused('destinationId=dst_none'), 404, 'destination_not_found');
  for (const [query, says] of [
    ['error=NONE', /error is none of the allowed values: expected the name of an error that dead letters have/],
    ['parkedFrom=noon', /parkedFrom has the wrong form: expected a time/],
    ['parkedFrom=2026-01-02T00:00:00Z&parkedTo=2026-01-01T00:00:00Z', /parkedTo ends before it begins/],
    ['customerExternalId=a%22b', /customerExternalId can not be looked for: .*destinationId in place of it/],
    ['limit=1001', /limit is out of range: expected a whole number from 1 to 1000/],
    ['nonsense=1', /nonsense is not a known field/],
  ] as const) {
    expect(expectProblem(await refused(query), 400, 'request_invalid').detail).toMatch(says);
  }
});

test('those of one error and time are discarded or replayed alone, as many as the filter finds', async () => {
  const { id } = foreign;
  const act = (what: string, body: object, headers?: Record<string, string>) =>
    causeway.api.request('POST', `/v1/destinations/${id}/${what}`, body, headers);
  const all = (await parkedIn(`?destinationId=${id}`)).toSorted((a, b) => (a.parkedAt < b.parkedAt ? -1 : 1));
  const middle = all[25]?.parkedAt ?? '';
  const early = all.filter(({ parkedAt }) => parkedAt < middle);
  expect(early.length).toBeGreaterThan(0);
  expect((await act('discard', { all: true, error: 'INVALID_RECORD' })).body).toMatchObject({
    lanes: 0,
    deadLetters: 0,
  });
  const once = { 'idempotency-key': randomUUID() };
  for (const _ of ['first', 'again']) {
    const answer = await act('discard', { all: true, error: 'MESSAGE_TOO_LARGE', parkedTo: middle }, once);
    expect([answer.status, answer.body]).toMatchObject([202, { deadLetters: early.length }]);
  }
  expectProblem(await act('discard', { all: true }, once), 422, 'idempotency_key_reused');
  const left = await until(
    'them to be gone',
    () => parkedIn(`?destinationId=${id}`),
    (now) => now.length < all.length,
  );
  expect(keysOf(left).toSorted()).toEqual(keysOf(all.slice(early.length)).toSorted());
  const both = await act('discard', { ids: [all[0]?.eventId], error: 'MESSAGE_TOO_LARGE' });
  expect(expectProblem(both, 422, 'validation_failed').detail).toMatch(/selects twice: expected no error, parkedFrom/);
});

test('a page whose lane was given up meanwhile shows none of the page before again, and all of the lanes that follow', async () => {
  const id = own[1]?.id ?? '';
  const all = await parkedIn(`?destinationId=${id}`);
  const lanesInOrder = [...new Set(all.map(({ lane }) => lane))];
  expect(lanesInOrder).toHaveLength(3);
  const ofLane = (lane: string | undefined): Letter[] => all.filter((letter) => letter.lane === lane);
  const [first, second, third] = lanesInOrder;
  const limit = ofLane(first).length + 10;
  const { deadLetters, nextCursor = '' } = await pageOf(`?destinationId=${id}&limit=${limit}`);
  expect(keysOf(deadLetters)).toEqual(keysOf([...ofLane(first), ...ofLane(second).slice(0, 10)]));
  await causeway.api.request('POST', `/v1/destinations/${id}/discard`, { lane: second });
  const listed = async () => {
    const { body } = await causeway.api.get(`/v1/destinations/${id}/lanes?withStatus=false`);
    return (body as { lanes: { lane: string; deadLetters: number }[] }).lanes;
  };
  const isEmpty = (lanes: Awaited<ReturnType<typeof listed>>): boolean =>
    !lanes.some(({ lane, deadLetters: count }) => lane === second && count > 0);
  await until('visibility to have it without dead letters', listed, isEmpty, 60_000);
  const next = await pageOf(`?destinationId=${id}&limit=1000&cursor=${encodeURIComponent(nextCursor)}`);
  expect(keysOf(next.deadLetters)).toEqual(keysOf(ofLane(third)));
}, 90_000);

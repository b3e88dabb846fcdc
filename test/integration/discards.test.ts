import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Replay } from '../../api/schemas/replays.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { causeway as run } from '../harness/cli.ts';
import { deliveryOf, postEvent, untilDelivery } from '../harness/eventLog.ts';
import { expectProblem } from '../harness/problem.ts';
import { beginReplay, replayed, tell, untilReplay } from '../harness/replays.ts';
import { type SignedIn, signIn } from '../harness/session.ts';

let causeway: Causeway;
beforeAll(async () => {
  causeway = await startCauseway();
});
afterAll(() => causeway?.stop());

type Parked = { destination: CreatedDestination; ids: string[] };

/** A destination of the customer with so many lanes, each with a dead letter, and a topic that would take them now. */
async function parked(customerExternalId: string, lanes: number, eventType = 'e'): Promise<Parked> {
  const destination = await causeway.createDestination({
    ...{ customerExternalId, eventTypes: [eventType], partitionKey: 'payload.key', ordering: { lanes: 'key' } },
    topic: await causeway.kafka.newTopic(1, { 'max.message.bytes': '1500' }),
  });
  const events = Array.from({ length: lanes }, (_, n) => ({
    ...{ eventType, customerExternalId },
    payload: { key: String(n), pad: 'x'.repeat(5_000) },
  }));
  const { status, body, text } = await causeway.api.postBatch(events);
  expect(status, text).toBe(202);
  await untilLanes(destination, lanes);
  await causeway.kafka.configure(destination.topic, { 'max.message.bytes': '1000000' });
  return { destination, ids: (body as { results: { id: string }[] }).results.map(({ id }) => id) };
}
const untilLanes = ({ id }: CreatedDestination, count: number): Promise<unknown> =>
  until(
    `${count} lanes with a dead letter`,
    async () => (await causeway.api.get(`/v1/destinations/${id}/lanes?limit=100&state=Parked`)).body as { lanes?: [] },
    (page) => page.lanes?.length === count,
  );
const newCustomer = () => `acct_${randomUUID()}`;
const untilDiscarded = (id: string) =>
  untilDelivery('it is given up', causeway.api, id, ({ status }) => status === 'discarded');
const stillParked = async (ids: readonly string[]) => {
  for (const id of ids)
    expect(await deliveryOf(causeway.api, id)).toMatchObject({ status: 'parked', interventions: [] });
};

test('dead letters of all of a customer’s destinations are given up, each once, though the worker is killed in the middle', async () => {
  const customerExternalId = newCustomer();
  const [first, second] = [await parked(customerExternalId, 15, 'a'), await parked(customerExternalId, 10, 'b')];
  const other = await parked(newCustomer(), 1);
  const body = { action: 'discard', customerExternalId, eventsPerSecond: 10, reason: 'test events', by: 'ada' };
  const once = { 'idempotency-key': randomUUID() };
  const begun = await beginReplay(causeway.api, body, once);
  expect(begun).toMatchObject({ action: 'discard', status: 'running' });
  await untilReplay('some are given up', causeway.api, begun, ({ total, events = 0 }) => total === 25 && events > 0);
  await causeway.worker.kill();
  await causeway.worker.start();
  const done = await replayed(causeway.api, begun);
  expect(done).toMatchObject({ action: 'discard', status: 'done', total: 25, unanswered: 0 });
  expect(done.events).toBeLessThanOrEqual(25);
  for (const id of [...first.ids, ...second.ids]) {
    const { interventions } = await untilDiscarded(id);
    expect(interventions).toMatchObject([{ kind: 'discard', reason: 'test events', by: 'ada (CAUSEWAY_API_KEY)' }]);
  }
  await stillParked(other.ids);
  for (const { destination } of [first, second]) expect(await causeway.kafka.records(destination.topic)).toEqual([]);

  // The same request is the same discard; a replay with its key is another request.
  expect((await beginReplay(causeway.api, body, once)).id).toBe(begun.id);
  const { action: _, ...replay } = body;
  expectProblem(await causeway.api.request('POST', '/v1/replays', replay, once), 422, 'idempotency_key_reused');
  const listed = await causeway.api.get(`/v1/replays?customerExternalId=${customerExternalId}`);
  expect(listed.body).toMatchObject({
    replays: [{ id: begun.id, action: 'discard', progress: { action: 'discard' } }],
  });
  const audit = await causeway.api.get(`/v1/audit?subject=${begun.id}`);
  expect((audit.body as { entries: unknown[] }).entries).toContainEqual(
    expect.objectContaining({ action: 'replay.start_asked', detail: expect.objectContaining({ action: 'discard' }) }),
  );
});

test('no more is given up than was counted: neither what was parked since, nor more than there were', async () => {
  const customerExternalId = newCustomer();
  const { destination, ids } = await parked(customerExternalId, 3);
  const counted = await replayed(causeway.api, await beginReplay(causeway.api, { customerExternalId, dryRun: true }));
  expect(counted).toMatchObject({ action: 'replay', status: 'done', events: 3 });
  await causeway.kafka.configure(destination.topic, { 'max.message.bytes': '1500' });
  const payload = { key: '0', pad: 'x'.repeat(5_000) };
  const later = await postEvent(causeway.api, { eventType: 'e', customerExternalId, payload });
  await untilDelivery('it is parked', causeway.api, later, ({ status }) => status === 'parked');

  const discard = { action: 'discard', customerExternalId, eventsMax: counted.events };
  const tooMany = await replayed(causeway.api, await beginReplay(causeway.api, discard));
  expect(tooMany).toMatchObject({ status: 'tooMany', events: 0 });
  await stillParked([...ids, later]);
  const parkedTo = new Date(Date.parse(counted.startedAt ?? '') + 1).toISOString();
  const done = await replayed(causeway.api, await beginReplay(causeway.api, { ...discard, parkedTo }));
  expect(done).toMatchObject({ status: 'done', events: 3, total: 3 });
  for (const id of ids) await untilDiscarded(id);
  await stillParked([later]);
});

test('one that is cancelled gives up no more, and goes on once it is continued: it stays a discard', async () => {
  const { destination, ids } = await parked(newCustomer(), 15);
  const body = { action: 'discard', destinationId: destination.id, eventsPerSecond: 1 };
  const slow = await beginReplay(causeway.api, body);
  const isHalf = ({ total, events = 0 }: Replay) => total === 15 && events > 0;
  const half = await untilReplay('a part is given up', causeway.api, slow, isHalf);
  await tell(causeway.api, slow, 'cancel');
  expect(await replayed(causeway.api, slow)).toMatchObject({ status: 'cancelled', events: half.events });
  await untilLanes(destination, 15 - (half.events ?? 0));
  await tell(causeway.api, slow, 'continue');
  expect(await replayed(causeway.api, slow)).toMatchObject({ action: 'discard', status: 'done', events: 15 });
  for (const id of ids) expect((await untilDiscarded(id)).interventions).toHaveLength(1);
  expect(await causeway.kafka.records(destination.topic)).toEqual([]);
});

test('from the command line they are counted, a person says yes to so many, and these are given up', async () => {
  const customerExternalId = newCustomer();
  const { destination, ids: all } = await parked(customerExternalId, 3);
  const [one = '', ...ids] = all;
  const named = await run(causeway.api, ['discard', destination.id, one, '--status', 'parked', '--max', '1'], {
    answer: 'yes',
    isTerminal: true,
  });
  expect([named.code, named.out]).toEqual([0, expect.stringMatching(/^status +done\nevents +1$/m)]);
  await untilDiscarded(one);
  const discard = (answer: string, ...more: string[]) =>
    run(causeway.api, ['discard', '--customer', customerExternalId, '--error', 'MESSAGE_TOO_LARGE', ...more], {
      answer,
      isTerminal: true,
    });
  expect(await discard('no')).toMatchObject({ code: 1, err: expect.stringContaining('Nothing was changed.') });
  await stillParked(ids);
  const dry = await discard('no', '--dry-run');
  expect([dry.code, dry.out]).toEqual([0, expect.stringMatching(/^discard +rpl_.*\nstatus +done\nevents +2$/m)]);
  await stillParked(ids);
  const done = await discard('yes', '--reason', 'test events', '--once', randomUUID());
  expect([done.code, done.out]).toEqual([
    0,
    expect.stringMatching(/^discard +rpl_.*\nstatus +done\nevents +2\nof +2$/m),
  ]);
  for (const id of ids) expect((await untilDiscarded(id)).interventions).toMatchObject([{ reason: 'test events' }]);
  expect(await discard('yes')).toMatchObject({ code: 1, err: expect.stringContaining('No dead letter fits.') });
});

async function enter(customerExternalId: string, permissions: string[]): Promise<SignedIn> {
  const { body } = await causeway.api.request('POST', '/v1/portal-links', { customerExternalId, permissions });
  const [, portalToken = ''] = (body as { url: string }).url.split('#');
  return await signIn(causeway.api.url, { portalToken });
}

test('a portal link that may replay gives up what is its customer’s, and nothing else; one that may read does not', async () => {
  const [mine, theirs] = [newCustomer(), newCustomer()];
  const [own, foreign] = [await parked(mine, 2), await parked(theirs, 1)];
  const body = { action: 'discard', customerExternalId: mine, eventsPerSecond: 5_000 };
  expectProblem(await (await enter(mine, ['read'])).request('POST', '/v1/replays', body), 403, 'portal_refused');
  const portal = await enter(mine, ['replay']);
  const begun = await portal.request('POST', '/v1/replays', body);
  expect([begun.status, begun.body]).toMatchObject([202, { action: 'discard', eventsPerSecond: 200 }]);
  const { id } = begun.body as Replay;
  expect(await replayed(causeway.api, { id })).toMatchObject({ status: 'done', events: 2 });
  for (const event of own.ids) await untilDiscarded(event);
  await stillParked(foreign.ids);
  const seen = await portal.request('GET', `/v1/replays/${id}`);
  expect(seen.body).toMatchObject({ action: 'discard', status: 'done' });
});

test('what was delivered can not be given up, and it is said', async () => {
  const { id: destinationId } = await causeway.createDestination();
  for (const status of ['delivered', 'any']) {
    const answer = await causeway.api.request('POST', '/v1/replays', { action: 'discard', destinationId, status });
    expect(expectProblem(answer, 422, 'validation_failed').detail).toContain('status "parked" with action "discard"');
  }
  const unknown = await causeway.api.request('POST', '/v1/replays', { action: 'delete', destinationId });
  expect(expectProblem(unknown, 422, 'validation_failed').detail).toContain('one of replay, discard');
});

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { replayWorkflowId, replayWorkflowType } from '../../domain/replay.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { causeway as run } from '../harness/cli.ts';
import { untilDelivery } from '../harness/eventLog.ts';
import { expectProblem } from '../harness/problem.ts';
import { beginReplay, replayed, tell, untilReplay } from '../harness/replays.ts';
import { testTemporal } from '../harness/temporal.ts';

let causeway: Causeway;
beforeAll(async () => {
  causeway = await startCauseway();
});
afterAll(() => causeway.stop());

const cli = (...args: string[]) => run(causeway.api, args, { isTerminal: true });

const anyRecords = { 'max.message.bytes': '1000000' };
/** More than a replay takes at once. */
const lanes = 15;

/** A destination with an event parked in each of its lanes; once all are listed, the topic takes them. */
async function parked(): Promise<{ destination: CreatedDestination; ids: string[] }> {
  const destination = await causeway.createDestination({
    topic: await causeway.kafka.newTopic(1, { 'max.message.bytes': '1500' }),
    ...{ partitionKey: 'payload.key', ordering: { lanes: 'key' } },
  });
  const events = Array.from({ length: lanes }, (_, n) => ({
    ...{ eventType: 'e', customerExternalId: destination.customerExternalId },
    payload: { key: String(n), pad: 'x'.repeat(5_000) },
  }));
  const { status, body, text } = await causeway.api.postBatch(events);
  expect(status, text).toBe(202);
  await untilParked(destination, lanes);
  await causeway.kafka.configure(destination.topic, anyRecords);
  return { destination, ids: (body as { results: { id: string }[] }).results.map(({ id }) => id) };
}
const untilParked = ({ id }: CreatedDestination, count: number): Promise<unknown> =>
  until(
    `${count} lanes with a dead letter`,
    async () => (await causeway.api.get(`/v1/destinations/${id}/lanes?limit=100&state=Parked`)).body as { lanes?: [] },
    (page) => page.lanes?.length === count,
  );

const sentTo = async ({ topic }: CreatedDestination): Promise<(string | undefined)[]> =>
  (await causeway.kafka.records(topic)).map(({ headers }) => headers.idempotency_key);

test('a replay counts first and changes nothing, then sends again what its filter names, over many lanes', async () => {
  const { destination, ids } = await parked();
  const { customerExternalId, id: destinationId } = destination;
  const counted = await cli('replays', 'start', '--customer', customerExternalId, '--dry-run', '--follow', '--json');
  expect(JSON.parse(counted.out)).toMatchObject({ status: 'done', events: lanes, lanes, unanswered: 0 });
  const parkedTo = '2026-01-01T00:00:00Z';
  for (const filter of [{ error: 'INVALID_RECORD' }, { parkedTo }, { customerExternalId: 'another' }]) {
    expect(await replayed(causeway.api, await beginReplay(causeway.api, { destinationId, ...filter }))).toMatchObject({
      status: 'done',
      events: 0,
    });
  }
  expect(await sentTo(destination)).toEqual([]);

  const body = {
    customerExternalId,
    error: 'MESSAGE_TOO_LARGE',
    parkedFrom: parkedTo,
    reason: 'limit raised',
    by: 'ada',
  };
  const once = { 'idempotency-key': 'a-replay' };
  const [first, again] = [await beginReplay(causeway.api, body, once), await beginReplay(causeway.api, body, once)];
  expect(again.id).toBe(first.id);
  const other = await causeway.api.request('POST', '/v1/replays', { ...body, eventsPerSecond: 1 }, once);
  expectProblem(other, 422, 'idempotency_key_reused');
  expect(await replayed(causeway.api, first)).toMatchObject({ status: 'done', events: lanes, lanes });
  for (const id of ids) {
    const { interventions } = await untilDelivery(
      'delivered',
      causeway.api,
      id,
      ({ status }) => status === 'delivered',
    );
    expect(interventions).toMatchObject([{ reason: 'limit raised', by: 'ada (CAUSEWAY_API_KEY)' }]);
  }
  expect(new Set(await sentTo(destination)).size).toBe(lanes);
});

test('a replay that is cancelled half-way and begun anew sends each event once, though the worker is killed meanwhile', async () => {
  const { destination, ids } = await parked();
  const { id: destinationId } = destination;
  const slow = await beginReplay(causeway.api, { destinationId, eventsPerSecond: 1 });
  const begun = await untilReplay(
    'a part is sent',
    causeway.api,
    slow,
    ({ total, events = 0 }) => total !== undefined && events > 0,
  );
  expect(begun.events).toBeLessThan(lanes);
  await tell(causeway.api, slow, 'cancel');
  expect(await replayed(causeway.api, slow)).toMatchObject({ status: 'cancelled', events: begun.events });

  await untilParked(destination, lanes - (begun.events ?? 0));
  const rest = cli('replays', 'start', '--destination', destinationId, '--follow');
  await causeway.worker.kill();
  await causeway.worker.start();
  const { code, out, err } = await rest;
  expect([code, out]).toEqual([0, expect.stringMatching(/^status +done$/m)]);
  expect(err).toContain(`] ${lanes - (begun.events ?? 0)} of `);
  for (const id of ids) await untilDelivery('delivered', causeway.api, id, ({ status }) => status === 'delivered');
  const sent = await sentTo(destination);
  expect([sent.length, new Set(sent).size]).toEqual([lanes, lanes]);
});

test('a replay that is begun with the same --once again is the same one; where it is not known whether it began, the key is told', async () => {
  const { id } = await causeway.createDestination();
  const begin = ['replays', 'start', '--destination', id, '--json'];
  const ids = await Promise.all(
    [1, 2].map(async () => JSON.parse((await cli(...begin, '--once', `once-${id}`)).out).id),
  );
  expect(new Set(ids).size).toBe(1);
  const nobody = await run(causeway.api, begin, { env: { CAUSEWAY_API: 'http://127.0.0.1:9' } });
  expect([nobody.code, nobody.err]).toEqual([
    5,
    expect.stringMatching(/the same command with --once [\w-]+ completes it/),
  ]);
});

test('a continue that comes again with its key does not undo a cancellation since; without that key it goes on', async () => {
  const { destination } = await parked();
  const slow = await beginReplay(causeway.api, { destinationId: destination.id, eventsPerSecond: 1 });
  const cancelled = async (): Promise<void> => {
    await tell(causeway.api, slow, 'cancel');
    expect(await replayed(causeway.api, slow)).toMatchObject({ status: 'cancelled' });
  };
  const continued = async (key: string) =>
    (await causeway.api.request('POST', `/v1/replays/${slow.id}/continue`, {}, { 'idempotency-key': key })).body;
  await untilReplay('it is counted', causeway.api, slow, ({ total }) => total !== undefined);
  await cancelled();
  expect(await continued('first')).toMatchObject({ status: 'running' });
  await cancelled();
  expect(await continued('first')).toMatchObject({ status: 'cancelled' });
  expect(await continued('second')).toMatchObject({ status: 'running' });
  await tell(causeway.api, slow, 'cancel');
});

test('a replay that failed says why: by what it was begun with, or that it was ended from outside', async () => {
  const temporal = await testTemporal(causeway);
  onTestFinished(() => temporal.stop());
  const { workflow } = temporal.client;
  const begin = (id: string, input: unknown) =>
    workflow.start(replayWorkflowType, {
      ...{ workflowId: replayWorkflowId(id), taskQueue: causeway.temporal.taskQueue, args: [input] },
    });
  await begin('rpl_typo', { of: 'delivered', filter: { destinationId: 'dst_a', acceptedFrm: 'now' } });
  expect(await replayed(causeway.api, { id: 'rpl_typo' })).toMatchObject({ status: 'failed' });
  const typo = await cli('replays', 'show', 'rpl_typo');
  expect([typo.code, typo.err]).toEqual([
    1,
    expect.stringMatching(/^causeway: filter\.acceptedFrm is not known.*Nothing was sent/),
  ]);
  const handle = await begin('rpl_ended', { of: 'delivered', filter: { destinationId: 'dst_a' } });
  await handle.terminate();
  const ended = await cli('replays', 'show', 'rpl_ended');
  expect([ended.code, ended.err]).toEqual([1, 'causeway: It was ended from outside (terminated).\n']);
});

test('a replay of nobody, of a destination that is not there, or with a filter that makes no sense does not begin', async () => {
  const wrong: [body: unknown, status: number, says: string][] = [
    [{}, 422, 'at least one of destinationId and customerExternalId'],
    [{ error: 'INVALID_RECORD' }, 422, 'at least one of destinationId and customerExternalId'],
    [{ destinationId: 'dst_unknown' }, 404, 'No destination has the id'],
    [{ customerExternalId: 'c', parkedFrom: 'yesterday' }, 422, 'parkedFrom'],
    [{ customerExternalId: 'c', eventsPerSecond: 0 }, 422, 'eventsPerSecond'],
    [{ customerExternalId: 'c"' }, 422, 'give destinationId in place of it'],
    [{ customerExternalId: 'c', eventTyp: 'e' }, 422, 'eventTyp'],
    [{ eventIds: [] }, 422, 'eventIds'],
    [{ customerExternalId: 'c', status: 'delivered', error: 'INVALID_RECORD' }, 422, 'status "parked"'],
    [{ customerExternalId: 'c', error: 'TOO_LARGE' }, 422, 'CORRUPT_MESSAGE, MESSAGE_TOO_LARGE'],
    [{ eventIds: [`evt_${'A'.repeat(22)}`], eventType: 'e' }, 422, 'no other selector'],
  ];
  expect(await cli('replays', 'start')).toMatchObject({
    code: 2,
    err: expect.stringContaining('--destination or --customer'),
  });
  expect(await cli('replays', 'show', 'rpl_unknown')).toMatchObject({ code: 3 });
  expect(await cli('replays', 'cancel', 'x')).toMatchObject({ code: 2 });
  expect(await cli('replays', 'continue', 'rpl_unknown')).toMatchObject({ code: 3 });
  expect(await cli('replay', '--dry-run')).toMatchObject({ code: 2, err: expect.stringContaining('--customer') });
  expect(await cli('replay', 'dst_a', '--all', '--dry-run')).toMatchObject({ code: 2 });
  for (const [body, status, says] of wrong) {
    const answer = await causeway.api.request('POST', '/v1/replays', body);
    expect([answer.status, (answer.body as { detail: string }).detail]).toEqual([
      status,
      expect.stringContaining(says),
    ]);
  }
});

test('nobody without a key replays, and where nothing answers it is said', async () => {
  const unknown = { CAUSEWAY_API_KEY: 'k'.repeat(20) };
  const away = { ...unknown, CAUSEWAY_API: 'http://127.0.0.1:9' };
  const commands = [
    ['replay', 'dst_a', '--status', 'delivered'],
    ['replays', 'start', '--destination', 'dst_a'],
    ...['show', 'cancel', 'continue'].map((name) => ['replays', name, 'rpl_a']),
  ];
  for (const args of commands) {
    expect(await run(causeway.api, args, { env: unknown })).toMatchObject({
      ...{ code: 4, out: '', err: expect.stringContaining('The API key is unknown') },
    });
    expect(await run(causeway.api, args, { env: away })).toMatchObject({
      ...{ code: 5, out: '', err: expect.stringContaining('CAUSEWAY_API says where it is') },
    });
  }
});

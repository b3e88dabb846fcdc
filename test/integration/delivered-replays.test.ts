import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Replay } from '../../api/schemas/replays.ts';
import { replayInHalves } from '../../bench/replay/halves.ts';
import { laneWorkflowId } from '../../domain/lane.ts';
import { type LaneStatus, laneQueries } from '../../domain/laneMessages.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { causeway as cli } from '../harness/cli.ts';
import { untilDelivery } from '../harness/eventLog.ts';
import type { KafkaRecord } from '../harness/kafka.ts';
import { firstSeen } from '../harness/order.ts';
import { beginReplay, replayed, tell, untilReplay } from '../harness/replays.ts';
import { operate, type TestTemporal, testTemporal } from '../harness/temporal.ts';

let causeway: Causeway;
let temporal: TestTemporal;
beforeAll(async () => {
  // Short runs: what a lane has delivered lies in several.
  causeway = await startCauseway({ apiEnv: { CAUSEWAY_LANE_HISTORY_EVENTS_MAX: '50' } });
  temporal = await testTemporal(causeway);
});
afterAll(async () => {
  await temporal.stop();
  await causeway.stop();
});

type Posted = { idempotencyKey: string; eventType?: string; payload?: Record<string, unknown> };

/** Posts them at once; their ids. */
async function post({ customerExternalId }: CreatedDestination, events: readonly Posted[]): Promise<string[]> {
  const batch = events.map((event) => ({ eventType: 'e', payload: {}, customerExternalId, ...event }));
  const { status, text, body } = await causeway.api.postBatch(batch);
  expect(status, text).toBe(202);
  return (body as { results: { id: string }[] }).results.map(({ id }) => id);
}
const named = (names: readonly string[]): Posted[] => names.map((idempotencyKey) => ({ idempotencyKey }));
const numbered = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, n) => String(from + n));
const nameOf = ({ headers }: KafkaRecord): string => headers.idempotency_key ?? '';
const untilRecords = ({ topic }: CreatedDestination, count: number): Promise<KafkaRecord[]> =>
  until(
    `${count} records`,
    () => causeway.kafka.records(topic),
    ({ length }) => length >= count,
  );
const done = async (body: unknown): Promise<Replay> =>
  replayed(causeway.api, await beginReplay(causeway.api, { status: 'delivered', ...(body as object) }));
const untilSome = (replay: Replay): Promise<Replay> =>
  untilReplay('some are sent', causeway.api, replay, ({ total, events = 0 }) => total !== undefined && events > 0);
const timesOf = (records: readonly KafkaRecord[]): Record<string, number> => {
  const times: Record<string, number> = {};
  for (const record of records) times[nameOf(record)] = (times[nameOf(record)] ?? 0) + 1;
  return times;
};
const each = (names: readonly string[], times: number): Record<string, number> =>
  Object.fromEntries(names.map((name) => [name, times]));

const workflowOf = ({ id, customerExternalId }: CreatedDestination): string => laneWorkflowId(id, customerExternalId);
const toLane = (destination: CreatedDestination, ...args: string[]): Promise<string> =>
  operate(causeway, 'workflow', ...args, '--workflow-id', workflowOf(destination));

test('delivered events go again, the same records, once each: cancelled half-way, its worker killed, continued, while new ones keep their order', async () => {
  const destination = await causeway.createDestination({
    ...{ topic: await causeway.kafka.newTopic(1), partitionKey: 'payload.key', ordering: { lanes: 2 } },
  });
  const { id: destinationId } = destination;
  const keys = numbered(0, 5);
  const eventOf = (n: number, eventType: string): Posted => ({
    ...{ idempotencyKey: String(n), eventType, payload: { key: String(n % keys.length), n } },
  });
  const count = 30;
  const ids = await post(
    destination,
    numbered(0, count).map((n) => eventOf(Number(n), Number(n) < 20 ? 'order.paid' : 'order.sent')),
  );
  const before = await untilRecords(destination, count);
  for (const id of ids) await untilDelivery('delivered', causeway.api, id, ({ status }) => status === 'delivered');

  const note = { reason: 'lost at the customer', by: 'ada' };
  const selector = { destinationId, status: 'delivered', eventType: 'order.paid', ...note };
  const counts = [
    done({ ...selector, dryRun: true, eventsPerSecond: 7 }),
    done({ ...selector, eventsMax: 19 }),
    done({ ...selector, acceptedTo: '2026-01-01T00:00:00Z' }),
  ];
  expect(await Promise.all(counts)).toMatchObject([
    { status: 'done', events: 20, eventsPerSecond: 7 },
    { status: 'tooMany', total: 20, events: 0 },
    { status: 'done', events: 0 },
  ]);
  expect((await causeway.kafka.records(destination.topic)).length).toBe(count);

  const replay = await beginReplay(causeway.api, { ...selector, eventsPerSecond: 4 });
  await untilRecords(destination, count + 1);
  await causeway.worker.kill();
  await tell(causeway.api, replay, 'cancel');
  const newer = numbered(count, count + 20);
  await post(
    destination,
    newer.map((n) => eventOf(Number(n), 'order.new')),
  );
  await causeway.worker.start();
  expect(await replayed(causeway.api, replay)).toMatchObject({ status: 'cancelled', total: 20 });
  expect((await untilRecords(destination, count + 20)).length).toBeLessThan(count + 40);
  await tell(causeway.api, replay, 'continue');
  expect(await replayed(causeway.api, replay)).toMatchObject({ status: 'done', events: 20, total: 20 });
  const over = await causeway.api.request('POST', `/v1/replays/${replay.id}/continue`);
  expect(over).toMatchObject({ status: 409, body: { code: 'replay_not_continued' } });

  const records = await untilRecords(destination, count + 40);
  const plain = ({ key, value, headers }: KafkaRecord): string => JSON.stringify([String(key), String(value), headers]);
  const paid = before.filter(({ headers }) => headers.event_type === 'order.paid');
  const since = records.slice(count).filter(({ headers }) => headers.event_type !== 'order.new');
  // A batch of the worker that was killed may be there twice; a lane takes no part twice.
  expect(new Set(since.map(plain))).toEqual(new Set(paid.map(plain)));
  const statuses = ['0', '1'].map((lane) =>
    temporal.client.workflow.getHandle(laneWorkflowId(destinationId, lane)).query<LaneStatus>(laneQueries.status),
  );
  expect((await Promise.all(statuses)).reduce((sum, { counts }) => sum + (counts.resent ?? 0), 0)).toBe(20);
  for (const key of keys) {
    const own = numbered(0, count + 20).filter((n) => Number(n) % keys.length === Number(key));
    expect(firstSeen(records, key)).toEqual(own);
  }

  const [first = ''] = ids;
  const log = await untilDelivery('sent again', causeway.api, first, ({ attempts }) => attempts.length > 1);
  const intervention = { kind: 'replay', replayId: replay.id, ...note, by: 'ada (CAUSEWAY_API_KEY)' };
  expect(log).toMatchObject({ status: 'delivered', interventions: [intervention] });
  const lines = await cli(causeway.api, ['log', first]);
  expect(lines.out).toContain(`replay (${replay.id}) by ada (CAUSEWAY_API_KEY): lost at the customer`);
  const laneLog = await cli(causeway.api, ['log', destinationId, '--lane', log.workflowId.split(':')[2] ?? '']);
  expect(laneLog.out).toMatch(new RegExp(`replay of \\d+ events? \\(${replay.id}\\) by ada`));
});

test('events that are named go again; where one can not, the answer says why, and none does', async () => {
  const destination = await causeway.createDestination();
  const [first = '', second = ''] = await post(destination, named(['1', '2']));
  await untilRecords(destination, 2);
  await untilDelivery('delivered', causeway.api, second, ({ status }) => status === 'delivered');
  await toLane(destination, 'signal', '--name', 'pause');
  const [waiting = ''] = await post(destination, named(['3']));

  const nobody = `evt_${'A'.repeat(22)}`;
  const refusals: [eventIds: string[], status: number, code: string, says: string, more?: object][] = [
    [[first, nobody], 404, 'event_not_found', nobody],
    [[first, waiting], 409, 'event_not_replayable', `${waiting} is `],
    [[first], 409, 'event_not_replayable', 'ask for it with status "delivered"', { status: 'parked' }],
    [[first], 404, 'destination_not_found', 'No destination', { destinationId: 'dst_unknown' }],
  ];
  for (const [eventIds, status, code, says, more] of refusals) {
    const answer = await causeway.api.request('POST', '/v1/replays', { eventIds, status: 'any', ...more });
    expect(answer).toMatchObject({ status, body: { code, detail: expect.stringContaining(says) } });
  }
  const refused = await cli(causeway.api, ['replay', destination.id, first, waiting, '--status', 'delivered']);
  expect(refused).toMatchObject({ code: 1, out: '', err: expect.stringContaining('on its way') });

  await toLane(destination, 'signal', '--name', 'resume');
  await untilRecords(destination, 3);
  const args = ['replay', destination.id, first, '--status', 'delivered', '--reason', 'lost'];
  const ran = await cli(causeway.api, args, { isTerminal: true });
  expect(ran).toMatchObject({ code: 0, out: expect.stringMatching(/^status +done$/m) });
  expect(ran.err).toContain('] 1 of 1, done');
  expect((await untilRecords(destination, 4)).map(nameOf)).toEqual(['1', '2', '3', '1']);
});

test('Ctrl-C ends the watching of a replay, which goes on', async () => {
  const destination = await causeway.createDestination();
  await post(destination, named(numbered(0, 8)));
  await untilRecords(destination, 8);
  // Temporal lists a lane some time after it began.
  await until(
    'the lane to be found',
    () => done({ destinationId: destination.id, dryRun: true }),
    ({ total, events }) => (total ?? events) === 8,
  );
  const stop = new AbortController();
  const watching = cli(causeway.api, ['replay', destination.id, '--status', 'delivered', '--rate', '4'], {
    ...{ isTerminal: true, stop: stop.signal },
  });
  await untilRecords(destination, 9);
  stop.abort();
  const { code, out, err } = await watching;
  const [, id = ''] = /^replay +(rpl_\S+)$/m.exec(out) ?? [];
  expect([code, err]).toEqual([0, expect.stringContaining(`causeway replays show ${id} --follow`)]);
  const shown = await cli(causeway.api, ['replays', 'show', id, '--follow'], { isTerminal: true });
  expect(shown).toMatchObject({ code: 0, err: expect.stringContaining('] 8 of 8, done') });
  expect(timesOf(await untilRecords(destination, 16))).toEqual(each(numbered(0, 8), 2));
});

test('into a lane with overflow segments they go behind all that waits, and in front of what comes later', async () => {
  const destination = await causeway.createDestination();
  await post(destination, named(['1', '2']));
  await untilRecords(destination, 2);
  await toLane(destination, 'signal', '--name', 'pause');
  const large = { payload: { pad: 'x'.repeat(200_000) } };
  await post(
    destination,
    numbered(3, 13).map((idempotencyKey) => ({ idempotencyKey, ...large })),
  );
  await until(
    'a segment to be there',
    () => toLane(destination, 'query', '--name', 'status'),
    (shown) => /segments\\?"\s*:\s*[1-9]/.test(shown),
  );
  expect(await done({ destinationId: destination.id })).toMatchObject({ status: 'done', events: 2, total: 2 });
  await post(destination, named(['13']));
  await toLane(destination, 'signal', '--name', 'resume');
  const names = (await untilRecords(destination, 15)).map(nameOf);
  expect(names).toEqual([...numbered(1, 13), '1', '2', '13']);
});

test('a lane that is reset while a replay is cancelled gets each event once more all the same', async () => {
  const destination = await causeway.createDestination();
  const count = 32; // For eight seconds: it is cancelled after two or four.
  const names = numbered(0, count);
  await post(destination, named(names));
  await untilRecords(destination, count);
  const begun = { destinationId: destination.id, status: 'delivered', eventsPerSecond: 4 };
  const replay = await beginReplay(causeway.api, begun);
  await untilSome(replay);
  await tell(causeway.api, replay, 'cancel');
  const { events = 0 } = await replayed(causeway.api, replay);
  expect(events).toBeLessThan(count);
  await untilRecords(destination, count + events);
  await toLane(destination, 'reset', '--type', 'FirstWorkflowTask', '--reason', 'a defect was mended');
  await post(destination, named(['newer']));
  await untilRecords(destination, count + 1 + events);

  await tell(causeway.api, replay, 'continue');
  expect(await replayed(causeway.api, replay)).toMatchObject({ status: 'done', events: count });
  await post(destination, named(['newest']));
  const records = await untilRecords(destination, 2 * count + 2);
  expect(timesOf(records)).toEqual({ ...each(names, 2), newer: 1, newest: 1 });

  expect(await done({ destinationId: destination.id })).toMatchObject({ status: 'done', events: count + 2 });
  expect(timesOf(await untilRecords(destination, 3 * count + 4))).toEqual({ ...each(names, 3), newer: 2, newest: 2 });
});

test('a replay that is cancelled half-way and continued sends each of many events exactly once, and new ones keep their order', async () => {
  const options = { events: 600, eventsPerSecond: 60, lanes: 2, perPost: 20, stepMsMax: 60_000 };
  const { cancelledAt, newer, runs, ...halves } = await replayInHalves(causeway, options);
  expect(halves).toMatchObject({ replayed: 600, lost: [], twice: [], changed: [], keysOutOfOrder: [] });
  expect(cancelledAt).toBeLessThan(600);
  expect(newer).toBeGreaterThan(0);
  expect(runs).toBeGreaterThan(2); // The lanes have gone on in new runs.
});

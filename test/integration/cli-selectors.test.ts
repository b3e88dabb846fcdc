import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { lanesMax } from '../../api/interventions.ts';
import type { EventLog } from '../../api/schemas/eventLog.ts';
import { laneWorkflowId, laneWorkflowType } from '../../domain/lane.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { type Ran, causeway as run } from '../harness/cli.ts';
import { postEvent } from '../harness/eventLog.ts';
import { type TestTemporal, testTemporal } from '../harness/temporal.ts';

const tooSmall = { 'max.message.bytes': '1500' };
const anyRecords = { 'max.message.bytes': '1000000' };
/** A record is refused that the broker sees a millisecond after it was sent. */
const tooStrict = { ...anyRecords, 'message.timestamp.before.max.ms': '0' };

let causeway: Causeway;
/** Of one customer: the second takes events of type `both` alone. */
let first: CreatedDestination;
let second: CreatedDestination;

beforeAll(async () => {
  causeway = await startCauseway();
  const newDestination = async (more: Record<string, unknown> = {}) =>
    causeway.createDestination({
      topic: await causeway.kafka.newTopic(1, tooSmall),
      ...{ partitionKey: 'payload.key', ordering: { lanes: 'key' }, ...more },
    });
  first = await newDestination();
  const { customerExternalId } = first;
  second = await newDestination({ customerExternalId, eventTypes: ['both'] });
});
afterAll(() => causeway.stop());

const cli = (...args: string[]): Promise<Ran> => run(causeway.api, args);
const configure = async (config: Record<string, string>): Promise<void> => {
  for (const { topic } of [first, second]) await causeway.kafka.configure(topic, config);
};

/** Names of events, in their order on the topic of a destination. */
const sentTo = async ({ topic }: CreatedDestination): Promise<(string | undefined)[]> =>
  (await causeway.kafka.records(topic)).map(({ headers }) => headers.idempotency_key);

const statusesOf = async (id: string): Promise<string[]> =>
  ((await causeway.api.get(`/v1/events/${id}`)).body as EventLog).deliveries.map(({ status }) => status);
const untilAll = (wanted: string, id: string): Promise<unknown> =>
  until(
    `${id} is ${wanted} everywhere`,
    () => statusesOf(id),
    (all) => all.every((status) => status === wanted),
  );

function post(name: string, key: string, eventType = 'e'): Promise<string> {
  const { customerExternalId } = first;
  const payload = { key, pad: 'x'.repeat(5_000) };
  return postEvent(causeway.api, { eventType, customerExternalId, idempotencyKey: name, payload });
}
async function park(name: string, key: string, eventType?: string): Promise<string> {
  const id = await post(name, key, eventType);
  await untilAll('parked', id);
  return id;
}
/** A broker that is quick enough sees no age in a record, and takes it: then the next one. */
const parkForItsTime = (): Promise<string> =>
  until(
    'one is parked for its time',
    async () => {
      const id = await post(`late-${crypto.randomUUID()}`, 'late');
      const [status] = await until(
        'an end',
        () => statusesOf(id),
        ([one = '']) => /delivered|parked/.test(one),
      );
      return status === 'parked' ? id : '';
    },
    Boolean,
  );

type Letter = { eventId: string; parkedAt: string };
/** When each of these was parked, once all of them are listed, and no others. */
async function untilListed({ id }: CreatedDestination, ids: readonly string[]): Promise<string[]> {
  const letters = await until(
    `${ids.length} dead letters`,
    async () => JSON.parse((await cli('dead-letters', id, '--json')).out).deadLetters as Letter[],
    (all) =>
      all
        .map(({ eventId }) => eventId)
        .toSorted()
        .join() === ids.toSorted().join(),
  );
  return ids.map((one) => letters.find(({ eventId }) => eventId === one)?.parkedAt ?? '');
}

/** Open lanes with a dead letter each, as Temporal lists them: no worker ever looks at them. They end by themselves. */
async function manyLanes({ client }: TestTemporal, destinationId: string, count: number): Promise<void> {
  const start = (n: number) =>
    client.workflow.start(laneWorkflowType, {
      ...{ workflowId: laneWorkflowId(destinationId, String(n)), taskQueue: `${causeway.temporal.taskQueue}:nobody` },
      ...{ args: [], workflowExecutionTimeout: '2 minutes' },
      searchAttributes: { DestinationId: [destinationId], DeadLetters: [1] },
    });
  const atOnce = 50;
  for (let from = 0; from < count; from += atOnce) {
    await Promise.all(Array.from({ length: Math.min(atOnce, count - from) }, (_, n) => start(from + n)));
  }
  await until(
    'all to be listed',
    () => client.workflow.count(`DestinationId="${destinationId}" AND DeadLetters > 0`),
    (listed) => listed.count === count,
  );
}

test('each selector of a replay and of discard takes what it names, and leaves the rest', async () => {
  const { id: destination, customerExternalId: customer } = first;
  const large = [
    await park('a1', 'a', 'both'),
    await park('a2', 'a'),
    await park('b', 'b'),
    await park('c', 'c', 'both'),
  ];
  await configure(tooStrict);
  const late = await parkForItsTime();
  await configure(anyRecords);
  const taken = await sentTo(first); // By a broker that was too quick.
  const parkedAt = await untilListed(first, [...large, late]);
  const [a1 = '', a2 = '', b = '', c = ''] = large;
  await untilListed(second, [a1, c]);
  const at = (n: number): string => parkedAt[n] ?? '';

  const counts: [selector: string[], events: number][] = [
    [[], 5],
    [['--error', 'MESSAGE_TOO_LARGE'], 4],
    [['--error', 'INVALID_TIMESTAMP'], 1],
    [['--error', 'INVALID_RECORD'], 0],
    [['--parked-to', at(2)], 2],
    [['--parked-from', at(2)], 3],
    [['--parked-from', at(1), '--parked-to', at(3)], 2],
    [['--parked-from', at(2), '--error', 'MESSAGE_TOO_LARGE'], 2],
  ];
  const counted = counts.map(async ([selector]) => {
    const { out } = await cli('replay', destination, ...selector, '--dry-run', '--json');
    return [selector, JSON.parse(out).events];
  });
  expect(await Promise.all(counted)).toEqual(counts);
  const tooMany = await cli('replay', destination, '--max', '4', '--json');
  expect(tooMany).toMatchObject({ code: 1, err: expect.stringContaining('too_many_events') });
  expect(JSON.parse(tooMany.out)).toMatchObject({ status: 'tooMany', events: 0 });
  expect(await sentTo(first)).toEqual(taken);

  const done = { code: 0, out: expect.stringMatching(/^status +done$/m) };
  expect(await cli('replay', destination, '--error', 'INVALID_TIMESTAMP', '--max', '1')).toMatchObject(done);
  await untilAll('delivered', late);
  expect(await cli('replays', 'start', '--event', a2, '--follow')).toMatchObject(done);
  await untilAll('delivered', a2);
  expect(await cli('discard', destination, '--lane', 'b', '--yes')).toMatchObject({
    ...{ code: 0, out: 'Given up: 1 dead letter of 1 lane.\n' },
  });
  await untilAll('discarded', b);
  for (const one of [a1, c]) expect(await statusesOf(one)).toEqual(['parked', 'parked']);
  expect(await cli('replay', '--customer', customer)).toMatchObject(done);
  for (const one of [a1, c]) await untilAll('delivered', one);
  const [lateName = '', ...others] = (await sentTo(first)).slice(taken.length);
  expect([lateName, others[0], others.slice(1).toSorted()]).toEqual([
    expect.stringMatching('^late-'),
    'a2',
    ['a1', 'c'],
  ]);
  expect((await sentTo(second)).toSorted()).toEqual(['a1', 'c']);
});

test('--all takes every dead letter of a destination, in all its lanes, and none of another', async () => {
  await configure(tooSmall);
  const [before, beforeSecond] = [await sentTo(first), await sentTo(second)];
  const ids = [await park('all-a', 'a', 'both'), await park('all-b', 'b', 'both')];
  await configure(anyRecords);
  for (const one of [first, second]) await untilListed(one, ids);
  const replayed = await cli('replay', second.id, '--all', '--reason', 'limit raised');
  expect(replayed).toEqual({ code: 0, out: 'Sent again: 2 dead letters of 2 lanes.\n', err: '' });
  const discarded = await cli('discard', first.id, '--all', '--yes', '--json');
  expect(JSON.parse(discarded.out)).toMatchObject({ signal: 'discard', lanes: 2, deadLetters: 2 });
  for (const id of ids) {
    await until(
      'both ends',
      () => statusesOf(id),
      (statuses) => statuses.toSorted().join() === 'delivered,discarded',
    );
  }
  expect(await sentTo(first)).toEqual(before);
  expect((await sentTo(second)).slice(beforeSecond.length).toSorted()).toEqual(['all-a', 'all-b']);
});

test('what would reach more lanes than one request may is refused, with what does it in the background, and changes nothing', async () => {
  const { id } = await causeway.createDestination();
  const temporal = await testTemporal(causeway);
  onTestFinished(() => temporal.stop());
  await manyLanes(temporal, id, lanesMax + 1);
  for (const args of [
    ['replay', id, '--all'],
    ['discard', id, '--all', '--yes'],
  ]) {
    const ran = await cli(...args);
    expect([ran.code, ran.out]).toEqual([1, '']);
    expect(ran.err).toMatch(
      /More than 1000 lanes .*Nothing was changed.*causeway replay <destination> --status parked/,
    );
  }
  const { historyLength } = await temporal.client.workflow.getHandle(laneWorkflowId(id, '0')).describe();
  expect(historyLength).toBe(2); // It began, and was told nothing.
});

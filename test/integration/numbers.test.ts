/** What pages show of how it goes: counts of all processes, and a sample of the lanes that one of them takes for all. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { postEvent, untilDelivery } from '../harness/eventLog.ts';
import { closedPort } from '../harness/hostileServers.ts';
import { expectProblem } from '../harness/problem.ts';
import { sharedServers } from '../harness/sharedServers.ts';
import { type WayThrough, wayThroughTo } from '../harness/wayThrough.ts';

let causeway: Causeway;
/** What leads API and worker to Temporal. */
let way: WayThrough;
let well: CreatedDestination;
let parking: CreatedDestination;
let away: CreatedDestination;
const letters = 30;
beforeAll(async () => {
  const { temporal } = sharedServers();
  way = await wayThroughTo(temporal.address);
  causeway = await startCauseway({
    temporal: { ...temporal, address: way.address },
    workerEnv: { CAUSEWAY_WAIT_AFTER_MS: '1000' },
  });
  const topic = await causeway.kafka.newTopic(1, { 'max.message.bytes': '1500' });
  well = await causeway.createDestination({ name: 'well' });
  parking = await causeway.createDestination({ name: 'parking', topic, partitionKey: 'payload.key' });
  const brokers = [await closedPort()];
  away = await causeway.createDestination({ name: 'away', brokers, topic: 'none' });
});
afterAll(async () => {
  await causeway?.stop();
  await way?.stop();
});

const post = (to: CreatedDestination, eventType: string, pad = '', key = 'k'): Promise<string> =>
  postEvent(causeway.api, { eventType, customerExternalId: to.customerExternalId, payload: { key, pad } });
const get = async <Body>(path: string): Promise<Body> => {
  const { status, text, body } = await causeway.api.get(path);
  expect(status, text).toBe(200);
  return body as Body;
};

type Overview = {
  sampledAt?: string;
  staleSeconds?: number;
  now: {
    acceptedPerSecond: number;
    deliveredPerSecond: number;
    lanes: Record<string, number>;
    deadLetters: number;
    deadLettersAtLeast?: true;
    suspendedDestinations: number;
    oldestWaiting?: { acceptedAt: string; destinationId: string; state: string };
  };
  worst: { destinationId: string; state: string; deadLetters: number; lanes: number; error?: { name: string } }[];
};
type Series = { from: string; to: string; stepSeconds: number; points: Record<string, (number | string | null)[]> };
const overview = (query = '') => get<Overview>(`/v1/overview${query}`);
const series = (query: string) => get<Series>(`/v1/series${query}`);
const sum = (points: (number | string | null)[] = []): number =>
  points.reduce((all: number, point) => all + Number(point ?? 0), 0);

test('what is accepted, delivered and parked is counted by each process, and lanes in trouble are seen with their reason', async () => {
  const before = new Date();
  const ids = [];
  for (let n = 0; n < 7; n++) ids.push(await post(well, n % 2 ? 'order.paid' : 'order.sent'));
  for (let n = 0; n < letters; n++) await post(parking, 'large', 'x'.repeat(2_000), String(n));
  const waiting = await post(away, 'order.paid');
  for (const id of ids) await untilDelivery('it', causeway.api, id, ({ status }) => status === 'delivered');
  await untilDelivery('it', causeway.api, waiting, ({ status }) => status === 'waiting', 60_000);

  const seen = await until(
    'the sample',
    overview,
    ({ now, worst }) =>
      now.deadLetters === letters && (worst[0]?.error?.name ?? '') !== '' && now.oldestWaiting !== undefined,
    60_000,
  );
  expect(seen.now).toMatchObject({ suspendedDestinations: 0, lanes: { Waiting: 1, Suspended: 0, Paused: 0 } });
  expect(seen.now.lanes.Parked).toBeGreaterThan(0);
  expect(seen.now.lanes.Delivering).toBeGreaterThan(0);
  expect(seen.now.deadLettersAtLeast).toBeUndefined();
  expect(seen.now.oldestWaiting).toMatchObject({ destinationId: away.id, state: 'Waiting' });
  expect(Date.parse(seen.now.oldestWaiting?.acceptedAt ?? '')).toBeGreaterThanOrEqual(before.getTime() - 1);
  expect(seen.staleSeconds).toBeLessThan(60);
  expect(seen.worst).toMatchObject([
    { destinationId: away.id, name: 'away', state: 'Waiting', lanes: 1, error: { name: 'ECONNREFUSED' } },
    {
      destinationId: parking.id,
      customerExternalId: parking.customerExternalId,
      state: 'Parked',
      deadLetters: letters,
    },
  ]);

  const counted = await until(
    'the sums to be written',
    () => series('?range=1h'),
    ({ points }) => sum(points.delivered) >= 7 && sum(points.parked) >= letters && sum(points.accepted) >= 38,
  );
  expect(sum(counted.points.accepted)).toBe(7 + letters + 1);
  expect(sum(counted.points.failedTries)).toBeGreaterThan(0);
  expect(counted.points.at).toHaveLength(60);
  expect(counted.points.deadLetters?.at(-1) ?? counted.points.deadLetters?.at(-2)).toBe(letters);
  expect(counted.points.deadLetters?.[0]).toBeNull();
  expect((await overview()).now.acceptedPerSecond).toBeGreaterThan(0);
});

test('numbers are narrowed to one destination or customer, over every range, with no more than 360 points', async () => {
  const own = `?destinationId=${parking.id}`;
  expect(await overview(own)).toMatchObject({
    now: { deadLetters: letters, lanes: { Waiting: 0 } },
    worst: [{ destinationId: parking.id }],
  });
  const { now, worst } = await overview(`?customerExternalId=${well.customerExternalId}`);
  expect([now.deadLetters, now.lanes, worst]).toEqual([0, { Waiting: 0, Suspended: 0, Parked: 0, Paused: 0 }, []]);
  expect(now.oldestWaiting).toBeUndefined();
  expect((await overview(`${own}&customerExternalId=${well.customerExternalId}`)).now.deadLetters).toBe(0);
  for (const [range, points] of [
    ['1h', 60],
    ['6h', 360],
    ['24h', 288],
    ['7d', 336],
  ] as const) {
    const { points: of, from, to, stepSeconds } = await series(`?range=${range}&destinationId=${well.id}`);
    expect(Object.values(of).map(({ length }) => length)).toEqual(Object.values(of).map(() => points));
    expect(Date.parse(to) - Date.parse(from)).toBe(points * stepSeconds * 1_000);
    expect([range, sum(of.accepted), sum(of.delivered), sum(of.parked)]).toEqual([range, 7, 7, 0]);
  }
  expectProblem(await causeway.api.get('/v1/series?range=2h'), 400, 'request_invalid');
  expectProblem(await causeway.api.get('/v1/overview?destinationId=dst_none'), 404, 'destination_not_found');
});

test('a list of destinations tells how their lanes stand, and is narrowed to a state', async () => {
  type Listed = { destinations: { id: string; health?: { state: string; deadLetters: number; lanes: number } }[] };
  const { destinations } = await get<Listed>('/v1/destinations');
  expect(new Map(destinations.map(({ id, health }) => [id, health?.state]))).toEqual(
    new Map([
      [away.id, 'Waiting'],
      [parking.id, 'Parked'],
      [well.id, 'Delivering'],
    ]),
  );
  const parked = await get<Listed>('/v1/destinations?state=Parked');
  expect(parked.destinations.map(({ id, health }) => [id, health?.deadLetters])).toEqual([[parking.id, letters]]);
  expect((await get<Listed>('/v1/destinations?state=Suspended')).destinations).toEqual([]);
  expectProblem(await causeway.api.get('/v1/destinations?state=Well'), 400, 'request_invalid');
});

test('event types are listed with their counts and customers, the most frequent first, page by page', async () => {
  type Types = {
    eventTypes: { eventType: string; customers: number; last24h: number; last7d: number; lastAt: string }[];
    nextCursor?: string;
  };
  const first = await get<Types>('/v1/event-types?limit=2');
  const rest = await get<Types>(`/v1/event-types?limit=2&cursor=${first.nextCursor}`);
  expect([...first.eventTypes, ...rest.eventTypes].map(({ lastAt: _, ...one }) => one)).toEqual([
    { eventType: 'large', customers: 1, last24h: letters, last7d: letters },
    { eventType: 'order.sent', customers: 1, last24h: 4, last7d: 4 },
    { eventType: 'order.paid', customers: 2, last24h: 4, last7d: 4 },
  ]);
  expect(rest.nextCursor).toBeUndefined();
  const own = await get<Types>(`/v1/event-types?customerExternalId=${away.customerExternalId}`);
  expect(own.eventTypes.map(({ eventType, last7d }) => [eventType, last7d])).toEqual([['order.paid', 1]]);
  const found = await get<Types>('/v1/event-types?search=ORDER.');
  expect(found.eventTypes.map(({ eventType }) => eventType).toSorted()).toEqual(['order.paid', 'order.sent']);
  expect((await get<Types>(`/v1/event-types?search=${randomUUID()}`)).eventTypes).toEqual([]);
});

test('ten open dashboards ask Temporal nothing: all is answered while it is away', async () => {
  way.cut();
  const pages = [
    '/v1/overview',
    '/v1/series?range=24h',
    '/v1/event-types',
    '/v1/destinations',
    `/v1/overview?destinationId=${away.id}`,
  ];
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => pages.map((page) => causeway.api.get(page))).flat(),
  ).finally(way.mend);
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect(answers[0]?.body).toMatchObject({ now: { deadLetters: letters } });
});

test('one API process samples for all, another takes over when it ends, and what it read stays for everybody', async () => {
  const second = await causeway.anotherApi();
  const sampledBy = async (): Promise<string | undefined> =>
    ((await second.get('/v1/overview')).body as Overview).sampledAt;
  const first = await sampledBy();
  await until('a sample of the first', sampledBy, (at) => at !== first, 30_000);
  await causeway.apiProcess.kill();
  const last = await sampledBy();
  expect(last).toBeDefined();
  await until('a sample of the second', sampledBy, (at) => at !== undefined && last !== undefined && at > last, 60_000);
  expect(((await second.get('/v1/overview')).body as Overview).now.deadLetters).toBe(letters);
  await causeway.apiProcess.start();
}, 120_000);

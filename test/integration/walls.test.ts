/** The walls of the portal: every route of the API's description, asked by a customer's link for what is another customer's. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { permissions } from '../../domain/permission.ts';
import type { Answer } from '../harness/api.ts';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';
import { postEvent, untilDelivery } from '../harness/eventLog.ts';
import { type Description, operationsOf } from '../harness/openapi.ts';
import { expectProblem } from '../harness/problem.ts';
import { type SignedIn, signIn } from '../harness/session.ts';
import { type WallCall, type Walled, wallCases } from '../harness/wallCases.ts';

let causeway: Causeway;
let mine: Walled;
let theirs: Walled;
let portal: SignedIn;
/** Each route under /v1/ with the permission that it says a portal link needs. */
let routes: { name: string; permission: string | undefined }[];

beforeAll(async () => {
  causeway = await startCauseway();
  [mine, theirs] = await Promise.all([newCustomer(), newCustomer()]);
  portal = await enter(['manage_destinations', 'replay']);
  for (const { mark } of [mine, theirs]) {
    const types = () => causeway.api.get(`/v1/event-types?search=${mark}`);
    await until('its events are counted', types, ({ text }) => text.includes(mark), 60_000);
  }
  const { body } = await causeway.api.get('/openapi.json');
  routes = operationsOf(body as Description)
    .filter(({ name }) => name.includes(' /v1/') && !name.endsWith(' /v1/session'))
    .map(({ name, operation }) => ({ name, permission: operation.security?.[1]?.portal?.[0] }));
});
afterAll(() => causeway?.stop());

async function enter(permissions: string[]): Promise<SignedIn> {
  const { customerExternalId } = mine;
  const { body } = await causeway.api.request('POST', '/v1/portal-links', { customerExternalId, permissions });
  const [, portalToken = ''] = (body as { url: string }).url.split('#');
  return await signIn(causeway.api.url, { portalToken });
}

async function newCustomer(): Promise<Walled> {
  const mark = `mark-${randomUUID()}`;
  const topic = await causeway.kafka.newTopic(1, { 'max.message.bytes': '2000' });
  const { id: destinationId, customerExternalId } = await causeway.createDestination({ name: mark, topic });
  const post = async (pad: number, wanted: string): Promise<string> => {
    const payload = { mark, pad: 'x'.repeat(pad) };
    const more = wanted === 'delivered' ? { idempotencyKey: `k-${mark}` } : {};
    const id = await postEvent(causeway.api, { eventType: `e.${mark}`, customerExternalId, payload, ...more });
    await untilDelivery(wanted, causeway.api, id, ({ status }) => status === wanted);
    return id;
  };
  const delivered = await post(0, 'delivered');
  const parked = await post(5_000, 'parked');
  const begun = await causeway.api.request('POST', '/v1/replays', { destinationId, dryRun: true });
  const { id: replayId } = begun.body as { id: string };
  const isOver = ({ body }: Answer) => (body as { status: string }).status !== 'running';
  await until('the replay is over', () => causeway.api.get(`/v1/replays/${replayId}`), isOver);
  return { customerExternalId, destinationId, topic, lane: customerExternalId, delivered, parked, replayId, mark };
}

async function call(by: SignedIn, name: string, { id = '', query = '', body }: WallCall = {}): Promise<Answer> {
  const [method = '', path = ''] = name.split(' ');
  const isRead = method === 'GET' || method === 'DELETE';
  const ask = () => by.request(method, path.replace(/\{\w+\}/, id) + query, isRead ? undefined : (body ?? {}));
  // More than a customer's browser may ask for in a second, and more replays than run at once.
  return await until('room for the request', ask, ({ status }) => status !== 429 && status !== 503);
}

/** What of a customer stands in an answer that was not in the request. */
const tracesOf = (whose: Walled, { text, headers }: Answer, asked: WallCall): string[] => {
  const given = JSON.stringify(asked);
  const answered = text + JSON.stringify([...headers]);
  return Object.values(whose).filter((trace) => answered.includes(trace) && !given.includes(trace));
};

/** All that a portal link could have changed at the other customer. */
async function stateOf({ destinationId, customerExternalId, replayId }: Walled): Promise<unknown> {
  const paths = [
    ...[`/v1/destinations/${destinationId}`, `/v1/destinations?customerExternalId=${customerExternalId}`],
    ...[`/v1/destinations/${destinationId}/dead-letters`, `/v1/replays/${replayId}`],
    `/v1/audit?subject=${destinationId}`,
  ];
  const answers = await Promise.all(paths.map((path) => causeway.api.get(path)));
  // How the lanes stood when they were last looked at is nobody's change.
  return answers.map(({ text }) => JSON.parse(text, (field, value) => (field === 'health' ? undefined : value)));
}

test('there is a case for every route that is open to portal links, and for no other', () => {
  const open = routes.filter(({ permission }) => permission !== undefined).map(({ name }) => name);
  expect(open.length).toBeGreaterThan(15);
  expect(Object.keys(wallCases).toSorted()).toEqual(open.toSorted());
});

test('every other route is closed to them, whatever they ask for: keys, audit, links, sending, checks', async () => {
  const closed = routes.filter(({ permission }) => permission === undefined);
  const names = closed.map(({ name }) => name);
  for (const name of [
    'POST /v1/events',
    'GET /v1/audit',
    'POST /v1/api-keys',
    'POST /v1/portal-links',
    'GET /v1/checks',
  ])
    expect(names).toContain(name);
  for (const { name } of closed) {
    for (const id of [mine.destinationId, theirs.destinationId, 'x']) {
      const { detail } = expectProblem(await call(portal, name, { id }), 403, 'portal_refused');
      expect([name, detail]).toEqual([name, expect.stringContaining('No portal link may do this')]);
    }
  }
});

test('what is another customer’s is not there, by no way in, and nothing of it is changed', async () => {
  const before = await stateOf(theirs);
  let asked = 0;
  for (const [name, { foreign }] of Object.entries(wallCases)) {
    for (const { isEmpty, ...one } of foreign(theirs, mine)) {
      const answer = await call(portal, name, one);
      const told = `${name} ${JSON.stringify(one)}: ${answer.status} ${answer.text.slice(0, 300)}`;
      expect([told, tracesOf(theirs, answer, one)]).toEqual([told, []]);
      expect([told, isEmpty ? answer.status < 300 : answer.status === 403 || answer.status === 404]).toEqual([
        told,
        true,
      ]);
      asked++;
    }
  }
  expect(asked).toBeGreaterThanOrEqual(Object.keys(wallCases).length);
  expect(await stateOf(theirs)).toEqual(before);
});

test('it is answered as an id that nobody has is', async () => {
  const none = {
    destinationId: 'dst_AAAAAAAAAAAAAAAA',
    delivered: `evt_${'A'.repeat(22)}`,
    replayId: 'rpl_AAAAAAAAAAAAAAAA',
  };
  for (const [name, field] of [
    ['GET /v1/destinations/{id}', 'destinationId'],
    ['PATCH /v1/destinations/{id}', 'destinationId'],
    ['GET /v1/events/{id}', 'delivered'],
    ['GET /v1/replays/{id}', 'replayId'],
    ['POST /v1/replays/{id}/cancel', 'replayId'],
  ] as const) {
    const foreign = await call(portal, name, { id: theirs[field] });
    const unknown = await call(portal, name, { id: none[field] });
    expect(foreign.text.replaceAll(theirs[field], none[field])).toBe(unknown.text);
  }
});

test('what is theirs is answered, and has nothing of another customer', async () => {
  for (const [name, { own }] of Object.entries(wallCases)) {
    for (const one of own(mine)) {
      const answer = await call(portal, name, one);
      const told = `${name} ${JSON.stringify(one)}: ${answer.status} ${answer.text.slice(0, 300)}`;
      expect([told, answer.status < 300, tracesOf(theirs, answer, one)]).toEqual([told, true, []]);
      // An answer with nothing in it would prove nothing.
      const isToShow = name.startsWith('GET ') && !one.isBare;
      if (isToShow) expect(tracesOf(mine, answer, one), told).not.toEqual([]);
    }
  }
});

test.each(permissions)(
  'a link with the permission %s alone may read, do what that says, and no more',
  async (permission) => {
    const link = await enter([permission]);
    const has = permission === 'read' ? ['read'] : ['read', permission];
    expect(link.session.permissions).toEqual(has);
    const refused: string[] = [];
    for (const { name, permission: needed } of routes) {
      if (needed === undefined) continue;
      const [own] = wallCases[name]?.own(mine) ?? [];
      // What has no case of their own would end what other tests need: it is asked for where it must be refused.
      if (!own && has.includes(needed)) continue;
      const { id = mine.destinationId, query = '', body } = own ?? {};
      const answer = await call(link, name, { id, query, body });
      if (has.includes(needed)) expect([name, answer.status < 300, answer.text]).toEqual([name, true, answer.text]);
      else expectProblem(answer, 403, 'portal_refused');
      if (answer.status === 403) refused.push(name);
    }
    const closed = routes.filter(({ permission: needed = 'read' }) => !has.includes(needed));
    expect(refused).toEqual(closed.map(({ name }) => name));
    expect(refused.length).toBeGreaterThan(3);
  },
);

test('a replay that an operator began of their destination and of another customer is in neither’s list', async () => {
  const body = { destinationId: mine.destinationId, customerExternalId: theirs.customerExternalId, dryRun: true };
  const begun = await causeway.api.request('POST', '/v1/replays', body);
  const { id } = begun.body as { id: string };
  const listed = async (by: Pick<SignedIn, 'request'>) => (await by.request('GET', '/v1/replays?limit=50')).text;
  expect(await listed(causeway.api)).toContain(id);
  const answer = await listed(portal);
  expect([answer.includes(mine.replayId), answer.includes(id), answer.includes(theirs.customerExternalId)]).toEqual([
    ...[true, false, false],
  ]);
});

test('an API key shows and changes what all customers have, as before', async () => {
  const { text } = await causeway.api.get('/v1/destinations?limit=100');
  expect([text.includes(mine.destinationId), text.includes(theirs.destinationId)]).toEqual([true, true]);
});

test('they delete a destination of their own, whose events they see as before', async () => {
  const answer = await call(portal, 'DELETE /v1/destinations/{id}', { id: mine.destinationId });
  expect(answer.status).toBe(204);
  expect((await call(portal, 'GET /v1/events/{id}', { id: mine.delivered })).status).toBe(200);
});

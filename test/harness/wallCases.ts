/** For each route that is open to portal links: how it is asked for what is another customer's, and for what is the link's own. */

/** One customer, with a destination, an event that was delivered, one that is parked, and a replay. */
export type Walled = {
  customerExternalId: string;
  destinationId: string;
  topic: string;
  lane: string;
  delivered: string;
  parked: string;
  replayId: string;
  /** Stands in each of their events, and in the destination's name. */
  mark: string;
};

/** `id` is what stands for {id} in the path, `query` begins with `?`. */
export type WallCall = { id?: string; query?: string; body?: unknown };
export type WallCase = {
  /** Each is refused as if there were no such thing: 403, 404, or an answer (`isEmpty`) that has nothing of theirs. */
  foreign(theirs: Walled, mine: Walled): (WallCall & { isEmpty?: true })[];
  /** Each is answered, and a GET has something of theirs that was not in the request; but for `isBare`, which has sums alone. */
  own(mine: Walled): (WallCall & { isBare?: true })[];
};

const customer = ({ customerExternalId: id }: Walled): string => encodeURIComponent(id);
const kafka = ({ customerExternalId }: Walled, name: string) => ({
  ...{ type: 'KAFKA', name, customerExternalId, brokers: ['127.0.0.1:1'], topic: 't' },
  auth: { mode: 'NONE', tls: false },
});
/** A path below a destination, with the same query and body for each. */
const ofDestination = (call: WallCall = {}, ownCall: WallCall | 'never' = call): WallCase => ({
  foreign: (theirs) => [{ ...call, id: theirs.destinationId }],
  own: (mine) => (ownCall === 'never' ? [] : [{ ...ownCall, id: mine.destinationId }]),
});
const ofReplay = (own: WallCase['own']): WallCase => ({
  foreign: (theirs) => [{ id: theirs.replayId }],
  own,
});

const numbers = (more = ''): WallCase => ({
  foreign: (theirs, mine) => [
    { query: `?${more}&customerExternalId=${customer(theirs)}`.replace('?&', '?') },
    { query: `?${more}&destinationId=${theirs.destinationId}`.replace('?&', '?') },
    { query: `?${more}&destinationId=${theirs.destinationId}&customerExternalId=${customer(mine)}`.replace('?&', '?') },
    { isEmpty: true, query: more && `?${more}` },
  ],
  own: (mine) => [{ isBare: true }, { isBare: true, query: `?destinationId=${mine.destinationId}` }],
});

/** A route with a portal permission in its description that is missing here fails walls.test.ts. */
export const wallCases: Record<string, WallCase> = {
  'GET /v1/events/{id}': {
    foreign: (theirs) => [{ id: theirs.delivered }, { id: theirs.parked }],
    own: (mine) => [{ id: mine.delivered }, { id: mine.parked }],
  },
  'GET /v1/events/{id}/value': {
    foreign: (theirs, mine) => [
      { id: theirs.delivered },
      { id: theirs.parked, query: `?destinationId=${mine.destinationId}` },
      { id: theirs.parked, query: `?destinationId=${theirs.destinationId}` },
    ],
    own: (mine) => [{ id: mine.delivered }, { id: mine.parked }],
  },
  'GET /v1/events': {
    foreign: (theirs) => [{ query: `?customerExternalId=${customer(theirs)}&idempotencyKey=k-${theirs.mark}` }],
    own: (mine) => [{ query: `?customerExternalId=${customer(mine)}&idempotencyKey=k-${mine.mark}` }],
  },
  'GET /v1/deliveries': {
    foreign: (theirs) => [
      { query: `?customerExternalId=${customer(theirs)}` },
      { query: `?destinationId=${theirs.destinationId}` },
      { query: `?destinationId=${theirs.destinationId}&partitionKey=${encodeURIComponent(theirs.lane)}` },
      { query: `?workflowId=${encodeURIComponent(`delivery:${theirs.destinationId}:${theirs.lane}`)}` },
    ],
    own: (mine) => [
      { query: `?customerExternalId=${customer(mine)}` },
      { query: `?destinationId=${mine.destinationId}` },
    ],
  },
  'GET /v1/dead-letters': {
    foreign: (theirs, mine) => [
      { query: `?customerExternalId=${customer(theirs)}` },
      { query: `?destinationId=${theirs.destinationId}` },
      { query: `?destinationId=${theirs.destinationId}&customerExternalId=${customer(mine)}` },
    ],
    own: (mine) => [{}, { query: '?error=MESSAGE_TOO_LARGE' }, { query: `?destinationId=${mine.destinationId}` }],
  },
  'GET /v1/overview': numbers(),
  'GET /v1/series': numbers('range=1h'),
  'GET /v1/event-types': {
    foreign: (theirs) => [{ query: `?customerExternalId=${customer(theirs)}` }, { isEmpty: true }],
    own: (mine) => [{ query: '?search=e.mark-' }, { query: `?customerExternalId=${customer(mine)}&search=mark-` }],
  },
  'POST /v1/destinations': {
    foreign: (theirs) => [{ body: kafka(theirs, 'planted') }],
    own: (mine) => [{ body: kafka(mine, 'one more') }],
  },
  'GET /v1/destinations': {
    foreign: (theirs) => [{ query: `?customerExternalId=${customer(theirs)}` }],
    own: (mine) => [{}, { query: '?limit=100' }, { query: `?customerExternalId=${customer(mine)}` }],
  },
  'GET /v1/destinations/{id}': ofDestination(),
  'PATCH /v1/destinations/{id}': ofDestination({ body: { name: 'changed' } }),
  'DELETE /v1/destinations/{id}': ofDestination({}, 'never'), // The last test deletes its own.
  'POST /v1/destinations/test': {
    foreign: (theirs) => [{ body: kafka(theirs, 'tested') }],
    own: (mine) => [{ body: kafka(mine, 'tested') }],
  },
  'POST /v1/destinations/{id}/test': ofDestination({ body: {} }),
  'POST /v1/destinations/{id}/test-event': ofDestination(),
  'POST /v1/destinations/{id}/rotate': ofDestination({ body: { auth: { mode: 'NONE', tls: false } } }),
  'GET /v1/destinations/{id}/lanes': ofDestination(),
  'GET /v1/destinations/{id}/lane-log': {
    foreign: (theirs, mine) => [
      { id: theirs.destinationId, query: `?lane=${encodeURIComponent(theirs.lane)}` },
      { id: mine.destinationId, query: `?lane=${encodeURIComponent(theirs.lane)}` },
    ],
    own: (mine) => [{ id: mine.destinationId, query: `?lane=${encodeURIComponent(mine.lane)}` }],
  },
  'GET /v1/destinations/{id}/dead-letters': ofDestination(),
  'POST /v1/destinations/{id}/replay': {
    foreign: (theirs, mine) => [
      { id: theirs.destinationId, body: { all: true } },
      { id: mine.destinationId, body: { ids: [theirs.parked] } },
      { id: mine.destinationId, body: { lane: theirs.lane } },
    ],
    own: (mine) => [{ id: mine.destinationId, body: { ids: [mine.parked] } }],
  },
  'POST /v1/destinations/{id}/discard': {
    foreign: (theirs, mine) => [
      { id: theirs.destinationId, body: { all: true } },
      { id: mine.destinationId, body: { ids: [theirs.parked] } },
      { id: mine.destinationId, body: { lane: theirs.lane } },
    ],
    own: () => [],
  },
  'POST /v1/destinations/{id}/pause': ofDestination({ body: { reason: 'r' } }),
  'POST /v1/destinations/{id}/resume': ofDestination({ body: {} }),
  'POST /v1/replays': {
    foreign: (theirs, mine) => [
      { body: { destinationId: theirs.destinationId, dryRun: true } },
      { body: { customerExternalId: theirs.customerExternalId, dryRun: true } },
      { body: { destinationId: mine.destinationId, customerExternalId: theirs.customerExternalId, dryRun: true } },
      { body: { eventIds: [theirs.delivered], status: 'any', dryRun: true } },
      { body: { eventIds: [mine.delivered, theirs.delivered], status: 'any', dryRun: true } },
      { body: { eventIds: [theirs.delivered], destinationId: mine.destinationId, status: 'any', dryRun: true } },
      { body: { action: 'discard', destinationId: theirs.destinationId } },
      { body: { action: 'discard', customerExternalId: theirs.customerExternalId } },
      { body: { action: 'discard', destinationId: mine.destinationId, customerExternalId: theirs.customerExternalId } },
      { body: { action: 'discard', eventIds: [theirs.parked] } },
      { body: { action: 'discard', eventIds: [mine.parked, theirs.parked] } },
    ],
    own: (mine) => [
      { body: { destinationId: mine.destinationId, dryRun: true } },
      { body: { customerExternalId: mine.customerExternalId, dryRun: true } },
      { body: { eventIds: [mine.delivered], status: 'any', dryRun: true } },
      { body: { action: 'discard', customerExternalId: mine.customerExternalId, dryRun: true } },
    ],
  },
  'GET /v1/replays': {
    foreign: (theirs) => [{ query: `?customerExternalId=${customer(theirs)}` }],
    own: () => [{}, { query: '?limit=50' }],
  },
  'GET /v1/replays/{id}': ofReplay((mine) => [{ id: mine.replayId, isBare: true }]),
  'POST /v1/replays/{id}/cancel': ofReplay(() => []), // It is over: portal-links.test.ts has one that runs.
  'POST /v1/replays/{id}/continue': ofReplay(() => []),
};

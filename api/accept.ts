import { createHash } from 'node:crypto';
import type { Destination } from '../domain/destination.ts';
import { CausewayError } from '../domain/error.ts';
import { type Event, matchesEventType, partitionKeyOf, recordValueOf } from '../domain/event.ts';
import { eventDigest } from '../domain/eventDigest.ts';
import { eventIdOf } from '../domain/eventId.ts';
import { type HashedNames, storedLane } from '../domain/hashedNames.ts';
import { type LaneLimits, laneOf, laneWorkflowId } from '../domain/lane.ts';
import type { EventTypeMeter, TrafficMeter } from '../domain/traffic.ts';
import type { EarlierLane, EarlierLanes, Placed } from './earlierLanes.ts';
import { isHeld, movedMeanwhile, onTheWayMs } from './laneChange.ts';
import type { LaneDelivery, LaneTarget } from './laneWriter.ts';
import type { OnTheirWay } from './onTheirWay.ts';
import { FieldsRefused } from './problem.ts';

export type Receipt = { id: string; deliveries: { destinationId: string; workflowId: string }[] };
/** What the events of one request have read of the store. They must all see the same, in turn, or one overtakes another. */
export type DestinationsRead = Map<string, Promise<readonly Destination[]>>;
/** `from` is the connection that waits for the answer, where it is known; `only` the id of a destination that alone gets it, of any type. */
export type Accept = (event: Event, from?: object, read?: DestinationsRead, only?: string) => Promise<Receipt>;

export type AcceptDependencies = {
  destinations: { forCustomer(customerExternalId: string): Promise<readonly Destination[]> };
  lanes: {
    /** Throws where the lane takes nothing now. */
    check(workflowId: string): void;
    /** Takes all, each of which is then stored or not, or throws and takes none. */
    submit(deliveries: readonly LaneDelivery[]): Promise<{ runId: string }>[];
  };
  /** Remembers which lanes an event went to, so that `GET /v1/events/{id}` finds them. */
  index: { add(rows: { eventId: string; workflowId: string; runId: string }[]): Promise<void> };
  earlier: Pick<EarlierLanes, 'mayHold' | 'of' | 'settles' | 'isNotThere'>;
  onTheirWay: Pick<OnTheirWay, 'began'>;
  /** What is counted of events that are answered 202. */
  traffic: TrafficMeter & EventTypeMeter;
  /** Is asked where a destination has hashed names. */
  hashedNames(): Promise<HashedNames>;
  laneLimits: LaneLimits;
  eventBytesMax: number;
};

type Addressed = { destination: Destination; target: LaneTarget; key: string };

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function addressed(event: Event, destination: Destination, limits: LaneLimits, names?: HashedNames): Addressed {
  const found = partitionKeyOf(event, destination.partitionKey);
  if ('problem' in found) {
    const expected = `the partition key of destination ${destination.id}: a string, number or boolean of 1 to 1024 characters`;
    throw new FieldsRefused([{ field: destination.partitionKey, problem: found.problem, expected }]);
  }
  const name = laneOf(destination.ordering.lanes, found.key, sha256);
  const lane = storedLane(destination, name, names);
  const { id: destinationId, customerExternalId, hashesKeys } = destination;
  const hashed = hashesKeys && names && { name, customer: names.customer(customerExternalId) };
  const target = {
    workflowId: laneWorkflowId(destination.id, lane),
    lingerMs: destination.producer.lingerMs,
    start: { destinationId, customerExternalId, lane, limits, ...(hashed && { hashed }) },
  };
  return { destination, target, key: found.key };
}

function refuseHeldLanes(destinations: readonly Destination[], now: Date): void {
  const held = destinations.find((destination) => isHeld(destination, now));
  if (held) throw lanesChanging(held);
}

const lanesChanging = ({ id }: Destination): CausewayError =>
  new CausewayError('lanes_changing', `Destination ${id} is changing its lanes. Send again after two seconds.`);

/** `onItsWay`: it was sent before, and where it went does not know it yet. */
type Unsettled = 'waiting' | 'unknown' | 'onItsWay';

function waitsElsewhere({ id }: Destination, { idempotencyKey }: Event, is: Unsettled): CausewayError {
  if (is === 'onItsWay') {
    const why = `Destination ${id} has changed its lanes. The event was sent before, and may be on its way into the lane that its key had then.`;
    return new CausewayError(
      'lanes_changing',
      `${why} Send the same event again after two seconds: it will not be there twice.`,
    );
  }
  const again = is === 'waiting' ? 'it will not be there twice' : 'it may be there twice';
  const remedy =
    idempotencyKey === undefined
      ? 'It had no idempotencyKey, so sending it again gives a second record.'
      : `Send the same event again after two seconds: ${again}.`;
  const why = `Destination ${id} has changed its lanes. The event is stored, in the lane that its key had before.`;
  return new CausewayError('lanes_changing', `${why} ${remedy}`);
}

function lanesUnknown({ idempotencyKey }: Event, cause: unknown): CausewayError {
  const remedy =
    idempotencyKey === undefined
      ? 'It had no idempotencyKey, so sending it again gives a second record.'
      : 'Send the same event again: it will not be there twice.';
  const why =
    "The event is stored, but took long, and the store can't be asked whether its lanes were changed meanwhile.";
  return new CausewayError('lanes_unknown', `${why} ${remedy}`, { cause });
}

/**
 * Takes an event in: resolves once every matching destination's lane has stored it.
 * Rejects with {@link FieldsRefused} or another CausewayError before anything is stored, or with `partly_stored` where some
 * destinations have it: the same event with the same idempotency key completes it. Events that are given to it one after
 * the other with the same `read` reach their lane in that order.
 */
export function acceptor(dependencies: AcceptDependencies): Accept {
  const { destinations, lanes, index, earlier, onTheirWay, traffic, laneLimits, eventBytesMax, hashedNames } =
    dependencies;
  /** An event that was long on its way may have entered a lane that is not its own any more: see api/laneChange.ts. */
  const movedOf = async (to: readonly Addressed[], event: Event): Promise<Placed[]> => {
    const all = await destinations.forCustomer(event.customerExternalId).catch((cause: unknown) => {
      throw lanesUnknown(event, cause);
    });
    return to.filter(({ destination }) => movedMeanwhile(destination, all, new Date())).map(placedOf);
  };
  /** What comes after the event's 202 goes to another lane, and must find it settled. */
  const refuseUnlessSettled = async (digest: string, event: Event, elsewhere: readonly Elsewhere[]): Promise<void> => {
    for (const placed of elsewhere) {
      const is = await earlier.settles(digest, placed).catch(() => 'unasked' as const);
      if (is === 'settled') continue;
      if (!placed.isOnItsWay || is === 'waiting') {
        throw waitsElsewhere(placed.destination, event, is === 'unasked' ? 'unknown' : is);
      }
      // Where it can't be asked, nothing is known: the note stays, for it may be all that knows of the event.
      if (is === 'unknown') await earlier.isNotThere(digest, placed).catch(() => undefined); // The next sending says so, too.
      throw waitsElsewhere(placed.destination, event, 'onItsWay');
    }
  };
  const destinationsOf = (customerExternalId: string, read?: DestinationsRead): Promise<readonly Destination[]> => {
    const known = read?.get(customerExternalId) ?? destinations.forCustomer(customerExternalId);
    read?.set(customerExternalId, known);
    return known;
  };
  return async (event, from, read, only) => {
    const now = new Date();
    const startedAtMs = performance.now();
    const digest = eventDigest(event.customerExternalId, event.idempotencyKey);
    const value = recordValueOf(event, now);
    if (value.length > eventBytesMax) {
      throw new CausewayError(
        'event_too_large',
        `The event has ${value.length} bytes; at most ${eventBytesMax} are taken.`,
      );
    }
    const all = await destinationsOf(event.customerExternalId, read);
    const matching = all.filter(({ id, eventTypes }) =>
      only === undefined ? matchesEventType(eventTypes, event.eventType) : id === only,
    );
    const names = matching.some(({ hashesKeys }) => hashesKeys) ? await hashedNames() : undefined;
    refuseHeldLanes(matching, now);
    const addressees = matching.map((destination) => addressed(event, destination, laneLimits, names));
    for (const { target } of addressees) lanes.check(target.workflowId);
    // Of the customer's, so that all events of a batch wait for it, or a later one would overtake this one on its way.
    const has = earlier.mayHold(all, now) ? await earlier.of(digest, addressees.map(placedOf)) : nowhere;
    const to = addressees.filter(({ destination }) => !has.has(destination.id));
    const storing = lanes.submit(
      to.map(({ target, key }) => ({ target, delivery: { id: digest, key, value }, sender: from })),
    );
    // Without a key of its own it is another event when it is sent again.
    const arrived = event.idempotencyKey === undefined ? undefined : onTheirWay.began(digest, to.map(placedOf));
    const stored = await Promise.allSettled(storing);
    const onTheWay = performance.now() - startedAtMs; // The index, which may take a second, comes after the lanes.
    const rows = rowsOf(digest, to, stored);
    try {
      if (rows.length > 0) await index.add(rows);
    } finally {
      arrived?.();
    }
    refuseUnlessAll(to, stored, event);
    const elsewhere = elsewhereOf(addressees, has);
    if (onTheWay >= onTheWayMs) elsewhere.push(...(await movedOf(to, event)));
    await refuseUnlessSettled(digest, event, elsewhere);
    for (const { destination } of addressees) traffic.add(destination.id, { accepted: 1 });
    traffic.accepted(event.customerExternalId, event.eventType);
    return {
      id: eventIdOf(digest),
      deliveries: addressees.map(({ destination, target }) => ({
        destinationId: destination.id,
        workflowId: has.get(destination.id)?.workflowId ?? target.workflowId,
      })),
    };
  };
}

type Elsewhere = Placed & { isOnItsWay?: boolean };

const nowhere: ReadonlyMap<string, EarlierLane> = new Map();

/** The lanes of before that an event is in, and that may not have settled it. */
const elsewhereOf = (addressees: readonly Addressed[], has: ReadonlyMap<string, EarlierLane>): Elsewhere[] =>
  addressees.flatMap(({ destination }) => {
    const lane = has.get(destination.id);
    return lane && !lane.wasEmptied ? [{ destination, ...lane }] : [];
  });

const placedOf = ({ destination, target: { workflowId } }: Addressed): Placed => ({ destination, workflowId });

const rowsOf = (
  eventId: string,
  to: readonly Addressed[],
  stored: readonly PromiseSettledResult<{ runId: string }>[],
): { eventId: string; workflowId: string; runId: string }[] =>
  stored.flatMap((result, i) => {
    const workflowId = to[i]?.target.workflowId;
    return result.status === 'fulfilled' && workflowId ? [{ eventId, workflowId, runId: result.value.runId }] : [];
  });

function refuseUnlessAll(to: Addressed[], stored: PromiseSettledResult<unknown>[], event: Event): void {
  const failure = stored.find((result) => result.status === 'rejected');
  if (!failure) return;
  if (stored.every((result) => result.status === 'rejected')) throw failure.reason;
  const missing = to.filter((_, i) => stored[i]?.status === 'rejected').map(({ destination }) => destination.id);
  const remedy =
    event.idempotencyKey === undefined
      ? 'The event had no idempotencyKey, so sending it again gives a second record to the other destinations.'
      : 'Send the same event again: the other destinations will not get it twice.';
  throw new CausewayError('partly_stored', `Not stored for ${missing.join(', ')}. ${remedy}`, {
    cause: failure.reason,
  });
}

/** Which events a replay means. Pure. */
import type { ParkedEvent } from './laneMessages.ts';

/** Which events: each field that is given must fit. Times are RFC 3339. */
export type ReplayFilter = {
  destinationId?: string | undefined;
  customerExternalId?: string | undefined;
  eventType?: string | undefined;
  acceptedFrom?: string | undefined;
  acceptedTo?: string | undefined;
  /** Of dead letters alone: the name of the error that they were parked for, and when. */
  error?: string | undefined;
  parkedFrom?: string | undefined;
  parkedTo?: string | undefined;
};

/** Whether a dead letter is meant. What was parked since the replay began is not: it may be one that was sent again, in vain. */
export const isMeant = (letter: ParkedEvent, filter: ReplayFilter, startedAt: string): boolean =>
  Date.parse(letter.parkedAt) <= Date.parse(startedAt) && isOfParking(letter, filter);

export type ParkingFilter = Pick<ReplayFilter, 'error' | 'parkedFrom' | 'parkedTo'>;

export const isFiltered = ({ error, parkedFrom, parkedTo }: ParkingFilter): boolean =>
  [error, parkedFrom, parkedTo].some((one) => one !== undefined);

/** Whether a dead letter was parked for that error, and at that time. */
export function isOfParking({ error, parkedAt }: ParkedEvent, filter: ParkingFilter): boolean {
  const atMs = Date.parse(parkedAt);
  if (filter.error !== undefined && error.name !== filter.error) return false;
  if (filter.parkedFrom !== undefined && atMs < Date.parse(filter.parkedFrom)) return false;
  return filter.parkedTo === undefined || atMs < Date.parse(filter.parkedTo);
}

/** Whether an event that was accepted then is meant. */
export const isOfTime = (atMs: number, { acceptedFrom, acceptedTo }: ReplayFilter): boolean =>
  (acceptedFrom === undefined || atMs >= Date.parse(acceptedFrom)) &&
  (acceptedTo === undefined || atMs < Date.parse(acceptedTo));

/** Whether there is time between the two; what is left out bounds nothing. */
export const isSpan = (from: string | undefined, to: string | undefined): boolean =>
  from === undefined || to === undefined || Date.parse(from) < Date.parse(to);

import type { EventLog } from '../../api/schemas/eventLog.ts';
import type { TestApi } from './api.ts';
import { until } from './until.ts';

export type LoggedDelivery = EventLog['deliveries'][number];

/** The id that the API gave an event; throws unless it was accepted. */
export async function postEvent(api: TestApi, event: Record<string, unknown> | string): Promise<string> {
  const { status, text, body } = await api.post(event);
  if (status !== 202) throw new Error(`POST /v1/events answered ${status}: ${text}`);
  return (body as { id: string }).id; // What a 202 holds.
}

/** The log of an event with one delivery, as `GET /v1/events/{id}` shows it. */
export async function deliveryOf(api: TestApi, eventId: string): Promise<LoggedDelivery> {
  const { status, text, body } = await api.get(`/v1/events/${eventId}`);
  const [delivery] = status === 200 ? (body as EventLog).deliveries : [];
  if (!delivery) throw new Error(`GET /v1/events/${eventId} answered ${status}: ${text}`);
  return delivery;
}

/** Waits until the event's log says so. */
export const untilDelivery = (
  what: string,
  api: TestApi,
  eventId: string,
  predicate: (delivery: LoggedDelivery) => boolean,
  timeoutMs?: number,
): Promise<LoggedDelivery> => until(what, () => deliveryOf(api, eventId), predicate, timeoutMs);

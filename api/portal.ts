/** The walls around a customer who comes by a portal link: what is not theirs is not there. */
import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { CausewayError } from '../domain/error.ts';
import type { StoredDestination } from '../store/destinationRow.ts';
import type { Destinations } from '../store/destinations.ts';
import type { AppEnv } from './appEnv.ts';
import { existing, notFound } from './storedDestination.ts';

/**
 * The customer whose things are meant: what is asked for, or for a portal link its own, whatever is asked for. Throws `portal_refused` where a link
 * asks for another's.
 */
export function customerOf(c: Context<AppEnv>, asked: string): string;
export function customerOf(c: Context<AppEnv>, asked?: string): string | undefined;
export function customerOf({ var: { portal } }: Context<AppEnv>, asked?: string): string | undefined {
  if (!portal) return asked;
  const { customerExternalId } = portal;
  if (asked === undefined || asked === customerExternalId) return customerExternalId;
  throw new CausewayError('portal_refused', `The portal link is for the customer ${customerExternalId} alone.`);
}

/** Like `existing`, for an id in a query or body: another customer's is not there for a portal link. Throws `destination_not_found`. */
export async function ownDestination(
  c: Context<AppEnv>,
  destinations: Pick<Destinations, 'get'>,
  id: string,
): Promise<StoredDestination> {
  const found = await existing(destinations, id);
  const { portal } = c.var;
  if (portal && found.customerExternalId !== portal.customerExternalId) throw notFound(id);
  return found;
}

/** Of deliveries those into destinations of the portal link's customer, deleted ones too; all of them where there is no such link. */
export async function ownDeliveries<Delivery extends { workflowId: string }>(
  c: Context<AppEnv>,
  destinations: Pick<Destinations, 'customersOf'>,
  deliveries: Delivery[],
): Promise<Delivery[]> {
  const { portal } = c.var;
  if (!portal || deliveries.length === 0) return deliveries;
  const ids = deliveries.map(({ workflowId }) => destinationIn(workflowId));
  const customers = await destinations.customersOf([...new Set(ids)]);
  return deliveries.filter((_, n) => customers.get(ids[n] ?? '') === portal.customerExternalId);
}

const destinationIn = (workflowId: string): string => workflowId.split(':')[1] ?? '';

/** Before any handler: a path below a destination is there for a portal link only where that is its customer's. Throws `destination_not_found`. */
export const destinationWall = (destinations: Pick<Destinations, 'get'>) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const id = c.req.param('id') ?? '';
    // What else stands there is a path of its own: `/v1/destinations/test`.
    if (c.var.portal && id.startsWith('dst_')) await ownDestination(c, destinations, id);
    await next();
  });

import { createMiddleware } from 'hono/factory';
import { Turns } from '../activities/turns.ts';
import type { AppEnv } from './appEnv.ts';

/** What a page asks for at once waits its turn; a customer's links that ask for more are told to come again. */
const ofCustomer = { atOnce: 1, waiting: 20 };
/** Searches have room for three at the least (api/deliveries.ts), lists of lanes for four a second: links together never take all of it. */
const ofAllLinks = { atOnce: 2, waiting: 100 };
const tooMany = 'Too much is looked for by portal links at once. Ask again after a second.';

/** What asks Temporal, or reads through the index of events. */
export const searchPaths = [
  ...['/v1/deliveries', '/v1/events', '/v1/events/:id', '/v1/events/:id/value'],
  ...['/v1/dead-letters', '/v1/replays', '/v1/replays/:id'],
  ...['lanes', 'lane-log', 'dead-letters'].map((list) => `/v1/destinations/:id/${list}`),
];

/**
 * Lets searches of portal links go on one at a time for each customer, and few for all of them: no link keeps operators, or another
 * customer, from theirs. Reads alone; who comes by an API key does not wait. Throws `overloaded`.
 */
export function portalTurns() {
  const all = new Turns(ofAllLinks, tooMany);
  const customers = new Map<string, { turns: Turns; users: number }>();
  return createMiddleware<AppEnv>(async (c, next) => {
    const { portal } = c.var;
    if (!portal || c.req.method !== 'GET') return await next();
    const { customerExternalId } = portal;
    const own = customers.get(customerExternalId) ?? { turns: new Turns(ofCustomer, tooMany), users: 0 };
    customers.set(customerExternalId, own);
    own.users++;
    try {
      // First its own turn: one customer's requests never wait in the line that all share.
      await own.turns.take(() => all.take(next));
    } finally {
      if (--own.users === 0) customers.delete(customerExternalId);
    }
  });
}

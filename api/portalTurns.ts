import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { Turns } from '../activities/turns.ts';
import type { AppEnv } from './appEnv.ts';

/** What a page asks for at once waits its turn; a customer's links that ask for more are told to come again. */
const ofCustomer = { atOnce: 1, waiting: 20 };
/** Searches have room for three at the least (api/deliveries.ts): links together never take all of it. */
const ofAllLinks = { atOnce: 2, waiting: 100 };
const tooMany = 'Too much is looked for by portal links at once. Ask again after a second.';

/** What reads through the index of events. */
const storeSearches = ['/v1/deliveries', '/v1/events'];
/**
 * What asks Temporal, lanes and segments: one that is silent is waited for. So these never wait in the line that all links share, where few that wait
 * for a destination that is down would keep everybody else waiting; lists of lanes are paced for all in activities/visibilityPace.ts, and what links
 * ask of values leaves room for others in api/eventValue.ts.
 */
const askTemporal = [
  ...['/v1/events/:id', '/v1/events/:id/value', '/v1/dead-letters', '/v1/replays', '/v1/replays/:id'],
  ...['lanes', 'lane-log', 'dead-letters', 'replay', 'discard'].map((last) => `/v1/destinations/:id/${last}`),
];
export const searchPaths = { store: storeSearches, temporal: askTemporal };

/**
 * Lets searches of portal links go on one at a time for each customer, and those of the store few at once for all of them: no link keeps operators, or
 * another customer, from theirs. A replay or a discard finds what it means first, and takes its customer's turn too. Who comes by an API
 * key does not wait; what a browser no longer waits for is not begun. Throws `overloaded`.
 */
export function portalTurns() {
  const all = new Turns(ofAllLinks, tooMany);
  const customers = new Map<string, { turns: Turns; users: number }>();
  return (shared: 'shared' | 'own') =>
    createMiddleware<AppEnv>(async (c, next) => {
      const { portal } = c.var;
      if (!portal) return await next();
      const line = `${lineOf(c)} ${portal.customerExternalId}`;
      const own = customers.get(line) ?? { turns: new Turns(ofCustomer, tooMany), users: 0 };
      customers.set(line, own);
      own.users++;
      const { signal } = c.req.raw;
      try {
        // First its own turn: one customer's requests never wait in the line that all share.
        await own.turns.take(() => (shared === 'shared' ? all.take(next, signal) : next()), signal);
      } catch (error) {
        if (!signal.aborted || error !== signal.reason) throw error;
        return new Response(null, { status: nobodyWaits });
      } finally {
        if (--own.users === 0) customers.delete(line);
      }
    });
}

/** As proxies log it; nobody reads it. */
const nobodyWaits = 499;

/** A page of lanes without their status is there at once, and asked for beside the one that has it: it does not wait for that one. */
const lineOf = (c: Context<AppEnv>): 'quick' | 'slow' =>
  c.req.path.endsWith('/lanes') && c.req.query('withStatus') === 'false' ? 'quick' : 'slow';

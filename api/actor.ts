import type { Context } from 'hono';
import { askerBehind } from '../domain/trustedProxies.ts';
import type { Actor } from '../store/auditLog.ts';
import type { AppEnv } from './appEnv.ts';

/** Who asks, for the audit trail. */
export const actorOf = (c: Context<AppEnv>): Actor => actorNamed(c, c.var.apiKey);

/** The same of a request that has not been authenticated by middleware. */
export const actorNamed = (
  c: Context<AppEnv>,
  { id, name }: { id: string; name: string },
  via: Actor['via'] = c.var.via,
): Actor => ({ keyId: id, name, address: addressOf(c), requestId: c.var.requestId, via });

/** Where the connection came from, or where that is a proxy of ours, whom it says to stand for. */
export function addressOf(c: Context<AppEnv>): string | undefined {
  const peer = c.env?.incoming?.socket.remoteAddress;
  const { trustedProxies } = c.var;
  if (peer === undefined || !trustedProxies) return peer;
  return askerBehind(peer, c.req.header('x-forwarded-for'), trustedProxies);
}

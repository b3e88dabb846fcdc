import type { Context } from 'hono';
import type { Actor } from '../store/auditLog.ts';
import type { AppEnv } from './appEnv.ts';

/** Who asks, for the audit trail. The address is that of the connection: a header could say anything. */
export const actorOf = (c: Context<AppEnv>): Actor => actorNamed(c, c.var.apiKey);

/** The same of a request that has not been authenticated by middleware. */
export const actorNamed = (
  c: Context<AppEnv>,
  { id, name }: { id: string; name: string },
  via: Actor['via'] = c.var.via,
): Actor => ({ keyId: id, name, address: addressOf(c), requestId: c.var.requestId, via });

export const addressOf = (c: Context<AppEnv>): string | undefined => c.env?.incoming?.socket.remoteAddress;

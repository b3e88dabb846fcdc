import type { Context } from 'hono';
import type { Actor } from '../store/auditLog.ts';
import type { AppEnv } from './appEnv.ts';

/** Who asks, for the audit trail. The address is that of the connection: a header could say anything. */
export function actorOf(c: Context<AppEnv>): Actor {
  const { id, name } = c.var.apiKey;
  return { keyId: id, name, address: c.env?.incoming?.socket.remoteAddress, requestId: c.var.requestId };
}

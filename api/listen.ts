import { type ServerType, serve } from '@hono/node-server';
import { CausewayError } from '../domain/error.ts';
import type { App } from './appEnv.ts';

export type ListenOptions = {
  hostname: string;
  port: number;
  /** A request that has not come whole after this long is answered 408 and its connection closed, in ms: it holds room that others need. */
  requestTimeoutMs?: number;
  /** Called for each new connection. */
  onConnection?: () => void;
};

/** Under overload a request may be long on its way through no fault of its sender's; Node's own bound is 5 minutes. */
const defaultRequestTimeoutMs = 60_000;

/** Serves HTTP; resolves once it listens. Rejects with `address_unavailable`. */
export function listen(
  { fetch }: Pick<App, 'fetch'>,
  { hostname, port, requestTimeoutMs = defaultRequestTimeoutMs, onConnection }: ListenOptions,
): Promise<ServerType> {
  const serverOptions = { requestTimeout: requestTimeoutMs, connectionsCheckingInterval: requestTimeoutMs / 10 };
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname, port, serverOptions }, () => resolve(server));
    if (onConnection) server.on('connection', onConnection);
    server.once('error', (cause) => {
      const remedy = `Can't listen at ${hostname}:${port}. Free the port, or set CAUSEWAY_API_PORT to another.`;
      reject(new CausewayError('address_unavailable', remedy, { cause }));
    });
  });
}

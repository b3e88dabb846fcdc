import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { CausewayError } from '../domain/error.ts';

export type MetricsServerOptions = { host: string; port: number; registry: Registry; logger: Logger };

/**
 * `GET /metrics`, in Prometheus' text format; port 0 takes a free one. A port that is taken stops no delivery: there may be several
 * workers on a machine. Throws `address_unavailable` where the host is none of this machine's, or the port may not be used.
 */
export async function serveMetrics({ host, port, registry, logger }: MetricsServerOptions): Promise<{ close(): void }> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('GET /metrics\n');
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error: unknown) => {
        logger.error({ err: error }, 'the metrics could not be read');
        response.writeHead(500).end();
      },
    );
  });
  try {
    const { address, port: taken } = await listening(server, host, port);
    logger.info({ url: `http://${address.includes(':') ? `[${address}]` : address}:${taken}/metrics` }, 'metrics');
  } catch (cause) {
    const remedy = `Can't listen at ${host}:${port}. Free the port, or set CAUSEWAY_WORKER_METRICS_PORT to another, or to 0.`;
    if (!isTaken(cause)) throw new CausewayError('address_unavailable', remedy, { cause });
    logger.warn({ remedy }, 'this worker delivers without showing metrics');
  }
  return {
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const isTaken = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';

const listening = (server: Server, host: string, port: number): Promise<AddressInfo> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      const address = server.address();
      if (typeof address === 'object' && address !== null) resolve(address);
      else reject(new Error('It listens on no port.'));
    });
  });

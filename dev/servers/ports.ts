import { createServer } from 'node:net';
import { say } from './progress.ts';

/** Ports handed out by this process and perhaps not yet bound: not to be given twice. */
const given = new Set<number>();

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : undefined;
      server.close(() => resolve(bound));
    });
  });
}

/** A free loopback port that nobody asked for in particular. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await tryPort(0);
    if (port === undefined) throw new Error('No free port on 127.0.0.1.');
    if (given.has(port)) continue;
    given.add(port);
    return port;
  }
}

/** The preferred port, or a free one where that is busy, which is then said. */
export async function portOr(preferred: number, what: string): Promise<number> {
  if (!given.has(preferred) && (await tryPort(preferred)) !== undefined) {
    given.add(preferred);
    return preferred;
  }
  const port = await freePort();
  say(`Port ${preferred} is busy: ${what} uses ${port} instead.`);
  return port;
}

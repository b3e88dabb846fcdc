import { createServer } from 'node:net';
import { say } from './progress.ts';

/** Ports handed out by this process and perhaps not yet bound: not to be given twice. */
const given = new Set<number>();

/**
 * Where free ports are looked for: below those that outgoing connections get by themselves, so that a server that is down finds its
 * port free when it comes back. Each process begins at a place of its own: what another one has chosen and not yet bound looks free.
 */
const range = { from: 10_000, size: 20_000 };
const processesApart = 100;
let nextInRange = (process.pid * processesApart) % range.size;

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** A free loopback port that nobody asked for in particular. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < range.size; tried++) {
    const port = range.from + nextInRange;
    nextInRange = (nextInRange + 1) % range.size;
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error('No free port on 127.0.0.1.');
}

/** The preferred port, or a free one where that is busy, which is then said. */
export async function portOr(preferred: number, what: string): Promise<number> {
  if (!given.has(preferred) && (await isFree(preferred))) {
    given.add(preferred);
    return preferred;
  }
  const port = await freePort();
  say(`Port ${preferred} is busy: ${what} uses ${port} instead.`);
  return port;
}

import { createServer, type Server } from 'node:net';
import { track } from './running.ts';

export type CountingListener = {
  port: number;
  /** Connections so far. */
  count(): number;
  stop(): Promise<void>;
};

async function listening(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, ipv6Only: host === '::' }, resolve);
  });
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

/** Listens at every address of this machine, IPv4 and IPv6, at one port; ends each connection at once, and counts it. */
export async function countingListener(): Promise<CountingListener> {
  let count = 0;
  const counting = (): Server =>
    createServer((socket) => {
      count++;
      socket.on('error', () => undefined);
      socket.destroy();
    });
  const servers = [counting(), counting()] as const;
  const port = await listening(servers[0], 0, '0.0.0.0');
  await listening(servers[1], port, '::');
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  };
  return { port, count: () => count, stop: track('a counting listener', stop) };
}

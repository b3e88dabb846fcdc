/** Servers that are there, and are no Kafka that we can use. */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { track } from './running.ts';

export type HostileServer = { address: string; stop(): Promise<void> };

async function listening(server: Server): Promise<HostileServer> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { address: `127.0.0.1:${port}`, stop: track('a hostile server', stop) };
}

/** Answers whatever it is sent in this way. */
export const answering = (answer: (socket: Socket, sent: Buffer) => void): Promise<HostileServer> =>
  listening(createServer((socket) => socket.on('data', (sent) => answer(socket, sent))));

/** Takes connections over TLS, and answers nothing. */
export const speakingTls = (options: TlsOptions): Promise<HostileServer> =>
  listening(
    createTlsServer(options, (socket) => socket.on('error', () => undefined)).on('tlsClientError', () => undefined),
  );

/** Nothing listens there; something has, so that nothing else gets the port. */
export async function closedPort(): Promise<string> {
  const { address, stop } = await answering(() => undefined);
  await stop();
  return address;
}

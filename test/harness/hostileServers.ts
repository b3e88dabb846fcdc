/** Servers that are there, and are no Kafka that we can use. */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { track } from './running.ts';

export type HostileServer = { address: string; stop(): Promise<void> };

async function listening(server: Server, at = '127.0.0.1'): Promise<HostileServer> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, at, resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { address: `${at}:${port}`, stop: track('a hostile server', stop) };
}

/** Answers whatever it is sent in this way; listens at `at`, of this machine's. */
export const answering = (answer: (socket: Socket, sent: Buffer) => void, at?: string): Promise<HostileServer> =>
  listening(
    createServer((socket) => socket.on('data', (sent) => answer(socket, sent))),
    at,
  );

/** Answers to who shows credentials by HTTP Basic that repeat them, as RFC 6749 lets no endpoint do. */
const echoes: ((told: string) => string)[] = [
  (told) => httpAnswer('400 Bad Request', JSON.stringify({ error: told, error_description: told, error_uri: told })),
  (told) => httpAnswer(`401 ${told}`, told),
  (told) => httpAnswer('200 OK', JSON.stringify({ access_token: `no token: ${told}`, token_type: told })),
  (told) => httpAnswer('302 Found', '', `Location: http://127.0.0.1/?${told}\r\n`),
  (told) => `${told}\r\n\r\n`, // No HTTP: Node's error carries what it was.
];
export const echoPaths = echoes.map((_, n) => `/token/${n}`);

export const httpAnswer = (status: string, body: string, header = ''): string =>
  `HTTP/1.1 ${status}\r\n${header}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;

/** A token endpoint at each of `echoPaths`, whose answers hold the secret that it was sent, form-encoded as it came and in clear. */
export const echoingTokenEndpoint = (): Promise<HostileServer> =>
  answering((socket, sent) => {
    const request = sent.toString('latin1');
    const path = /^POST \/token\/(\d)/.exec(request)?.[1];
    const basic = /\r\nAuthorization: Basic (\S+)/.exec(request)?.[1];
    const echo = echoes[Number(path)];
    if (basic === undefined || echo === undefined) return;
    const form = Buffer.from(basic, 'base64').toString();
    const told = `${form} ${decodeURIComponent(form.replaceAll('+', ' '))}`;
    socket.end(echo(told));
  });

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

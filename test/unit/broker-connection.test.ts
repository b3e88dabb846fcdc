import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { expect, test } from 'vitest';
import { BrokerConnection } from '../../activities/kafka/brokerConnection.ts';
import { failureIn, notSentInTime } from '../../activities/kafka/failureNames.ts';
import { newAuthority, newCertificate } from '../harness/certificates.ts';

/** A server on loopback that answers whatever it is sent in this way, and is no Kafka. */
async function withServer<T>(answer: (socket: Socket) => void, use: (connection: BrokerConnection) => Promise<T>) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => answer(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const settings = { clientId: 'test', ssl: undefined, sasl: undefined, allowPrivate: true };
  const connection = new BrokerConnection('127.0.0.1', port, settings, 1_000);
  try {
    return await use(connection);
  } finally {
    connection.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

const lengthOf = (bytes: number): Buffer => {
  const frame = Buffer.alloc(12);
  frame.writeInt32BE(bytes);
  return frame;
};
const connectFailure = (connection: BrokerConnection) =>
  connection.connect().then(
    () => undefined,
    (error: unknown) => failureIn(error).name,
  );

test.each([
  ['of no bytes', 0],
  ['too short for a correlation id', 3],
  ['of a negative length', -5],
  ['of 2 GB', 0x7fffffff],
])('an answer with a frame %s ends the connection, not the process', async (_, bytes) => {
  const failure = await withServer((socket) => socket.write(lengthOf(bytes)), connectFailure);
  expect(failure).toBe('CONNECTION_CLOSED');
});

test('a server that speaks another protocol ends the connection, not the process', async () => {
  const failure = await withServer((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'), connectFailure);
  expect(failure).toBe('CONNECTION_CLOSED');
});

test('a server that hangs up is named as such', async () => {
  const failure = await withServer((socket) => socket.end(), connectFailure);
  expect(failure).toBe('CONNECTION_CLOSED');
});

test('one that hangs up right after the TLS handshake, and says nothing of certificates, is named as such, too', async () => {
  const authority = newAuthority();
  const { pem: cert, keyPem: key } = newCertificate(authority, 'broker', { hosts: ['127.0.0.1'] });
  const server = createTlsServer({ cert, key }, (socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const settings = { clientId: 'test', ssl: { ca: authority.pem }, sasl: undefined, allowPrivate: true };
  const failure = await connectFailure(new BrokerConnection('127.0.0.1', port, settings, 1_000));
  expect(failure).toMatch(/^(CONNECTION_CLOSED|ECONNRESET|EPIPE)$/);
  await new Promise((resolve) => server.close(resolve));
});

test('nothing that listens there is named as such', async () => {
  const connection = await withServer(
    () => undefined,
    async (one) => one,
  );
  const again = new BrokerConnection(
    '127.0.0.1',
    Number(connection.address.split(':')[1]),
    { clientId: 'test', ssl: undefined, sasl: undefined, allowPrivate: true },
    1_000,
  );
  expect(await connectFailure(again)).toBe('ECONNREFUSED');
});

test('what is not wanted any more when its turn comes is not written', async () => {
  await withServer(
    () => undefined,
    async (connection) => {
      await expect(connection.request(0, {}, {}, () => false)).rejects.toBe(notSentInTime);
    },
  );
});

test('a connection that was closed is not opened again behind our back', async () => {
  await withServer(
    () => undefined,
    async (connection) => {
      connection.close();
      expect(await connectFailure(connection)).toBe('CONNECTION_CLOSED');
      await expect(connection.request(0, {}, {})).rejects.toThrow('closed before the request was sent');
    },
  );
});

import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { requests } from 'kafkajs/src/protocol/requests/index.js';
import { expect, test } from 'vitest';
import { BrokerConnection } from '../../activities/kafka/brokerConnection.ts';
import { failureIn, notSentInTime } from '../../activities/kafka/failureNames.ts';
import { metadataKey } from '../../activities/kafka/metadataWithRights.ts';
import { type Certificate, newAuthority, newCertificate } from '../../dev/servers/certificates.ts';
import { until } from '../harness/until.ts';

const noTopics = { topics: [], allowAutoTopicCreation: false };

/** What a broker answers that is asked for the versions of Metadata and ApiVersions. */
function apiVersionsFor(request: Buffer): Buffer {
  const correlationId = request.readInt32BE(8);
  const body = Buffer.alloc(4 + 2 + 4 + 2 * 6 + 4);
  body.writeInt32BE(correlationId);
  body.writeInt32BE(2, 6);
  for (const [at, [key, max]] of [
    [3, 5],
    [18, 2],
  ].entries()) {
    body.writeInt16BE(key ?? 0, 10 + 6 * at);
    body.writeInt16BE(max ?? 0, 14 + 6 * at);
  }
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/** A broker that says which versions it speaks, then reads nothing until it is told to, and answers nothing. */
async function withDeafBroker<T>(
  use: (connect: () => BrokerConnection, read: () => Promise<number>) => Promise<T>,
  tls?: TlsOptions,
): Promise<T> {
  let received = 0;
  let ended = false;
  const over = (): void => {
    ended = true;
  };
  const serve = (socket: Socket): void => {
    socket.on('error', over).on('end', over).on('close', over);
    socket.once('data', (request: Buffer) => {
      socket.pause();
      socket.write(apiVersionsFor(request));
      socket.on('data', (bytes) => {
        received += bytes.length;
      });
      socket.pause();
      open.push(socket);
    });
  };
  const open: Socket[] = [];
  const server = tls ? createTlsServer(tls, serve) : createServer(serve);
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const settings = { clientId: 'test', ssl: tls && { ca: tls.ca }, sasl: undefined, allowPrivate: true };
  try {
    return await use(
      () => new BrokerConnection('127.0.0.1', port, settings, 300),
      async () => {
        for (const socket of open) socket.resume();
        await until('the end of the connection', () => ended);
        return received;
      },
    );
  } finally {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

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

/** A server that hangs up right after the TLS handshake, or, where `isMute` says so of the connection of this number, never answers. */
async function withTlsServer<T>(
  isMute: (count: number) => boolean,
  use: (connect: (shown?: Certificate) => BrokerConnection, count: () => number) => Promise<T>,
): Promise<T> {
  const authority = newAuthority();
  const { pem: cert, keyPem: key } = newCertificate(authority, 'broker', { hosts: ['127.0.0.1'] });
  const tlsServer = createTlsServer({ cert, key }, (socket) => socket.on('error', () => undefined).end());
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    if (!isMute(sockets.size)) tlsServer.emit('connection', socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const settings = { clientId: 'test', sasl: undefined, allowPrivate: true };
  const sslWith = (shown?: Certificate) => ({ ca: authority.pem, cert: shown?.pem, key: shown?.keyPem });
  try {
    return await use(
      (shown) => new BrokerConnection('127.0.0.1', port, { ...settings, ssl: sslWith(shown) }, 1_000),
      () => sockets.size,
    );
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}
const brokenOff = /^(CONNECTION_CLOSED|ECONNRESET|EPIPE)$/;

test('one that hangs up right after the TLS handshake is asked once whether it was for our certificate, not each time', async () => {
  await withTlsServer(
    () => false,
    async (connect, count) => {
      for (const connections of [2, 3, 4]) {
        expect(await connectFailure(connect())).toMatch(brokenOff);
        expect(count()).toBe(connections);
      }
    },
  );
});

test('… for each certificate of ours: a broker that says nothing of one may refuse another', async () => {
  await withTlsServer(
    () => false,
    async (connect, count) => {
      const shown = newCertificate(newAuthority(), 'client');
      for (const connections of [2, 3]) {
        expect(await connectFailure(connect())).toMatch(brokenOff);
        expect(count()).toBe(connections);
      }
      for (const connections of [5, 6]) {
        expect(await connectFailure(connect(shown))).toMatch(brokenOff);
        expect(count()).toBe(connections);
      }
    },
  );
});

test('who is being asked so is let go of when the connection is closed', async () => {
  await withTlsServer(
    (count) => count === 2,
    async (connect, count) => {
      const connection = connect();
      const failure = connectFailure(connection);
      await until('it to be asked', count, (connections) => connections === 2);
      const startedMs = performance.now();
      connection.close();
      expect(await failure).toMatch(brokenOff);
      expect(performance.now() - startedMs).toBeLessThan(2_000); // Not the three seconds that an answer has.
    },
  );
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
      await expect(connection.request(metadataKey, requests.Metadata, noTopics, () => false)).rejects.toBe(
        notSentInTime,
      );
    },
  );
});

const largeBytes = 1_000_000;
const large = {
  topics: Array.from({ length: largeBytes / 1_000 }, () => 'x'.repeat(998)),
  allowAutoTopicCreation: false,
};

test.each(['plaintext', 'TLS'])(
  'of a request that was given up nothing more arrives once the other side reads on, over %s',
  async (over) => {
    const authority = newAuthority();
    const { pem: cert, keyPem: key } = newCertificate(authority, 'broker', { hosts: ['127.0.0.1'] });
    const arrived = await withDeafBroker(
      async (connect, read) => {
        const connection = connect();
        await connection.connect();
        const failure = connection
          .request(metadataKey, requests.Metadata, large)
          .catch((error) => failureIn(error).name);
        expect(await failure).toBe('NO_ANSWER_IN_TIME');
        return await read();
      },
      over === 'TLS' ? { cert, key, ca: authority.pem } : undefined,
    );
    expect(arrived).toBeLessThan(largeBytes);
  },
);

test('a request that is not wanted any more once it is encoded is not written', async () => {
  await withDeafBroker(async (connect, read) => {
    const connection = connect();
    await connection.connect();
    let asked = 0;
    const isWanted = (): boolean => ++asked < 3; // In its turn, after the session was seen to, and right before it is written.
    await expect(connection.request(metadataKey, requests.Metadata, noTopics, isWanted)).rejects.toBe(notSentInTime);
    expect([asked, connection.isUsable]).toEqual([3, false]);
    expect(await read()).toBe(0);
  });
});

test('a connection that was closed is not opened again behind our back', async () => {
  await withServer(
    () => undefined,
    async (connection) => {
      connection.close();
      expect(await connectFailure(connection)).toBe('CONNECTION_CLOSED');
      await expect(connection.request(metadataKey, requests.Metadata, noTopics)).rejects.toThrow(
        'closed before the request was sent',
      );
    },
  );
});

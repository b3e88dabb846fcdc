/** KIP-219: a broker that has answered says for how long it wants to be left alone. */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { BrokerConnection } from '../../activities/kafka/brokerConnection.ts';
import { notSentInTime } from '../../activities/kafka/failureNames.ts';

const keys = { produce: 0, apiVersions: 18 } as const;
const produceVersion = 6; // From this one on the client is to wait, not the broker.
const topic = 't';
const throttleMs = 400;

const int = (bytes: 2 | 4 | 8, value: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 8) buffer.writeBigInt64BE(BigInt(value));
  else buffer.writeIntBE(value, 0, bytes);
  return buffer;
};
const framed = (...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([int(4, body.length), body]);
};
const versions = (correlation: Buffer): Buffer =>
  framed(
    ...[correlation, int(2, 0), int(4, 2)],
    ...[int(2, keys.produce), int(2, 3), int(2, produceVersion)],
    ...[int(2, keys.apiVersions), int(2, 0), int(2, 2), int(4, 0)],
  );
/** Written at offset 0 of partition 0; and the time to wait. */
const written = (correlation: Buffer): Buffer =>
  framed(
    ...[correlation, int(4, 1), int(2, topic.length), Buffer.from(topic), int(4, 1), int(4, 0), int(2, 0)],
    ...[int(8, 0), int(8, -1), int(8, 0), int(4, throttleMs)],
  );

/** Answers one request after the other, and notes when each produce request came, in ms. */
async function withBroker(use: (connection: BrokerConnection, cameAtMs: readonly number[]) => Promise<void>) {
  const cameAtMs: number[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (request) => {
      const correlation = request.subarray(8, 12);
      if (request.readInt16BE(4) === keys.apiVersions) return void socket.write(versions(correlation));
      cameAtMs.push(performance.now());
      socket.write(written(correlation));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const settings = { clientId: 'test', ssl: undefined, sasl: undefined, allowPrivate: true };
  const connection = new BrokerConnection('127.0.0.1', port, settings, 5_000);
  try {
    await connection.connect();
    await use(connection, cameAtMs);
  } finally {
    connection.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

const record = { key: Buffer.from('k'), value: Buffer.from('{}'), headers: {} };
const one = {
  acks: -1,
  timeout: 1_000,
  topicData: [{ topic, partitions: [{ partition: 0, messages: [record] }] }],
};

test('the next request is written once the time is over for which the broker throttles us, and not before', async () => {
  await withBroker(async (connection, cameAtMs) => {
    const first = await connection.produce(one, () => true);
    expect(first.topics[0]?.partitions[0]).toMatchObject({ partition: 0, errorCode: 0, baseOffset: '0' });
    await connection.produce(one, () => true);
    const [answered = 0, second = 0] = cameAtMs;
    expect(second - answered).toBeGreaterThan(throttleMs - 2); // Timers know whole ms alone.
  });
});

test('a request that is given up while the broker throttles us is not written', async () => {
  await withBroker(async (connection, cameAtMs) => {
    await connection.produce(one, () => true);
    const givenUpAtMs = performance.now() + throttleMs / 2;
    const late = connection.produce(one, () => performance.now() < givenUpAtMs);
    await expect(late).rejects.toBe(notSentInTime);
    expect(cameAtMs).toHaveLength(1);
    expect(performance.now()).toBeGreaterThan(givenUpAtMs);
  });
});

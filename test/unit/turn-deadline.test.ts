import { Client, credentials, Server, ServerCredentials, type ServiceError, status } from '@grpc/grpc-js';
import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endContextsWithTheirCalls } from '../../api/temporal.ts';
import { turnDeadline, withTurnDeadline } from '../../api/turnDeadline.ts';

const bytes = (value: Buffer): Buffer => value;
const method = { path: '/s/m', requestStream: false, responseStream: false } as const;
const encoding = {
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
};
const server = new Server();
/** Whether the calls that came had a deadline. */
const hadDeadline: boolean[] = [];
let isSilent = false;
let client: Client;
beforeAll(async () => {
  server.addService(
    { m: { ...method, ...encoding } },
    {
      m: (call: { getDeadline(): Date | number }, answer: (error: null, value: Buffer) => void) => {
        hadDeadline.push(Number.isFinite(Number(call.getDeadline())));
        if (!isSilent) answer(null, Buffer.from('ok'));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { interceptors: [turnDeadline] });
});
afterAll(() => {
  client.close();
  server.forceShutdown();
});

const ask = (): Promise<string> =>
  new Promise((resolve, reject) => {
    client.makeUnaryRequest(method.path, bytes, bytes, Buffer.from('?'), (error: ServiceError | null, value) =>
      error ? reject(error) : resolve(String(value)),
    );
  });

test('a call that is begun at once has the deadline, and none that is begun later', async () => {
  hadDeadline.length = 0;
  await withTurnDeadline(Date.now() + 60_000, async () => {
    await ask();
    await ask();
  });
  await ask();
  expect(hadDeadline).toEqual([true, false, false]);
});

test('a call that nobody answers ends by its deadline', async () => {
  isSilent = true;
  const asked = withTurnDeadline(Date.now() + 200, ask);
  await expect(asked).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
  isSilent = false;
});

test("Temporal's own deadlines hold through awaits, each for its call, and are out of use after the last", async () => {
  const connection = Connection.lazy();
  endContextsWithTheirCalls(connection);
  const kept = () => connection.callContextStorage.getStore()?.deadline;
  let letGo = (): void => undefined;
  const isLetGo = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const long = connection.withDeadline(2, async () => {
    await isLetGo;
    return kept();
  });
  const short = connection.withDeadline(1, async () => {
    await Promise.resolve();
    return kept();
  });
  expect(await short).toBe(1);
  letGo();
  expect(await long).toBe(2);
  expect(Reflect.get(connection.callContextStorage, 'enabled')).toBe(false);
  await expect(connection.withDeadline(3, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(Reflect.get(connection.callContextStorage, 'enabled')).toBe(false);
});

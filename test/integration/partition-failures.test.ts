import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../dev/servers/ports.ts';
import { type Causeway, startCauseway } from '../harness/causeway.ts';
import { untilDelivery } from '../harness/eventLog.ts';
import { type Kfake, startKfake } from '../harness/kfake.ts';
import { keyOf } from '../harness/partitionKey.ts';

let kfake: Kfake;
let causeway: Causeway;
beforeAll(async () => {
  kfake = await startKfake({ brokers: 2 });
  causeway = await startCauseway({ kafka: kfake, workerEnv: { CAUSEWAY_WAIT_AFTER_MS: '1000' } });
});
afterAll(async () => {
  await causeway.stop();
  await kfake.stop();
});

test('of an attempt in which two partitions failed each record shows the error of its own', async () => {
  const { api } = causeway;
  const topic = await kfake.newTopic(2);
  const notEnoughReplicas = 19;
  const requestTimedOut = 7;
  await kfake.fault({ api: 'Produce', topic, partitions: [0], code: notEnoughReplicas, count: 1 });
  await kfake.fault({ api: 'Produce', topic, partitions: [1], code: requestTimedOut, count: 1 });
  const { customerExternalId } = await causeway.createDestination({
    ...{ topic, partitionKey: 'payload.key', ordering: { lanes: 1 } },
  });
  const event = (partition: number) => ({
    ...{ eventType: 'e', customerExternalId, payload: { key: keyOf(partition, 2) } },
  });
  const { body } = await api.postBatch([event(0), event(1)]);
  const ids = (body as { results: { id: string }[] }).results.map(({ id }) => id); // What a 202 holds.

  const shown = ids.map(async (id) => {
    const { attempts } = await untilDelivery('delivery', api, id, ({ status }) => status === 'delivered');
    return attempts.map(({ outcome, partition, error }) => [outcome, partition, error?.name, error?.code]);
  });

  expect(await Promise.all(shown)).toEqual([
    [
      ['failed', 0, 'NOT_ENOUGH_REPLICAS', notEnoughReplicas],
      ['delivered', 0, undefined, undefined],
    ],
    [
      ['unknown', 1, 'REQUEST_TIMED_OUT', requestTimedOut],
      ['delivered', 1, undefined, undefined],
    ],
  ]);
});

test('a record that arrives corrupt each time is parked after a hold too, and those of other partitions go on', async () => {
  const { api } = causeway;
  const topic = await kfake.newTopic(2);
  const corruptMessage = 2;
  await kfake.fault({ api: 'Produce', topic, partitions: [0], code: corruptMessage });
  const { id, customerExternalId } = await causeway.createDestination({
    ...{ topic, partitionKey: 'payload.key', ordering: { lanes: 1 }, brokers: [`127.0.0.1:${await freePort()}`] },
  });
  const event = (partition: number) => ({
    ...{ eventType: 'e', customerExternalId, payload: { key: keyOf(partition, 2) } },
  });
  const { body } = await api.postBatch([event(0), event(1)]);
  const [corrupt = '', other = ''] = (body as { results: { id: string }[] }).results.map((result) => result.id); // What a 202 holds.
  await untilDelivery('a hold', api, corrupt, ({ status }) => status === 'waiting');

  const patched = await api.request('PATCH', `/v1/destinations/${id}`, { brokers: kfake.brokers });
  expect(patched.status, patched.text).toBe(200);
  const parked = await untilDelivery('a dead letter', api, corrupt, ({ status }) => status === 'parked');
  expect(parked.error).toMatchObject({ kind: 'recordAtFault', name: 'CORRUPT_MESSAGE', code: corruptMessage });
  await untilDelivery('delivery', api, other, ({ status }) => status === 'delivered');
  const later = await api.postBatch([event(1)]);
  const [next = ''] = (later.body as { results: { id: string }[] }).results.map((result) => result.id);
  await untilDelivery('delivery of a later event', api, next, ({ status }) => status === 'delivered');
});

test("an error that no table has is counted under its own name at the worker's /metrics", async () => {
  const { api, logDir } = causeway;
  const topic = await kfake.newTopic(1);
  await kfake.fault({ api: 'Produce', topic, partitions: [0], code: 999, count: 1 });
  const { customerExternalId } = await causeway.createDestination({ topic });
  const { body } = await api.postBatch([{ eventType: 'e', customerExternalId, payload: {} }]);
  const [id = ''] = (body as { results: { id: string }[] }).results.map((result) => result.id); // What a 202 holds.
  const { attempts } = await untilDelivery('delivery', api, id, ({ status }) => status === 'delivered');
  const name = String(attempts[0]?.error?.name);
  expect(name).toContain('999');

  const url = /"url":"(http:[^"]+\/metrics)"/.exec(await readFile(join(logDir, 'worker.log'), 'utf8'))?.[1];
  const metrics = await (await fetch(String(url))).text();
  expect(metrics).toContain(`causeway_unlisted_errors_total{error="${name}"} 1\n`);
  expect(metrics).toContain('process_resident_memory_bytes');
});

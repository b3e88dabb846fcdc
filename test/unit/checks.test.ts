import { expect, onTestFinished, test } from 'vitest';
import { kafkaChecks } from '../../api/kafkaChecks.ts';
import { type Polled, workerCheck, workerVersionCheck } from '../../api/workerChecks.ts';
import { clockOffMs } from '../../domain/clocks.ts';
import { CausewayError } from '../../domain/error.ts';
import { answering } from '../harness/hostileServers.ts';
import { plainDestination } from '../harness/plainDestination.ts';

test('however many destinations there are, and however silent, Kafka is checked in a bounded time, those first that lanes hold for', async () => {
  const silent = await answering(() => undefined); // As some firewalls are.
  onTestFinished(() => silent.stop());
  const opened: string[] = [];
  const destinations = {
    newest: async () => ({ ids: Array.from({ length: 40 }, (_, n) => `dst_${n}`), count: 10_000 }),
    open: async (id: string) => {
      opened.push(id);
      return { ...plainDestination(id, { brokers: [silent.address] }), secrets: {}, allowPrivate: true };
    },
  };
  const limits = { askedMax: 40, atOnceMax: 10, testMsMax: 300, beginWithinMs: 250 };
  const beganMs = performance.now();
  const [all, ...rows] = await kafkaChecks({ destinations, limits, held: async () => ['dst_held'] });
  expect(performance.now() - beganMs).toBeLessThan(3_000);
  expect(opened.slice(0, 2)).toEqual(['dst_held', 'dst_0']);
  expect(all).toMatchObject({ name: 'kafka', status: 'warning' });
  expect(all?.detail).toMatch(
    /^\d+ of 10000 destinations were asked: \d+ can't be delivered to, and for \d+ there was no time$/,
  );
  expect(rows.map(({ status }) => status)).toEqual(Array(10).fill('warning'));
  expect(rows[0]).toMatchObject({ name: 'kafka dst_held', detail: expect.stringContaining('CONNECT_TIMEOUT') });
});

test('credentials that can not be opened are ours to mend; that Temporal does not answer keeps Kafka from being checked no more than a store', async () => {
  const destinations = {
    newest: async () => ({ ids: ['dst_a'], count: 1 }),
    open: () => Promise.reject(new CausewayError('secret_key_missing', 'The key ring lacks k1.')),
  };
  const held = () => Promise.reject(new Error('no Temporal'));
  expect(await kafkaChecks({ destinations, held })).toMatchObject([
    { name: 'kafka', status: 'warning' },
    { name: 'kafka dst_a', status: 'failing', detail: expect.stringContaining('lacks k1') },
  ]);
});

test('a worker that has polled once and is gone is none, though Temporal still lists it', () => {
  const nowMs = Date.now();
  const polled = (agoMs: number): Polled[] => [
    { queue: 'q', kind: 'workflows', pollers: [{ identity: '1@h', buildId: '0.0.1+a', atMs: nowMs - agoMs }] },
  ];
  expect(workerCheck(polled(70_000), nowMs).status).toBe('ok');
  expect(workerCheck(polled(120_000), nowMs)).toMatchObject({
    ...{ status: 'failing', detail: 'nobody polls q (workflows); the last time somebody did was 120 s ago' },
  });
  expect(workerVersionCheck(polled(0), nowMs)).toMatchObject({
    ...{ status: 'warning', detail: expect.stringContaining('workers 0.0.1') },
  });
  expect(workerVersionCheck(polled(120_000), nowMs)).toMatchObject({ detail: 'there is no worker to ask' });
});

test('what a question takes is no fault of a clock', () => {
  expect(clockOffMs(1_000, { askedMs: 0, answeredMs: 2_000 })).toBe(0);
  expect(clockOffMs(0, { askedMs: 0, answeredMs: 2_000 })).toBe(0);
  expect(clockOffMs(10_000, { askedMs: 0, answeredMs: 2_000 })).toBe(8_000);
  expect(clockOffMs(-10_000, { askedMs: 0, answeredMs: 2_000 })).toBe(10_000);
});

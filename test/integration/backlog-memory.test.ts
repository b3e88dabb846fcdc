import { afterAll, beforeAll, expect, test } from 'vitest';
import { peakMiB, residentMiB } from '../../bench/cpu/memory.ts';
import { laneWorkflowId } from '../../domain/lane.ts';
import { type LaneStatus, laneQueries } from '../../domain/laneMessages.ts';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';
import { closedPort } from '../harness/hostileServers.ts';
import { type TestTemporal, testTemporal } from '../harness/temporal.ts';

const minutes = 60_000;
/** Large events: a backlog that a process kept would be seen beside what its heap does by itself. */
const eventBytes = 20_000;
const perPost = 100;
/** Once a quarter of them wait, a process has grown to about what it needs, and 180 MB are still to come. */
const events = 12_000;
/** What a heap grows by all the same, until its garbage is collected: 6 to 81 MiB were seen. */
const growthMiBMax = 150;
/** What docs/decisions/overflow.md states, of whatever backlog. */
const boundMiB = { api: 512, worker: 1_100 };

let causeway: Causeway;
let temporal: TestTemporal;
beforeAll(async () => {
  causeway = await startCauseway({ workerEnv: { CAUSEWAY_WAIT_AFTER_MS: '2000' } });
  temporal = await testTemporal(causeway);
});
afterAll(async () => {
  await temporal.stop();
  await causeway.stop();
});

const ofBoth = async (measured: (pid: number | undefined) => Promise<number>) => ({
  api: await measured(causeway.apiProcess.pid),
  worker: await measured(causeway.worker.pid),
});

test('a backlog of 240 MB for one key of a destination that is down stays in neither process, on its way in or out', {
  timeout: 8 * minutes,
}, async () => {
  const { id, customerExternalId } = await causeway.createDestination({ brokers: [await closedPort()] });
  const lane = temporal.client.workflow.getHandle(laneWorkflowId(id, customerExternalId));
  const status = () => lane.query<LaneStatus>(laneQueries.status);
  let sent = 0;
  const sendUpTo = async (count: number): Promise<void> => {
    for (; sent < count; sent += perPost) {
      const batch = Array.from({ length: perPost }, (_, n) => ({
        ...{ eventType: 'e', customerExternalId, idempotencyKey: `${sent + n}` },
        payload: { n: sent + n, filler: 'x'.repeat(eventBytes) },
      }));
      await until(
        'a batch to be accepted',
        () => causeway.api.postBatch(batch),
        (answer) => answer.status === 202,
        minutes,
      );
    }
    await until('all to wait', status, ({ waitingEvents }) => waitingEvents === count, 2 * minutes);
  };
  await sendUpTo(events / 4);
  const begun = await ofBoth(residentMiB);
  await sendUpTo(events);
  const { state, overflow } = await status();
  expect([state, (overflow?.segments ?? 0) > 150]).toEqual(['Waiting', true]);
  const held = await ofBoth(residentMiB);
  expect(held.api - begun.api).toBeLessThan(growthMiBMax);
  expect(held.worker - begun.worker).toBeLessThan(growthMiBMax);

  const { brokers } = causeway.kafka;
  expect((await causeway.api.request('PATCH', `/v1/destinations/${id}`, { brokers })).status).toBe(200);
  await until('all to be delivered', status, ({ counts }) => counts.delivered === events, 4 * minutes);
  const most = await ofBoth(peakMiB);
  expect(most.api).toBeLessThan(boundMiB.api);
  expect(most.worker).toBeLessThan(boundMiB.worker);
});

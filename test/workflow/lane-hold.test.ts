import { describe, expect, test } from 'vitest';
import type { Failed, ProduceRequest } from '../../domain/attempt.ts';
import { idOf } from '../harness/laneSteps.ts';
import { timeSkipping } from '../harness/timeSkipping.ts';
import { until } from '../harness/until.ts';
import { answer, noting, numbersIn, withLane } from '../harness/workflowLane.ts';

const noAccess: Failed = {
  kind: 'destinationAtFault',
  name: 'TOPIC_AUTHORIZATION_FAILED',
  message: 'no',
  remedy: 'Grant it.',
};
const unreachable: Failed = { kind: 'transient', name: 'ECONNREFUSED', message: 'refused', remedy: 'See.' };

describe('a lane that holds', () => {
  const server = timeSkipping();

  test('keeps its queue, in order, while the destination is at fault, through a new run too, until resumed', async () => {
    const sent: number[] = [];
    let isMended = false;
    await withLane(
      server,
      (block) => {
        if (!isMended) return { onDeadLetter: 'continue', attempts: [], landed: [], refused: [], suspended: noAccess };
        sent.push(...numbersIn(block));
        return answer(block);
      },
      async ({ enqueue, handle, status }) => {
        const { runId } = await enqueue([0], 0);
        for (let n = 1; n < 30; n++) await enqueue([n], 0);
        await until('a new run', async () => (await handle.describe()).runId !== runId);
        const before = await status();
        expect(before).toMatchObject({
          state: 'Suspended',
          waitingEvents: 30,
          hold: { kind: 'suspended', error: { name: 'TOPIC_AUTHORIZATION_FAILED' } },
        });
        for (const ids of [[], ['evt_nobody'], [idOf(3)]]) await handle.signal('replay', { ids });
        await handle.signal('resume', 7);
        expect(await status()).toEqual(before);
        isMended = true;
        await handle.signal('resume');
        await until('30 to be sent', () => sent.length === 30);
        expect(sent).toEqual(Array.from({ length: 30 }, (__, n) => n));
      },
      { historyEventsMax: 20 },
    );
  });

  test('waits while the destination is down, through a new run too, until the keeper wakes it, and says so to produce', async () => {
    const sent: number[] = [];
    let isUp = false;
    const requests: ProduceRequest[] = [];
    await withLane(
      server,
      (block, _, request) => {
        requests.push(request);
        if (!isUp) return { attempts: [], landed: [], refused: [], waiting: unreachable, version: 4 };
        sent.push(...numbersIn(block));
        return answer(block);
      },
      async ({ enqueue, handle, status }) => {
        const { runId } = await enqueue([0], 0);
        for (let n = 1; n < 30; n++) await enqueue([n], 0);
        await until('a new run', async () => (await handle.describe()).runId !== runId);
        expect(await status()).toMatchObject({ state: 'Waiting', waitingEvents: 30 });
        for (const input of [undefined, 7, {}, { version: 'x' }]) await handle.signal('wake', input);
        isUp = true;
        expect(await status()).toMatchObject({ state: 'Waiting', waitingEvents: 30 });
        await handle.signal('wake', { version: 5 });
        await until('30 to be sent', () => sent.length === 30);
        expect(sent).toEqual(Array.from({ length: 30 }, (__, n) => n));
        const woken = requests.find(({ resumed }) => resumed);
        expect(woken?.resumed).toMatchObject({
          by: 'keeper',
          version: 5,
          from: { kind: 'waiting', version: 4 },
          holds: 1,
        });
        await enqueue([30]);
        await until('31 to be sent', () => sent.length === 31);
        expect(requests.at(-1)?.resumed).toBeUndefined();
      },
      { historyEventsMax: 20 },
    );
  });

  test('tries by itself after a quarter of an hour where nobody wakes it', async () => {
    const sent: number[] = [];
    const begins: number[] = [];
    await withLane(
      server,
      async (block, attempt, request) => {
        begins.push(await server.env.currentTimeMs());
        if (attempt < 3) return { attempts: [], landed: [], refused: [], waiting: unreachable };
        expect(request.resumed).toMatchObject({ by: 'timer', holds: 2 });
        sent.push(...numbersIn(block));
        return answer(block);
      },
      async ({ enqueue }) => {
        await enqueue([1]);
        await until('the first try', () => begins.length === 1);
        await server.env.sleep('50 minutes');
        await until('1 to be sent', () => sent.length === 1);
        const [first = 0, second = 0, third = 0] = begins;
        expect([second - first, third - second].map((ms) => Math.round(ms / 60_000))).toEqual([15, 30]);
      },
    );
  });

  test('waits while it is paused, and takes events in', async () => {
    const { sent, produce } = noting();
    await withLane(server, produce, async ({ enqueue, handle, status }) => {
      await enqueue([1]);
      await until('1 to be sent', () => sent.length === 1);
      await handle.signal('pause', { reason: 'maintenance', by: 'ops' });
      await enqueue([2]);
      expect(await status()).toMatchObject({
        state: 'Paused',
        waitingEvents: 1,
        paused: { by: 'ops' },
      });
      await handle.signal('resume');
      await until('2 to be sent', () => sent.length === 2);
    });
  });
});

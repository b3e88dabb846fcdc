import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type proto from '@temporalio/proto';
import { describe, expect, test } from 'vitest';
import { idOf } from '../harness/laneSteps.ts';
import { timeSkipping } from '../harness/timeSkipping.ts';
import { until } from '../harness/until.ts';
import { answer, noting, numbersIn, withLane } from '../harness/workflowLane.ts';

const timersIn = ({ events }: proto.temporal.api.history.v1.IHistory): number =>
  (events ?? []).filter((event) => event.timerStartedEventAttributes).length;

describe('the lane workflow', () => {
  const server = timeSkipping();

  test('delivers in the order of its signals, and an id that it has seen only once', async () => {
    const { sent, produce } = noting();
    await withLane(server, produce, async ({ enqueue, status }) => {
      await enqueue([1, 2, 3]);
      await enqueue([2, 4]);
      await enqueue([3]);
      await enqueue([5, 5]);
      await until('5 to be sent', () => sent.length >= 5);
      expect(sent).toEqual([1, 2, 3, 4, 5]);
      expect((await status()).counts).toMatchObject({
        accepted: 5,
        repeated: 3,
        delivered: 5,
      });
    });
  });

  /** A signal of two events, twice the same id, each `pauseMs`; each tenth promises quiet, and keeps it. */
  async function stream(quietMs: number, isEnough: (sentSignals: number, runs: number) => boolean) {
    const { sent, produce } = noting();
    const runs = new Set<string>();
    let signals = 0;
    await withLane(
      server,
      produce,
      async ({ enqueue }) => {
        for (; !isEnough(signals, runs.size); signals++) {
          const promisedMs = signals % 10 === 9 ? quietMs : 0;
          runs.add((await enqueue([signals, signals], promisedMs)).runId);
          await new Promise((resolve) => setTimeout(resolve, Math.max(promisedMs, pauseMs(signals))));
        }
        await until('all to be sent', () => sent.length >= signals);
        expect(sent).toEqual(Array.from({ length: signals }, (_, i) => i));
      },
      { historyEventsMax: 60 },
    );
    return { runs: runs.size, signals };
  }
  /** Slower and slower, until a run can end between two signals: how much time that takes is the machine's. */
  const pauseMs = (signals: number): number => Math.min(2_000, 20 * 2 ** Math.floor(signals / 50));
  const streamMsMax = 300_000;

  test(
    'continues as new under a constant stream of signals with moments of promised quiet, and loses and repeats nothing',
    async () => {
      const { runs } = await stream(500, (signals, runs) => runs >= 3 || signals >= 600);
      expect(runs).toBeGreaterThanOrEqual(3);
    },
    streamMsMax,
  );

  test(
    'loses and repeats nothing of a stream that never promises quiet, whose signals cross the end of a run',
    async () => {
      const { runs } = await stream(0, (signals, runs) => runs >= 2 || signals >= 600);
      expect(runs).toBe(2);
    },
    streamMsMax,
  );

  test('tries again at least every five seconds, as long as it has not given the wait to a keeper', async () => {
    const triedAtMs: number[] = [];
    await withLane(
      server,
      (block, attempt) => {
        triedAtMs.push(Context.current().info.currentAttemptScheduledTimestampMs);
        if (attempt < 12) throw ApplicationFailure.create({ message: 'down', type: 'ECONNREFUSED' });
        return answer(block);
      },
      async ({ enqueue }) => {
        await enqueue([1]);
        await server.env.sleep('2 minutes');
        await until('it to be sent', () => triedAtMs.length === 12);
      },
    );
    const pausesMs = triedAtMs.slice(1).map((atMs, n) => atMs - (triedAtMs[n] ?? 0));
    expect(Math.max(...pausesMs)).toBeLessThan(6_000); // Temporal's timers have a resolution of a second.
    expect(Math.max(...pausesMs)).toBeGreaterThan(3_900);
  });

  test('tries again what failed in passing until it is through, and what came meanwhile after it', async () => {
    const sent: number[] = [];
    await withLane(
      server,
      (block, attempt) => {
        if (attempt < 4) throw ApplicationFailure.create({ message: 'moved', type: 'NOT_LEADER_OR_FOLLOWER' });
        sent.push(...numbersIn(block));
        return answer(block);
      },
      async ({ enqueue }) => {
        await enqueue([1]);
        await enqueue([2]);
        await server.env.sleep('1 minute');
        await until('2 to be sent', () => sent.length === 2);
        expect(sent).toEqual([1, 2]);
      },
    );
  });

  test('parks a record that is refused for good, lets the others pass, and replays it on a signal', async () => {
    const sent: number[] = [];
    let isMended = false;
    await withLane(
      server,
      (block) => {
        const outcome = answer(block, (n) => n === 2 && !isMended);
        const refused = new Set(outcome.refused.map(({ position }) => position));
        sent.push(...numbersIn(block).filter((__, position) => !refused.has(position)));
        return outcome;
      },
      async ({ enqueue, handle, status, deadLetters }) => {
        await enqueue([1, 2, 3]);
        await until('2 to be sent', () => sent.length === 2);
        await until('a dead letter', deadLetters, ({ length }) => length === 1);
        expect(await deadLetters()).toMatchObject([
          { eventId: `evt_${idOf(2)}`, partitionKey: 'k2', error: { name: 'MESSAGE_TOO_LARGE' } },
        ]);
        expect((await status()).state).toBe('Parked');
        isMended = true;
        await handle.signal('replay');
        await until('3 to be sent', () => sent.length === 3);
        expect(sent).toEqual([1, 3, 2]);
        await until('its status', status, (seen) => seen.state === 'Delivering');
      },
    );
  });

  test('shows in its next run what changed while it waited to continue as new', async () => {
    await withLane(
      server,
      (block) => answer(block),
      async ({ enqueue, handle }) => {
        const { runId } = await enqueue([0], 0); // No promise: the lane waits for one, its run being long.
        await until('its timers', async () => timersIn(await handle.fetchHistory()) >= 2); // The one that closes it, and this.
        await handle.signal('pause');
        await until('a new run', async () => (await handle.describe()).runId !== runId);
        // Temporal gives a run the attributes of the one before it; the time-skipping server does not.
        const before = await server.env.client.workflow.getHandle(handle.workflowId, runId).describe();
        expect(before.searchAttributes).toMatchObject({ DeliveryState: ['Paused'] });
      },
      { historyEventsMax: 6 },
    );
  });

  test('continues as new at once on a promise that came with the event that made its run long', async () => {
    const { sent, produce } = noting();
    await withLane(
      server,
      produce,
      async ({ enqueue, handle }) => {
        const { runId } = await enqueue([0]);
        await until('all of the first', async () => (await handle.describe()).historyLength === 12); // All of the first event.
        await enqueue([1], 250);
        await until('2 to be sent', () => sent.length === 2);
        expect((await handle.describe()).runId).not.toBe(runId);
        const before = await server.env.client.workflow.getHandle(handle.workflowId, runId).fetchHistory();
        expect(timersIn(before)).toBe(1); // The one that closes it: it did not wait for another promise.
      },
      { historyEventsMax: 13 },
    );
  });

  test('closes when it is empty and its dedup window has run out, and the next event starts it anew', async () => {
    const { sent, produce } = noting();
    await withLane(server, produce, async ({ enqueue, handle }) => {
      const first = await enqueue([1]);
      await until('1 to be sent', () => sent.length === 1);
      await handle.result();
      const second = await enqueue([1]);
      expect(second.runId).not.toBe(first.runId);
      await until('2 to be sent', () => sent.length === 2);
    });
  });
});

import { Context } from '@temporalio/activity';
import { describe, expect, test } from 'vitest';
import { laneTimeouts, quickerAtEvents } from '../../domain/laneTimeouts.ts';
import { timeSkipping } from '../harness/timeSkipping.ts';
import { until } from '../harness/until.ts';
import { answer, type Lane, withLane } from '../harness/workflowLane.ts';

/** What the lane's run was started with, in ms. */
const workflowTaskMsOf = async ({ handle }: Lane): Promise<number> => {
  const { events } = await handle.fetchHistory();
  const { seconds, nanos } = events?.[0]?.workflowExecutionStartedEventAttributes?.workflowTaskTimeout ?? {};
  return Number(seconds ?? 0) * 1_000 + (nanos ?? 0) / 1e6;
};

describe("a lane's timeouts", () => {
  const server = timeSkipping();

  test('are short once its worker says that it is calm, long before its run is full, and long again once it does not', async () => {
    let isCalm = false;
    let sent = 0;
    const heartbeatsMs: (number | undefined)[] = [];
    const produce = (block: Parameters<typeof answer>[0]) => {
      heartbeatsMs.push(Context.current().info.heartbeatTimeoutMs);
      sent += block.entries.length;
      return { ...answer(block), ...(isCalm && { isCalm: true as const }) };
    };
    await withLane(
      server,
      produce,
      async (lane) => {
        const deliver = async (): Promise<void> => {
          const wanted = sent + 1;
          await lane.enqueue([sent], 500);
          await until('the event to be sent', () => sent >= wanted);
        };
        for (let n = 0; n < quickerAtEvents / 3; n++) await deliver();
        expect(await workflowTaskMsOf(lane)).toBe(laneTimeouts(false).workflowTaskMs);
        expect(new Set(heartbeatsMs)).toEqual(new Set([laneTimeouts(false).heartbeatMs]));

        isCalm = true;
        await deliver();
        await until('a run with the shorter timeout', async () => {
          await deliver();
          return (await workflowTaskMsOf(lane)) === laneTimeouts(true).workflowTaskMs;
        });
        heartbeatsMs.length = 0;
        await deliver();
        expect(heartbeatsMs).toEqual([laneTimeouts(true).heartbeatMs]);

        isCalm = false;
        await deliver();
        await deliver();
        expect(heartbeatsMs.at(-1)).toBe(laneTimeouts(false).heartbeatMs);
        // The run is not cut short for it: what ends a run is dearest when there is no time.
        expect(await workflowTaskMsOf(lane)).toBe(laneTimeouts(true).workflowTaskMs);
        await until('a run with the longer timeout', async () => {
          await deliver();
          return (await workflowTaskMsOf(lane)) === laneTimeouts(false).workflowTaskMs;
        });
      },
      { historyEventsMax: 200 },
    );
  }, 120_000);
});

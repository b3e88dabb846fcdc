import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { carried } from '../../domain/carriedLane.ts';
import { defaultLaneLimits, laneWorkflowId } from '../../domain/lane.ts';
import { type LaneStatus, laneQueries } from '../../domain/laneMessages.ts';
import { type LaneState, newLaneState } from '../../domain/laneState.ts';
import { fault, idOf } from '../harness/laneSteps.ts';
import { ask, timeSkipping } from '../harness/timeSkipping.ts';
import { until } from '../harness/until.ts';

const count = 1_500;
const all = Array.from({ length: count }, (_, n) => n);

/** A lane that has so many dead letters, each in a holder of its own. */
function manyHeld(): LaneState {
  const lane = newLaneState(defaultLaneLimits);
  const parked = { parkedAtMs: 1, error: fault };
  return {
    ...lane,
    deadLetters: all.map((n) => ({
      ...parked,
      delivery: { id: idOf(n), key: 'k', length: 250_000, body: { holder: n, at: 0 } },
    })),
    holders: all.map((number) => ({ number, runId: randomUUID() })),
    overflow: { ...lane.overflow, name: 'name', nextNumber: count },
  };
}

describe('a lane that lets many holders go at once', () => {
  const server = timeSkipping();

  test('closes them part by part, none twice, though each takes a while', async () => {
    const taskQueue = randomUUID();
    const parts: string[][] = [];
    const closeSegments = async ({ taken }: { taken: string[] }): Promise<void> => {
      await sleep(taken.length); // 10 ms each, ten at once.
      parts.push(taken);
    };
    const worker = await server.workflowWorker(taskQueue, { activities: { closeSegments } });
    const start = {
      destinationId: `dst_${randomUUID()}`,
      customerExternalId: 'c',
      lane: 'k',
      limits: defaultLaneLimits,
    };
    const workflowId = laneWorkflowId(start.destinationId, 'k');
    await worker.runUntil(async () => {
      const handle = await server.env.client.workflow.start('lane', {
        ...{ workflowId, taskQueue, args: [start, ...carried(manyHeld(), Date.now())] },
      });
      const status = () => ask<LaneStatus>(server, handle, laneQueries.status);
      await until('its dead letters', status, ({ deadLetters }) => deadLetters === count);
      await handle.signal('discard', { all: true });
      await until('all to be closed', () => parts.flat().length >= count);
      expect(new Set(parts.flat()).size).toBe(count);
      expect(Math.max(...parts.map(({ length }) => length))).toBe(100);
      expect(await status()).toMatchObject({ deadLetters: 0, counts: { discarded: count } });
      await handle.terminate('the test is over');
    });
  });
});

import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { describe, expect, test } from 'vitest';
import type { Outcome, ProduceRequest } from '../../domain/attempt.ts';
import type { Block } from '../../domain/block.ts';
import { dataConverter } from '../../domain/dataConverter.ts';
import { slowTaskQueue } from '../../domain/lane.ts';
import { timeSkipping } from '../harness/timeSkipping.ts';
import { until } from '../harness/until.ts';
import { answer, newLane, numbersIn, whileWorking } from '../harness/workflowLane.ts';

const nothingBegun: Outcome = { onDeadLetter: 'continue', attempts: [], landed: [], refused: [], slow: true };

describe('a lane whose destination is slow', () => {
  const server = timeSkipping();

  /** Where each batch was given, and what was in it. */
  async function withPlaces(
    produce: (place: 'usual' | 'slow', block: Block, request: ProduceRequest) => Outcome | Promise<Outcome>,
    use: (lane: ReturnType<typeof newLane>, given: [place: string, ...numbers: number[]][]) => Promise<void>,
  ): Promise<void> {
    const taskQueue = randomUUID();
    const given: [place: string, ...numbers: number[]][] = [];
    const activitiesOf = (place: 'usual' | 'slow') => ({
      produce: (request: ProduceRequest, block: Block) => {
        given.push([place, ...numbersIn(block)]);
        return produce(place, block, request);
      },
    });
    const usual = await server.workflowWorker(taskQueue, { activities: activitiesOf('usual') });
    const slow = await Worker.create({
      connection: server.env.nativeConnection,
      dataConverter,
      taskQueue: slowTaskQueue(taskQueue),
      activities: activitiesOf('slow'),
    });
    const lane = newLane(server, taskQueue, { historyEventsMax: 20 });
    await slow.runUntil(() => whileWorking(usual, lane, () => use(lane, given)));
  }

  const runOf = async (handle: WorkflowHandle): Promise<string> => (await handle.describe()).runId;

  test('sends its batches from the places for such, through new runs too, until one finds it quick again', async () => {
    let isSlow = true;
    await withPlaces(
      (place, block, { slow }) => {
        expect(slow).toBe(place === 'slow');
        if (place === 'usual') return isSlow ? nothingBegun : answer(block);
        return isSlow ? answer(block) : { ...answer(block), slow: false };
      },
      async ({ enqueue, handle }, given) => {
        const { runId } = await enqueue([0], 0);
        await until('the first', () => given.length === 2);
        expect(given).toEqual([
          ['usual', 0],
          ['slow', 0],
        ]);
        for (let n = 1; n < 12; n++) {
          await enqueue([n], 0);
          await until('the next', () => given.length === n + 2);
        }
        await until('a new run', async () => (await runOf(handle)) !== runId);
        isSlow = false;
        await enqueue([12], 0);
        await until('it in its new run', () => given.length === 14);
        expect(given.slice(2)).toEqual(Array.from({ length: 12 }, (_, n) => ['slow', n + 1]));
        await enqueue([13], 0);
        await until('the last', () => given.length === 15);
        expect(given.at(-1)).toEqual(['usual', 13]);
      },
    );
  });

  test('sends what stepped aside before what came meanwhile', async () => {
    let more = (): void => undefined;
    const hasCome = new Promise<void>((resolve) => {
      more = resolve;
    });
    await withPlaces(
      async (place, block) => {
        if (place === 'slow') return answer(block);
        await hasCome;
        return nothingBegun;
      },
      async ({ enqueue, status }, given) => {
        await enqueue([0, 1], 0);
        await until('its batch', () => given.length === 1);
        await enqueue([2], 0);
        more();
        await until('all of it', status, ({ counts }) => counts.delivered === 3);
        expect(given.flatMap(([place, ...numbers]) => (place === 'slow' ? numbers : []))).toEqual([0, 1, 2]);
      },
    );
  });
});

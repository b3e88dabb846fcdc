import { expect, test } from 'vitest';
import type { LaneRun } from '../../activities/laneHistory.ts';
import { NamedEventsFinder } from '../../api/namedEvents.ts';
import { blockOf } from '../../domain/block.ts';
import { deliveredIn } from '../../domain/deliveredIn.ts';
import type { LaneRecord } from '../../domain/deliveryLog.ts';
import { onlyRun } from '../harness/laneRun.ts';
import { idOf } from '../harness/laneSteps.ts';

test('an event whose log is not read to its end is not replayed as if it were known where it is', async () => {
  const workflowId = 'delivery:dst_a:c';
  const finder = new NamedEventsFinder({
    eventIndexDays: 30,
    index: { find: async () => [{ workflowId, runId: '0', acceptedAt: new Date() }] },
    histories: {
      run: async (_: string, runId: string) => ({ ...onlyRun, nextRunId: String(Number(runId) + 1) }),
      now: async () => ({ running: undefined, state: undefined }),
      readerOf: async () => undefined,
      resetRunOf: async () => undefined,
      runIds: async () => [],
      heldAt: async () => ({ as: 'none' }),
      isInSegment: async () => false,
    },
  });
  const refused = finder.find([`evt_${idOf(1)}`], { of: 'any', destinationId: undefined });
  await expect(refused).rejects.toMatchObject({ code: 'event_not_replayable' });
  await expect(refused).rejects.toThrow(/more runs than are read/);
});

test('few requests that name events read histories at once, some wait, and what is too much is refused', async () => {
  let under = 0;
  let most = 0;
  let goOn: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const finder = new NamedEventsFinder({
    eventIndexDays: 30,
    index: {
      find: async () => {
        under++;
        most = Math.max(most, under);
        await gate;
        under--;
        return [];
      },
    },
    histories: {
      run: async () => undefined,
      now: async () => ({ running: undefined, state: undefined }),
      readerOf: async () => undefined,
      resetRunOf: async () => undefined,
      runIds: async () => [],
      heldAt: async () => undefined,
      isInSegment: async () => false,
    },
  });
  const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : error);
  const find = (n: number) => finder.find([`evt_${idOf(n)}`], { of: 'any', destinationId: undefined }).catch(codeOf);
  const found = Array.from({ length: 12 }, (_, n) => find(n));
  expect(await Promise.all(found.slice(10))).toEqual(['overloaded', 'overloaded']);
  goOn();
  expect(new Set(await Promise.all(found.slice(0, 10)))).toEqual(new Set(['event_not_found']));
  expect(most).toBe(2);
});

test('an event that an earlier replay sent once more is sent out of the run that delivered it for itself, though that one delivered it in a later run', async () => {
  const blockTo = (again?: string) =>
    blockOf([{ id: idOf(1), key: 'k', value: Buffer.from('1'), ...(again && { again }) }], 0, 0);
  const delivery = (batch: string, atMs: number, again?: string): LaneRecord[] => [
    { kind: 'scheduled', batch, activity: batch, atMs, block: blockTo(again) },
    {
      ...{ kind: 'completed', batch, atMs },
      outcome: {
        ...{ onDeadLetter: 'continue', attempts: [], refused: [] },
        landed: [{ partition: 0, broker: 'b', attempt: 1, positions: [0], offsets: [0] }],
      },
    },
  ];
  const sentAgain: LaneRecord = {
    kind: 'resent',
    atMs: 5,
    note: { replay: 'rpl_a', round: 0, part: 0 },
    block: blockTo(),
  };
  const runs: Record<string, LaneRun> = {
    own: { ...onlyRun, records: [...delivery('1', 1), sentAgain], nextRunId: 'later' },
    later: {
      ...onlyRun,
      records: delivery('2', 10, 'rpl_a'),
      previousRunId: 'own',
      beganKnowing: () => true,
    },
  };
  const workflowId = 'delivery:dst_a:c';
  const finder = new NamedEventsFinder({
    eventIndexDays: 30,
    index: { find: async () => [{ workflowId, runId: 'own', acceptedAt: new Date(0), laterRunIds: ['own'] }] },
    histories: {
      run: async (_, runId) => runs[runId],
      now: async () => ({ running: undefined, state: 'Delivering', runId: 'later' }),
      readerOf: async () => undefined,
      resetRunOf: async () => undefined,
      runIds: async () => ['later', 'own'],
      heldAt: async () => ({ as: 'none' }),
      isInSegment: async () => false,
    },
  });
  const named = await finder.find([`evt_${idOf(1)}`], { of: 'delivered', destinationId: undefined });
  expect(named.runs).toEqual([{ workflowId, runId: 'own' }]);
  expect(named.runs.flatMap(({ runId }) => deliveredIn(runs[runId]?.records ?? [], 20))).toHaveLength(1);
});

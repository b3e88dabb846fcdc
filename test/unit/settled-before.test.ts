import { describe, expect, test } from 'vitest';
import { AttemptLog } from '../../activities/attemptLog.ts';
import type { Reset } from '../../activities/historyEvent.ts';
import type { LaneRun } from '../../activities/laneHistory.ts';
import { SettledBefore } from '../../activities/settledBefore.ts';
import type { Outcome } from '../../domain/attempt.ts';
import { blockOf } from '../../domain/block.ts';
import { carried, restored } from '../../domain/carriedLane.ts';
import type { LaneRecord } from '../../domain/deliveryLog.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { enqueued, newLaneState, planned, settled } from '../../domain/laneState.ts';
import { discardedBefore, landedBefore, noteSettled, nothingSettled } from '../../domain/settledBefore.ts';
import { onlyRun } from '../harness/laneRun.ts';

const blockWith = (...ids: string[]) =>
  blockOf(
    ids.map((id) => ({ id, key: 'k', value: Buffer.from('1') })),
    0,
    0,
  );
const outcomeOf = (positions: number[], more: Partial<Outcome> = {}): Outcome => ({
  attempts: [],
  landed: [{ partition: 0, broker: 'b:1', attempt: 1, positions, offsets: positions.map((n) => 10 + n) }],
  refused: [],
  ...more,
});

type Given = { delivered?: string[]; resets?: Reset[]; next?: string };
function runOf({ delivered = [], resets = [], next }: Given): LaneRun {
  const records: LaneRecord[] = [
    { kind: 'scheduled', batch: 'b', activity: 'a', atMs: 0, block: blockWith(...delivered, 'not delivered') },
    { kind: 'completed', batch: 'b', atMs: 0, outcome: outcomeOf(delivered.map((_, n) => n)) },
  ];
  return { ...onlyRun, records, resets, nextRunId: next };
}
/** A lane whose runs are these; which were read, and what it says of the run `reset`. */
function lane(runs: Record<string, Given>, listed: string[] = []) {
  const read: string[] = [];
  const histories = {
    run: async (_: string, runId: string) => {
      read.push(runId);
      const given = runs[runId];
      return given && runOf(given);
    },
  };
  const before = new SettledBefore(histories, async () => listed);
  return { read, known: async () => [...(await before.of('w', 'reset')).delivered.keys()].toSorted() };
}
const resetOf = (baseRunId: string, reason = 'ada: a defect was mended'): Given => ({
  resets: [{ baseRunId, reason }],
});

describe('what a lane delivered before a reset', () => {
  test('is what the runs say that the reset took back, each of them read once', async () => {
    const { read, known } = lane(
      { reset: resetOf('2'), 2: { delivered: ['b'], next: '3' }, 3: { delivered: ['c'] }, 4: { delivered: ['d'] } },
      ['reset', '4', '3', '2', '1'],
    );
    expect(await known()).toEqual(['b', 'c', 'd']);
    expect(await known()).toEqual(['b', 'c', 'd']);
    expect(read.toSorted()).toEqual(['1', '2', '3', '4', 'reset']); // The first is deleted.
  });

  test('takes in what an earlier reset took back, and ends where resets lead in a circle', async () => {
    const circle = {
      reset: resetOf('2'),
      2: { ...resetOf('1'), delivered: ['b'] },
      1: { ...resetOf('2'), delivered: ['a'] },
    };
    expect(await lane(circle).known()).toEqual(['a', 'b']);
  });

  test('is nothing where the reset asks to send again, or is none', async () => {
    const asked = resetOf('1', '<unknown-user>: Send again, they lost the topic');
    expect(await lane({ reset: asked, 1: { delivered: ['a'] } }).known()).toEqual([]);
    for (const reason of ['ada: do not send again', 'ada: as it was: send again nothing', 'do not: send again']) {
      expect(await lane({ reset: resetOf('1', reason), 1: { delivered: ['a'] } }).known()).toEqual(['a']);
    }
    expect(await lane({ reset: {} }).known()).toEqual([]);
  });

  test('is settled in a batch as it lies there, but for what a try of the batch has settled itself', () => {
    const log = new AttemptLog(undefined, { attempt: 1, scheduledAtMs: 0, currentScheduledAtMs: 0 });
    log.land({ partition: 0, broker: 'b:1', attempt: 1, positions: [0], offsets: [7] });
    const known = {
      delivered: new Map(['x', 'y'].map((id, n) => [id, { partition: 3, broker: 'b:1', offset: n }])),
      discarded: new Set(['z']),
    };
    log.settleBefore('reset', landedBefore(blockWith('x', 'y', 'z').entries, known), [2]);
    expect([0, 1, 2, 3].map((position) => log.isSettled(position))).toEqual([true, true, true, false]);
    expect(log.outcome()).toMatchObject({
      resetRunId: 'reset',
      discardedBefore: [2],
      landed: [{ offsets: [7] }, { partition: 3, attempt: 0, positions: [1], offsets: [1] }],
    });
  });
});

test('what was given up before a reset is given up in the lane, and what was replayed or delivered since is not', () => {
  const known = nothingSettled();
  const refused = ['a', 'b', 'c'].map((_, position) => ({
    ...{ position, attempt: 1 },
    error: { kind: 'recordAtFault' as const, name: 'n', message: 'm', remedy: 'r' },
  }));
  const selected = (...ids: string[]) => ({ digests: new Set(ids), reason: undefined, by: undefined });
  noteSettled(known, [
    { kind: 'discard', atMs: 0, selected: { ...selected(), digests: 'all' } }, // Before anything was parked.
    { kind: 'scheduled', batch: 'b', activity: 'a', atMs: 0, block: blockWith('a', 'b', 'c') },
    { kind: 'completed', batch: 'b', atMs: 0, outcome: { ...outcomeOf([]), refused } },
    { kind: 'replay', atMs: 0, selected: selected('c') },
    { kind: 'discard', atMs: 0, selected: selected('b', 'c') },
  ]);
  const { entries } = blockWith('a', 'b', 'c');
  expect(discardedBefore(entries, known)).toEqual([1]);
  const sending = planned(
    enqueued({ ...newLaneState(defaultLaneLimits), resetRunId: 'reset' }, blockWith('a', 'b'), 0),
  );
  const after = settled(sending, outcomeOf([0], { resetRunId: 'reset', discardedBefore: [1] }), 0);
  expect([after.queue, after.counts.discarded, after.resetRunId]).toEqual([[], 1, undefined]);
});

test('a lane knows that it was reset until a batch of its own leaves nothing to settle, through new runs too', () => {
  const began = { ...newLaneState(defaultLaneLimits), resetRunId: 'reset' };
  const sending = planned(enqueued(began, blockWith('a'), 0));
  const copied = settled(sending, outcomeOf([0]), 0);
  expect(copied.resetRunId).toBe('reset');
  expect(settled(sending, outcomeOf([0], { resetRunId: 'an earlier reset' }), 0).resetRunId).toBe('reset');
  expect(settled(sending, outcomeOf([], { resetRunId: 'reset' }), 0).resetRunId).toBe('reset');
  const [head, ...blocks] = carried(copied, 0);
  expect(restored(defaultLaneLimits, head, blocks).resetRunId).toBe('reset');
  expect(settled(sending, outcomeOf([0], { resetRunId: 'reset' }), 0).resetRunId).toBeUndefined();
});

test('a dead letter that was parked again since its body was lost, and then discarded, is known to be discarded', () => {
  const everything = { digests: 'all' as const, reason: undefined, by: undefined };
  const [a, b] = [blockWith('a'), { id: 'a', again: 'rpl_x', at: 0 }];
  const refused = {
    position: 0,
    attempt: 1,
    error: { kind: 'recordAtFault' as const, name: 'N', message: '', remedy: '' },
  };
  const records: LaneRecord[] = [
    { kind: 'scheduled', batch: 'b', activity: 'a', atMs: 0, block: a },
    { kind: 'completed', batch: 'b', atMs: 0, outcome: outcomeOf([], { refused: [refused] }) },
    { kind: 'replay', atMs: 1, selected: everything },
    { kind: 'unread', atMs: 2, letters: [{ id: 'a', at: 0 }, b], error: refused.error },
    { kind: 'discard', atMs: 3, selected: everything },
  ];
  const known = nothingSettled();
  noteSettled(known, records);
  expect([...known.discarded]).toEqual(['a', 'a@rpl_x']);
});

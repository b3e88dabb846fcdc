import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { LaneNow, LaneRun } from '../../activities/laneHistory.ts';
import { readDelivery } from '../../api/deliveryLogs.ts';
import { blockOf } from '../../domain/block.ts';
import { carriesId, DedupWindow } from '../../domain/dedupWindow.ts';
import type { LaneRecord } from '../../domain/deliveryLog.ts';
import { type HeldInRun, heldInRun } from '../../domain/heldInRun.ts';
import { onlyRun } from '../harness/laneRun.ts';

const digest = 'A'.repeat(22);
const workflowId = 'delivery:dst_a:c';
const run = (n: number): string => `run-${n}`;

/** A chain of runs, the first of which took the event in; where Temporal stands, a run that is not here was deleted. */
function lane(length: number, recordsOf: (n: number) => LaneRecord[] = () => []) {
  const runs = new Map<string, LaneRun>();
  for (let n = 0; n < length; n++) {
    runs.set(run(n), {
      ...onlyRun,
      records: recordsOf(n),
      historyEvents: 3,
      previousRunId: n > 0 ? run(n - 1) : undefined,
      nextRunId: n < length - 1 ? run(n + 1) : undefined,
      beganKnowing: (id) => n > 0 && id === digest,
    });
  }
  const read: string[] = [];
  const readers = new Map<string, string>();
  const resets = new Map<string, string>();
  const held = new Map<string, HeldInRun>();
  const asked: string[] = [];
  const unlisted = new Set<string>();
  const segments: { hold: boolean | 'unread' } = { hold: false };
  const told: { now: () => Partial<LaneNow> } = { now: () => ({}) };
  const histories = {
    run: async (_: string, runId: string) => {
      read.push(runId);
      return runs.get(runId);
    },
    now: async () => ({ running: undefined, state: undefined, runId: run(length - 1), ...told.now() }),
    runIds: async () => [...runs.keys()].filter((id) => !unlisted.has(id)).toReversed(),
    heldAt: async (_: string, runId: string) => {
      asked.push(runId);
      return runs.has(runId) ? (held.get(runId) ?? ({ as: 'none' } as const)) : undefined;
    },
    isInSegment: async () => segments.hold,
    readerOf: async (segmentId: string) => readers.get(segmentId),
    resetRunOf: async (_: string, runId: string) => resets.get(runId),
  };
  const acceptedAt = new Date();
  return {
    runs,
    read,
    readers,
    resets,
    held,
    asked,
    unlisted,
    segments,
    told,
    log: (from: number, later: number[] = []) =>
      readDelivery(histories, digest, { workflowId, runId: run(from), acceptedAt, laterRunIds: later.map(run) }),
  };
}

/** What a run's history tells of an event that it delivered. */
const delivered = (batch = 'b'): LaneRecord[] => [
  {
    kind: 'scheduled',
    batch,
    activity: 'a',
    atMs: 0,
    block: blockOf([{ id: digest, key: 'k', value: Buffer.from('1') }], 0, 0),
  },
  {
    kind: 'completed',
    batch,
    atMs: 2,
    outcome: {
      attempts: [{ number: 1, startedAtMs: 1, durationMs: 1, outcome: 'delivered', brokers: [] }],
      landed: [{ partition: 3, broker: 'b:9092', attempt: 1, positions: [0], offsets: [17] }],
      refused: [],
      onDeadLetter: 'continue',
    },
  },
];

/** What a run tells to which a replay sent the event once more. */
const resent = (replay: string): LaneRecord[] => [
  {
    ...{ kind: 'resent', atMs: 5, note: { replay, round: 0, part: 0, by: 'ada' } },
    block: blockOf([{ id: digest, key: 'k', value: Buffer.from('1') }], 0, 0),
  },
  ...delivered(),
];

test('an event whose history is deleted is expired, and incomplete where the open lane has more segments than are read', async () => {
  const { log, runs, segments } = lane(3);
  runs.delete(run(0));
  expect(await log(0)).toMatchObject({ status: 'expired', attempts: [] });
  expect(await log(0)).not.toHaveProperty('incomplete');
  segments.hold = 'unread';
  expect(await log(0)).toMatchObject({ status: 'expired', incomplete: true });
  segments.hold = true;
  expect(await log(0)).toMatchObject({ status: 'queued', deletedBefore: true });
});

test('an event that was replayed is read on in the runs that got it once more, those that are deleted left out', async () => {
  const { log, runs } = lane(9, (n) =>
    n === 0 ? delivered() : n === 4 ? resent('rpl_a') : n === 7 ? resent('rpl_b') : [],
  );
  const twice = await log(0, [4, 7]);
  expect(twice).toMatchObject({ status: 'delivered', runId: run(7), offset: 17 });
  expect(twice.attempts.length).toBe(3);
  expect(twice.interventions.map(({ replayId }) => replayId)).toEqual(['rpl_a', 'rpl_b']);
  runs.delete(run(4));
  expect((await log(0, [4, 7])).interventions.map(({ replayId }) => replayId)).toEqual(['rpl_b']);
});

test('an event that a second POST brought once more is in the run that delivered it', async () => {
  const { log } = lane(9, (n) => (n === 1 ? delivered() : []));
  expect(await log(0, [5])).toMatchObject({ status: 'delivered', runId: run(1), interventions: [] });
});

test('an event is found in the run that delivered it, though the index names a later one', async () => {
  const { log, read } = lane(5, (n) => (n === 1 ? delivered() : []));
  expect(await log(4)).toMatchObject({ status: 'delivered', runId: run(1), partition: 3, offset: 17 });
  expect(read).toEqual([4, 3, 2, 1, 0].map(run));
});

test('an event that waits is looked for in no run before the one that took it in', async () => {
  const { log, read } = lane(3);
  expect(await log(0)).toMatchObject({ status: 'queued', runId: run(2) });
  expect(read).toEqual([0, 1, 2].map(run));
});

describe('an event whose lane came to hold after its history was read', () => {
  const suspended = (): LaneRecord[] => {
    const error = { kind: 'destinationAtFault' as const, name: 'ADDRESS_REFUSED', message: 'm', remedy: 'r' };
    const [scheduled, completed] = delivered();
    if (scheduled?.kind !== 'scheduled' || completed?.kind !== 'completed')
      throw new Error('It is told otherwise now.');
    return [scheduled, { ...completed, outcome: { ...completed.outcome, landed: [], suspended: error } }];
  };

  test.each<[string, () => LaneRecord[], object]>([
    ['is told with what it holds for', suspended, { status: 'suspended', error: { name: 'ADDRESS_REFUSED' } }],
    ['and which was delivered before that is told so', delivered, { status: 'delivered', offset: 17 }],
  ])('%s', async (_, records, told) => {
    const one = lane(1);
    one.told.now = () => {
      const known = one.runs.get(run(0));
      if (known) one.runs.set(run(0), { ...known, records: records(), historyEvents: 9 });
      return { state: 'Suspended', historyEvents: 9 };
    };
    expect(await one.log(0)).toMatchObject(told);
    expect(one.read).toHaveLength(2);
  });

  test('is read once more and no oftener where it is none of those that it holds for', async () => {
    const { log, read, told } = lane(1);
    let historyEvents = 3;
    told.now = () => ({ state: 'Suspended', historyEvents: ++historyEvents });
    const { status, error } = await log(0);
    expect([status, error, read.length]).toEqual(['suspended', undefined, 2]);
    told.now = () => ({ state: 'Suspended', historyEvents: 3 });
    read.length = 0;
    expect([(await log(0)).status, read.length]).toEqual(['suspended', 1]);
  });
});

test('an event that the lane had before, and of which no run tells any more, is expired and not queued', async () => {
  const { log, runs } = lane(5, (n) => (n === 1 ? delivered() : []));
  runs.delete(run(2));
  expect(await log(4)).toMatchObject({ status: 'expired', attempts: [] });
});

test('an event that has waited through hundreds of runs of a held lane is told to wait, and where it was delivered then', async () => {
  const { log, held, asked, read, runs } = lane(400);
  for (let n = 1; n < 400; n++) held.set(run(n), { as: 'queued' });
  const waiting = await log(0);
  expect(waiting).toMatchObject({ status: 'queued', runId: run(399), runsPassedOver: 349 });
  expect(waiting).not.toHaveProperty('incomplete');
  expect([read.length, asked.length < 25]).toEqual([51, true]);
  for (let n = 301; n < 400; n++) held.delete(run(n));
  runs.get(run(300))?.records.push(...delivered());
  expect(await log(0)).toMatchObject({ status: 'delivered', runId: run(300), offset: 17, runsPassedOver: 250 });
});

test('an event that waited, was parked and replayed, and waited once more tells of both, though it is in hundreds of runs', async () => {
  const { log, held } = lane(400, (n) => (n === 60 ? parked() : n === 65 ? [replay] : n === 390 ? delivered('d') : []));
  for (let n = 1; n <= 390; n++) held.set(run(n), { as: 'queued' });
  for (let n = 61; n <= 65; n++) held.set(run(n), { as: 'parked', parkedAtMs: 1, error: tooLarge });
  expect(await log(0)).toMatchObject({ status: 'delivered', runId: run(390), interventions: [{ by: 'ada' }] });
});

test('a log that ends before the lane does, whose runs do not tell how it goes on, says so', async () => {
  expect(await lane(51).log(0)).toMatchObject({ status: 'queued', incomplete: true, runId: run(49) });
  expect(await lane(50).log(0)).not.toHaveProperty('incomplete');
});

test('a run that visibility does not list yet is the last one, and no earlier run is gone back to', async () => {
  const { log, held, unlisted } = lane(51);
  unlisted.add(run(50));
  held.set(run(50), { as: 'queued' });
  expect(await log(0)).toMatchObject({ status: 'queued', runId: run(50) });
});

const tooLarge = {
  kind: 'recordAtFault',
  name: 'MESSAGE_TOO_LARGE',
  message: 'too large',
  remedy: 'Raise it.',
} as const;
const parked = (batch = 'b'): LaneRecord[] => [
  ...delivered(batch).slice(0, 1),
  {
    ...{ kind: 'completed', batch, atMs: 2 },
    outcome: { attempts: [], landed: [], refused: [{ position: 0, attempt: 1, error: tooLarge }] },
  },
];
const replay: LaneRecord = { kind: 'replay', atMs: 5, selected: { digests: 'all', reason: 'raised', by: 'ada' } };

test('a dead letter is found in the run that replayed it, hundreds of runs later, and again in another one', async () => {
  const { log, held, asked, read } = lane(400, (n) =>
    n === 0 ? parked() : n === 200 ? [replay, ...parked('c')] : n === 350 ? [replay, ...delivered('d')] : [],
  );
  for (let n = 1; n <= 350; n++) held.set(run(n), { as: 'parked', parkedAtMs: n <= 200 ? 1 : 2, error: tooLarge });
  const found = await log(0);
  expect(found).toMatchObject({ status: 'delivered', runId: run(350), interventions: [{ by: 'ada' }, { by: 'ada' }] });
  expect(found).not.toHaveProperty('incomplete');
  expect(read.length).toBeLessThan(160);
  expect(asked.length).toBeLessThan(25);
});

test('an event whose run is deleted, and which the open lane holds, is told from there; one that it does not hold is expired', async () => {
  const { log, held, runs } = lane(3);
  runs.delete(run(0));
  expect(await log(0)).toMatchObject({ status: 'expired', runId: run(0) });
  held.set(run(2), { as: 'parked', parkedAtMs: 1, error: tooLarge });
  expect(await log(0)).toMatchObject({ status: 'parked', error: tooLarge, runId: run(2), deletedBefore: true });
  runs.get(run(2))?.records.push(replay, ...delivered());
  expect(await log(0)).toMatchObject({ status: 'delivered', offset: 17, interventions: [{ by: 'ada' }] });
  held.set(run(2), { as: 'queued' });
  runs.get(run(2))?.records.splice(0);
  expect(await log(0)).toMatchObject({ status: 'queued', deletedBefore: true });
});

test('a run tells how it began with an event: parked, waiting, or not at all', () => {
  const parkedAtMs = 7;
  const blockOne = (id: string) => blockOf([{ id, key: 'k', value: Buffer.from('1') }], 0, 0);
  const head = { queueBlocks: 1, deadLetters: [{ parkedAtMs, error: tooLarge }] };
  const blocks = [blockOne('q'.repeat(22)), blockOne(digest)];
  expect(heldInRun(digest, head, blocks)).toEqual({ as: 'parked', parkedAtMs, error: tooLarge });
  expect(heldInRun('q'.repeat(22), head, blocks)).toEqual({ as: 'queued' });
  expect(heldInRun('n'.repeat(22), head, blocks)).toEqual({ as: 'none' });
  expect(heldInRun(digest, undefined, [])).toEqual({ as: 'none' });
});

test('a lane knows from run to run which ids it has seen', () => {
  const window = new DedupWindow(10, 60_000);
  const ids = Array.from({ length: 3 }, () => randomUUID().replaceAll('-', '').slice(0, 22));
  for (const id of ids) window.isRepeat(id, 0);
  const carried = window.carried(0);
  expect(ids.every((id) => carriesId(carried, id))).toBe(true);
  expect(carriesId(carried, carried.ids.slice(5, 27))).toBe(false); // Of two ids together.
});

describe('an event that went to an overflow segment', () => {
  const segmented: LaneRecord = {
    kind: 'segmented',
    segmentId: 'overflow:dst_a:c:1:0',
    blocks: [blockOf([{ id: digest, key: 'k', value: Buffer.from('1') }], 0, 0)],
  };
  const longLane = (readIn: number) =>
    lane(300, (n) => [...(n === 1 ? [segmented] : []), ...(n === readIn ? delivered() : [])]);

  test('waits there, however many runs the lane has gone on for', async () => {
    const { log, read } = longLane(-1);
    expect(await log(0)).toMatchObject({ status: 'queued', attempts: [] });
    expect((await log(0)).incomplete).toBeUndefined();
    expect(read).toHaveLength(4); // Two runs, twice.
  });

  test('is found in the run that read it back, with its attempts, without reading those between', async () => {
    const { log, readers, read } = longLane(250);
    readers.set(segmented.segmentId, run(249));
    expect(await log(0)).toMatchObject({ status: 'delivered', runId: run(250), offset: 17 });
    expect(read).toEqual([0, 1, 249, 250].map(run));
  });

  test('is followed where one and the same run put it there and read it back', async () => {
    const { log, readers } = longLane(2);
    readers.set(segmented.segmentId, run(1));
    expect(await log(0)).toMatchObject({ status: 'delivered', runId: run(2) });
  });
});

test('an event that was on its way when its lane was reset is told by the run that the reset made', async () => {
  const { log, runs, resets } = lane(1, () => delivered('b1').slice(0, 1));
  const [first] = runs.values();
  if (!first) throw new Error('There is a run.');
  runs.set(run(0), { ...first, isTerminated: true });
  const made = { records: delivered('b2'), copiedRecords: 1, resets: [{ baseRunId: run(0), reason: '' }] };
  runs.set('made', { ...first, ...made });
  resets.set(run(0), 'made');
  expect(await log(0)).toMatchObject({ status: 'delivered', runId: 'made', offset: 17 });
});

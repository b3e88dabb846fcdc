import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createSegmentActivities } from '../../activities/segments.ts';
import { blockSender } from '../../api/laneSignal.ts';
import type { Outcome } from '../../domain/attempt.ts';
import { type Block, blockOf, deliveriesOf } from '../../domain/block.ts';
import { defaultLaneLimits, type LaneLimits, laneWorkflowId } from '../../domain/lane.ts';
import type { LaneStatus } from '../../domain/laneMessages.ts';
import { segmentTaskQueue } from '../../domain/overflow.ts';
import { ask, timeSkipping } from '../harness/timeSkipping.ts';
import { until } from '../harness/until.ts';

/** Four of these make a segment. */
const eventBytes = 250_000;
const filler = 'x'.repeat(eventBytes);
const idOf = (n: number): string => String(n).padStart(22, '0');
const blockWith = (n: number, key = 'k'): Block =>
  blockOf([{ id: idOf(n), key, value: Buffer.from(JSON.stringify({ n, filler })) }], Date.now(), 0);
const numbersIn = (block: Block): number[] => deliveriesOf(block).map(({ id }) => Number(id));
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** The time-skipping server deletes nothing: a segment of this name is not there. */
const missingSegment = 'overflow:none';

type WorkerSettings = {
  maxCachedWorkflows?: number;
  /** Which segment is read where a lane asks for one. */
  segmentToRead?: (segmentId: string) => string;
};

function landed(block: Block): Outcome {
  const positions = block.entries.map((_, position) => position);
  return {
    onDeadLetter: 'continue',
    attempts: [{ number: 1, startedAtMs: Date.now(), durationMs: 1, outcome: 'delivered', brokers: ['b:1'] }],
    landed: [{ partition: 0, broker: 'b:1', attempt: 1, positions, offsets: positions }],
    refused: [],
  };
}

describe('a lane with more than it can hold', () => {
  const server = timeSkipping();

  /** A worker for lanes with this produce activity, and one for their segments. */
  const workerOn = async (
    taskQueue: string,
    produce: (block: Block) => Outcome | Promise<Outcome>,
    { segmentToRead = (id) => id, ...options }: WorkerSettings = {},
  ): Promise<{ runUntil(use: () => Promise<void>): Promise<void> }> => {
    const segments = createSegmentActivities({ temporal: server.env.client });
    const ofSegments = await server.workflowWorker(segmentTaskQueue(taskQueue), { maxCachedWorkflows: 0 });
    const ofLanes = await server.workflowWorker(taskQueue, {
      ...options,
      activities: {
        ...segments,
        readSegment: (request: Parameters<typeof segments.readSegment>[0]) =>
          segments.readSegment({ ...request, segmentId: segmentToRead(request.segmentId) }),
        produce: (_: unknown, block: Block) => produce(block),
      },
    });
    return { runUntil: (use) => ofSegments.runUntil(() => ofLanes.runUntil(use)) };
  };

  function newLane(limits: Partial<LaneLimits> = {}) {
    const taskQueue = randomUUID();
    const destinationId = `dst_${randomUUID()}`;
    const workflowId = laneWorkflowId(destinationId, 'k');
    const start = { destinationId, customerExternalId: 'c', lane: 'k', limits: { ...defaultLaneLimits, ...limits } };
    const send = blockSender(server.env.client, taskQueue);
    const handle = server.env.client.workflow.getHandle(workflowId);
    return {
      taskQueue,
      handle,
      enqueue: (n: number, key?: string) => send({ workflowId, lingerMs: 0, start }, blockWith(n, key)),
      status: () => ask<LaneStatus>(server, handle, 'status'),
    };
  }

  /** The first event is sent; the others come while the lane is paused, until more than so many segments hold them. */
  async function letBacklogGo(
    lane: ReturnType<typeof newLane>,
    sent: readonly number[],
    more: { events: number; segments: number },
  ): Promise<void> {
    await lane.enqueue(0);
    await until('the first', () => sent.length === 1);
    await lane.handle.signal('pause');
    for (let n = 1; n < more.events; n++) await lane.enqueue(n);
    await until('segments', lane.status, ({ overflow }) => (overflow?.segments ?? 0) > more.segments);
    await lane.handle.signal('resume');
  }

  /** The segments that the lane's runs have opened, in their order. */
  async function segmentsOf(workflowId: string): Promise<string[]> {
    const segments: string[] = [];
    let runId: string | undefined = (await server.env.client.workflow.getHandle(workflowId).describe()).runId;
    while (runId) {
      const { events } = await server.env.client.workflow.getHandle(workflowId, runId).fetchHistory();
      const ids = events?.flatMap(
        (e) => e.childWorkflowExecutionStartedEventAttributes?.workflowExecution?.workflowId ?? [],
      );
      segments.unshift(...(ids ?? []));
      runId = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId || undefined;
    }
    return segments;
  }
  const stateOf = async (segmentId: string): Promise<string> =>
    (await server.env.client.workflow.getHandle(segmentId).describe()).status.name;

  test('puts it into segments while it is paused, over many runs, and delivers it in order, once each, when resumed', async () => {
    const sent: number[] = [];
    const lane = newLane({ historyEventsMax: 60 });
    const worker = await workerOn(lane.taskQueue, (block) => {
      sent.push(...numbersIn(block));
      return landed(block);
    });
    await worker.runUntil(async () => {
      const { runId } = await lane.enqueue(0);
      await until('the first', () => sent.length === 1);
      await lane.handle.signal('pause');
      for (let n = 1; n < 40; n++) await lane.enqueue(n);
      await lane.enqueue(7); // Seen before: it is in a segment.
      const waiting = await until('all to wait', lane.status, ({ counts }) => counts.accepted + counts.repeated === 41);
      expect(waiting).toMatchObject({ state: 'Paused', waitingEvents: 39, counts: { repeated: 1 } });
      const segments = await until(
        'segments to be opened',
        () => segmentsOf(lane.handle.workflowId),
        ({ length }) => length > 7,
      );
      expect(await stateOf(segments[0] ?? '')).toBe('RUNNING');
      await until('a new run', async () => (await lane.handle.describe()).runId !== runId);

      await lane.handle.signal('resume');
      for (let n = 40; n < 50; n++) await lane.enqueue(n);
      await until('all to be sent', () => sent.length >= 50);
      expect(sent).toEqual(upTo(50));
      await until('no segment to be open', async () =>
        (await Promise.all((await segmentsOf(lane.handle.workflowId)).map(stateOf))).every(
          (one) => one === 'COMPLETED',
        ),
      );
      expect((await lane.status()).overflow).toBeUndefined();
      await lane.handle.terminate();
    });
  });

  test('loses and swaps nothing though it is paused again in the middle, and takes events in all the time', async () => {
    const sent: number[] = [];
    const lane = newLane({ historyEventsMax: 60 });
    const worker = await workerOn(lane.taskQueue, (block) => {
      sent.push(...numbersIn(block));
      return landed(block);
    });
    await worker.runUntil(async () => {
      await lane.enqueue(0);
      for (let round = 0; round < 4; round++) {
        await lane.handle.signal('pause');
        for (let n = 1; n <= 15; n++) await lane.enqueue(round * 15 + n);
        const before = sent.length;
        await lane.handle.signal('resume');
        await until('some to be sent', () => sent.length > before);
      }
      await until('all to be sent', () => sent.length >= 61);
      expect(sent).toEqual(upTo(61));
      await lane.handle.terminate();
    });
  });

  test('goes on the same way from its history alone, replayed at every step', async () => {
    const sent: number[] = [];
    const lane = newLane({ historyEventsMax: 80 });
    const produce = (block: Block): Outcome => {
      sent.push(...numbersIn(block));
      return landed(block);
    };
    // Nothing of a lane is kept: each task begins as on a worker that has never seen it.
    const worker = await workerOn(lane.taskQueue, produce, { maxCachedWorkflows: 0 });
    await worker.runUntil(async () => {
      await letBacklogGo(lane, sent, { events: 30, segments: 5 });
      await until('all to be sent', () => sent.length >= 30);
      expect(sent).toEqual(upTo(30));
      await lane.handle.terminate();
    });
  });

  test('stands still and says why where a segment is gone, skips nothing, and tries again on resume', async () => {
    const sent: number[] = [];
    const lane = newLane();
    let isGone = true;
    const produce = (block: Block): Outcome => {
      sent.push(...numbersIn(block));
      return landed(block);
    };
    const segmentToRead = (id: string): string => (isGone ? missingSegment : id);
    const worker = await workerOn(lane.taskQueue, produce, { segmentToRead });
    await worker.runUntil(async () => {
      await letBacklogGo(lane, sent, { events: 20, segments: 3 });
      const stopped = await until('it to stand still', lane.status, ({ state }) => state === 'Suspended');
      expect(stopped).toMatchObject({ hold: { error: { name: 'SEGMENT_MISSING' } }, held: { reason: 'suspended' } });
      expect(stopped.held?.remedy).toContain(`overflow:${lane.handle.workflowId.split(':')[1]}:k:`);
      expect(sent).toEqual([0]);
      isGone = false;
      await lane.handle.signal('resume');
      await until('all to be sent', () => sent.length >= 20);
      expect(sent).toEqual(upTo(20));
      await lane.handle.terminate();
    });
  });

  test('delivers the other keys though more than it can hold waits behind a dead letter, and all in order once that is replayed', async () => {
    const sent: number[] = [];
    const lane = newLane({ historyEventsMax: 80 });
    let isMended = false;
    // Kafka refuses the first event of the bad key: the others of that key wait behind it.
    const produce = (block: Block): Outcome => {
      const isBad = (key: string | undefined): boolean => !isMended && key === 'bad';
      const all = block.entries.map((_, position) => position);
      const landing = all.filter((position) => !isBad(block.entries[position]?.key));
      const refused = all.find((position) => isBad(block.entries[position]?.key));
      sent.push(...landing.map((position) => Number(block.entries[position]?.id)));
      const error = { kind: 'recordAtFault' as const, name: 'MESSAGE_TOO_LARGE', message: 'too large', remedy: '' };
      return {
        ...landed(block),
        onDeadLetter: 'block',
        landed: [{ partition: 0, broker: 'b:1', attempt: 1, positions: landing, offsets: landing }],
        refused: refused === undefined ? [] : [{ position: refused, attempt: 1, error }],
      };
    };
    const worker = await workerOn(lane.taskQueue, produce, { maxCachedWorkflows: 0 });
    const bad = Array.from({ length: 20 }, (_, n) => 1 + n);
    const good = Array.from({ length: 10 }, (_, n) => 21 + n);
    await worker.runUntil(async () => {
      await lane.enqueue(0, 'good');
      await until('the first', () => sent.length === 1);
      await lane.handle.signal('pause');
      for (const n of bad) await lane.enqueue(n, 'bad');
      for (const n of good) await lane.enqueue(n, 'good');
      await until('segments', lane.status, ({ overflow }) => (overflow?.segments ?? 0) > 5);
      await lane.handle.signal('resume');

      await until('the other key', () => sent.length === 11, undefined, 60_000);
      expect(sent).toEqual([0, ...good]);
      const parked = await until('the rest to wait', lane.status, ({ held }) => held?.reason === 'keysBlocked');
      expect(parked).toMatchObject({ deadLetters: 1, waitingEvents: 19 });

      isMended = true;
      await lane.handle.signal('replay');
      await until('the blocked key', () => sent.length >= 31, undefined, 60_000);
      expect(sent).toEqual([0, ...good, ...bad]);
      await until('no segment to be open', async () =>
        (await Promise.all((await segmentsOf(lane.handle.workflowId)).map(stateOf))).every(
          (one) => one === 'COMPLETED',
        ),
      );
      expect(await lane.status()).toMatchObject({
        waitingEvents: 0,
        counts: { accepted: 31, delivered: 31, parked: 1 },
      });
      await lane.handle.terminate();
    });
  });

  test('stands still for a segment that is gone while a batch was under way, and asks for it once, not with every batch', async () => {
    const sent: number[] = [];
    const lane = newLane();
    let isGone = true;
    let asked = 0;
    let letBatchEnd = (): void => {};
    const batchMayEnd = new Promise<void>((resolve) => {
      letBatchEnd = resolve;
    });
    const produce = async (block: Block): Promise<Outcome> => {
      if (isGone && sent.length > 0) await batchMayEnd;
      sent.push(...numbersIn(block));
      return landed(block);
    };
    const segmentToRead = (id: string): string => {
      asked++;
      // The second is gone: the first is being sent when the lane learns of it.
      return isGone && id.endsWith(':1') ? missingSegment : id;
    };
    const worker = await workerOn(lane.taskQueue, produce, { segmentToRead });
    await worker.runUntil(async () => {
      await letBacklogGo(lane, sent, { events: 20, segments: 3 });
      await until('it to learn of the loss', lane.status, ({ state }) => state === 'Suspended');
      letBatchEnd();
      await until('the batch to end', () => sent.length > 1);
      const stopped = await until('it to settle', lane.status, ({ counts }) => counts.delivered === sent.length);
      expect(stopped).toMatchObject({ state: 'Suspended', hold: { error: { name: 'SEGMENT_MISSING' } } });
      expect(sent).toEqual(upTo(sent.length));
      const askedBefore = asked;
      await lane.enqueue(20); // One thing more, to see that it goes on doing nothing.
      await until('the next to be taken in', lane.status, ({ counts }) => counts.accepted === 21);
      expect(asked).toBe(askedBefore);
      isGone = false;
      await lane.handle.signal('resume');
      await until('all to be sent', () => sent.length >= 21);
      expect(sent).toEqual(upTo(21));
      await lane.handle.terminate();
    });
  });

  test('closes once its segments are closed and its dedup window has run out', async () => {
    const sent: number[] = [];
    const lane = newLane({ dedupWindowMs: 60_000 });
    const worker = await workerOn(lane.taskQueue, (block) => {
      sent.push(...numbersIn(block));
      return landed(block);
    });
    await worker.runUntil(async () => {
      await lane.enqueue(0);
      await lane.handle.signal('pause');
      for (let n = 1; n < 12; n++) await lane.enqueue(n);
      await until('segments', lane.status, ({ overflow }) => (overflow?.segments ?? 0) > 1);
      await lane.handle.signal('resume');
      await until('all to be sent', () => sent.length >= 12);
      await lane.handle.result();
      const segments = await segmentsOf(lane.handle.workflowId);
      expect(segments.length).toBeGreaterThan(0);
      expect(new Set(await Promise.all(segments.map(stateOf)))).toEqual(new Set(['COMPLETED']));
      await lane.enqueue(100); // A new chain, whose segments are others.
      await until('one more', () => sent.length === 13);
      await lane.handle.terminate();
    });
  });
});

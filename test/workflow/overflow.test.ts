import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import {
  bundleWorkflowCode,
  DefaultLogger,
  Runtime,
  Worker,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createSegmentActivities } from '../../activities/segments.ts';
import { blockSender } from '../../api/laneSignal.ts';
import { searchAttributesToAdd } from '../../api/searchAttributes.ts';
import { timeSkippingServerPath } from '../../dev/servers/timeSkipping.ts';
import type { Outcome } from '../../domain/attempt.ts';
import { type Block, blockOf, deliveriesOf } from '../../domain/block.ts';
import { dataConverter } from '../../domain/dataConverter.ts';
import { defaultLaneLimits, type LaneLimits, laneWorkflowId } from '../../domain/lane.ts';
import type { LaneStatus } from '../../domain/laneMessages.ts';
import { until } from '../harness/until.ts';

/** Four of these make a segment. */
const eventBytes = 250_000;
const filler = 'x'.repeat(eventBytes);
const idOf = (n: number): string => String(n).padStart(22, '0');
const blockWith = (n: number): Block =>
  blockOf([{ id: idOf(n), key: 'k', value: Buffer.from(JSON.stringify({ n, filler })) }], Date.now(), 0);
const numbersIn = (block: Block): number[] => deliveriesOf(block).map(({ id }) => Number(id));
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

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
  let env: TestWorkflowEnvironment;
  let workflowBundle: WorkflowBundleWithSourceMap;

  beforeAll(async () => {
    Runtime.install({
      logger: new DefaultLogger('ERROR'),
      telemetryOptions: { logging: { filter: 'ERROR', forward: {} } },
    });
    workflowBundle = await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
      payloadConverterPath: dataConverter.payloadConverterPath,
      logger: new DefaultLogger('ERROR'),
    });
  });
  beforeEach(async () => {
    env = await TestWorkflowEnvironment.createTimeSkipping({
      server: { executable: { type: 'existing-path', path: await timeSkippingServerPath() } },
      client: { dataConverter },
    });
    await env.connection.operatorService.addSearchAttributes({
      namespace: 'default',
      searchAttributes: searchAttributesToAdd,
    });
  });
  afterEach(() => env.teardown());

  const workerOn = (
    taskQueue: string,
    produce: (block: Block) => Outcome | Promise<Outcome>,
    options: { maxCachedWorkflows?: number } = {},
  ): Promise<Worker> =>
    Worker.create({
      ...options,
      connection: env.nativeConnection,
      taskQueue,
      workflowBundle,
      dataConverter,
      activities: {
        ...createSegmentActivities({ temporal: env.client }),
        produce: (_: unknown, block: Block) => produce(block),
      },
    });

  function newLane(limits: Partial<LaneLimits> = {}) {
    const taskQueue = randomUUID();
    const destinationId = `dst_${randomUUID()}`;
    const workflowId = laneWorkflowId(destinationId, 'k');
    const start = { destinationId, customerExternalId: 'c', lane: 'k', limits: { ...defaultLaneLimits, ...limits } };
    const send = blockSender(env.client, taskQueue);
    const handle = env.client.workflow.getHandle(workflowId);
    return {
      taskQueue,
      handle,
      enqueue: (n: number) => send({ workflowId, lingerMs: 0, start }, blockWith(n)),
      status: () => handle.query<LaneStatus>('status'),
    };
  }

  /** The segments that the lane's runs have opened, in their order. */
  async function segmentsOf(workflowId: string): Promise<string[]> {
    const segments: string[] = [];
    let runId: string | undefined = (await env.client.workflow.getHandle(workflowId).describe()).runId;
    while (runId) {
      const { events } = await env.client.workflow.getHandle(workflowId, runId).fetchHistory();
      const ids = events?.flatMap(
        (e) => e.childWorkflowExecutionStartedEventAttributes?.workflowExecution?.workflowId ?? [],
      );
      segments.unshift(...(ids ?? []));
      runId = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId || undefined;
    }
    return segments;
  }
  const stateOf = async (segmentId: string): Promise<string> =>
    (await env.client.workflow.getHandle(segmentId).describe()).status.name;

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
      await lane.enqueue(0);
      await until('the first', () => sent.length === 1);
      await lane.handle.signal('pause');
      for (let n = 1; n < 30; n++) await lane.enqueue(n);
      await until('segments', lane.status, ({ overflow }) => (overflow?.segments ?? 0) > 5);
      await lane.handle.signal('resume');
      await until('all to be sent', () => sent.length >= 30);
      expect(sent).toEqual(upTo(30));
      await lane.handle.terminate();
    });
  });

  test('stands still and says why where a segment is gone, skips nothing, and tries again on resume', async () => {
    const sent: number[] = [];
    const lane = newLane();
    let isGone = true;
    const real = createSegmentActivities({ temporal: env.client });
    const worker = await Worker.create({
      connection: env.nativeConnection,
      taskQueue: lane.taskQueue,
      workflowBundle,
      dataConverter,
      activities: {
        ...real,
        // The time-skipping server deletes nothing: a segment of another name is not there.
        readSegment: (request: Parameters<typeof real.readSegment>[0]) =>
          real.readSegment({ ...request, segmentId: isGone ? 'overflow:none' : request.segmentId }),
        produce: (_: unknown, block: Block) => {
          sent.push(...numbersIn(block));
          return landed(block);
        },
      },
    });
    await worker.runUntil(async () => {
      await lane.enqueue(0);
      await until('the first', () => sent.length === 1);
      await lane.handle.signal('pause');
      for (let n = 1; n < 20; n++) await lane.enqueue(n);
      await until('segments', lane.status, ({ overflow }) => (overflow?.segments ?? 0) > 3);
      await lane.handle.signal('resume');
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

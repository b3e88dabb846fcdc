import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { describe, expect, test } from 'vitest';
import { dataConverter } from '../../domain/dataConverter.ts';
import { keeperTaskQueue } from '../../domain/keeper.ts';
import {
  defaultReplayLimits,
  discardWorkflowType,
  type ReplayProgress,
  type ReplayStart,
  type ReplayState,
  replayQueries,
  replayWorkflowId,
  replayWorkflowType,
} from '../../domain/replay.ts';
import { replayNameOf } from '../../domain/replayId.ts';
import type { ReplayResult } from '../../workflows/replay.ts';
import {
  closedRuns,
  eventsOfRun,
  eventsOfStep,
  millionRuns,
  pagesOf,
  ReplayWorld,
  replayOf,
  runIds,
  runsOfStep,
  soonCancelled,
  untilCancelled,
} from '../harness/replayWorld.ts';
import { ask, timeSkipping } from '../harness/timeSkipping.ts';

const events = runIds.length * eventsOfRun;
const each = runIds.flatMap((runId) => Array.from({ length: eventsOfRun }, (_, at) => `${runId}/${at}`));

/** By the API, or by hand. */
type Begun = Omit<ReplayStart, 'id'> & { id?: string };

describe('the replay workflow', () => {
  const server = timeSkipping();

  async function inWorld(
    world: ReplayWorld,
    use: (begin: (start: Begun, from?: ReplayState) => Promise<WorkflowHandle>) => Promise<void>,
    workflowType = replayWorkflowType,
  ): Promise<void> {
    const taskQueue = randomUUID();
    const workflows = await server.workflowWorker(taskQueue);
    const activities = await Worker.create({
      connection: server.env.nativeConnection,
      taskQueue: keeperTaskQueue(taskQueue),
      activities: world.activities(() => server.env.currentTimeMs()),
      dataConverter,
      ...soonCancelled,
    });
    const begin = (start: Begun, from?: ReplayState): Promise<WorkflowHandle> =>
      server.env.client.workflow.start(workflowType, {
        ...{ workflowId: replayWorkflowId(start.id ?? 'rpl_by-hand'), taskQueue, args: from ? [start, from] : [start] },
      });
    await workflows.runUntil(() => activities.runUntil(() => use(begin)));
  }
  const resultOf = (handle: WorkflowHandle): Promise<ReplayResult> => handle.result(); // Our own workflow's.

  /** So many runs the last one is the end of. */
  async function runsOf({ workflowId }: WorkflowHandle): Promise<number> {
    let count = 0;
    let runId: string | undefined = (await server.env.client.workflow.getHandle(workflowId).describe()).runId;
    for (; runId; count++) {
      const { events } = await server.env.client.workflow.getHandle(workflowId, runId).fetchHistory();
      runId = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId || undefined;
    }
    return count;
  }

  test('passes over lanes that have no room, ends with that said, and continued sends what is left, once', async () => {
    const world = new ReplayWorld();
    const [lane = ''] = closedRuns({ of: 'closed', filter: {}, startedAt: '', afterMs: 0, toMs: 0 }).runs.map(
      ({ workflowId }) => workflowId,
    );
    world.list = (request) => {
      const { runs, ...found } = closedRuns(request);
      const ofTwo = runs.map((run, n) => ({ ...run, workflowId: n % 3 === 0 ? lane : `${lane}-other` }));
      return { ...found, runs: ofTwo };
    };
    await inWorld(world, async (begin) => {
      world.silent = [lane];
      const start = replayOf({});
      const done = await resultOf(await begin(start));
      const ofLane = runIds.length / 3;
      expect(done).toMatchObject({
        ...{ status: 'done', events: events - ofLane * eventsOfRun, total: events, unanswered: 1 },
        ...{ unansweredEvents: ofLane * eventsOfRun, unansweredLanes: [lane] },
      });
      expect(world.sent).toHaveLength(events - ofLane * eventsOfRun);
      world.silent = [];
      const { rest } = done;
      if (!rest) throw new Error('It can not be continued.');
      const over = await resultOf(await begin(rest.start, rest.state));
      expect(over).toMatchObject({ status: 'done', events, total: events, unanswered: 0 });
      expect([over.rest, over.unansweredEvents]).toEqual([undefined, undefined]);
      expect(world.sent.toSorted()).toEqual(each.toSorted());
    });
  });

  test('goes over continue-as-new again and again: it keeps its progress, and counts and sends nothing twice', async () => {
    const world = new ReplayWorld();
    world.list = closedRuns;
    await inWorld(world, async (begin) => {
      const handle = await begin(replayOf({}));
      let seen: ReplayProgress | undefined;
      world.beforeAnswer = async () => {
        if (world.sent.length !== 20) return;
        seen = await ask(server, server.env.client.workflow.getHandle(handle.workflowId), replayQueries.progress);
      };
      expect(await resultOf(handle)).toMatchObject({ status: 'done', events, total: events, runs: runIds.length });
      // The step that brought the twentieth was not over yet.
      expect(seen).toMatchObject({ status: 'running', events: 20 - eventsOfStep, total: events });
      expect([world.counted, world.sent]).toEqual([runIds, each]);
      expect(world.listed.map(({ of }) => of)).toEqual(['closed', 'open', 'closed', 'open']);
      expect(new Set(world.listed.map(({ startedAt }) => startedAt)).size).toBe(1);
      expect(await runsOf(handle)).toBeGreaterThan(3);
    });
  });

  test('is cancelled in a later run, ends after the step under way, and goes on from there once it is continued', async () => {
    const world = new ReplayWorld();
    world.list = closedRuns;
    await inWorld(world, async (begin) => {
      const handle = await begin(replayOf({}));
      world.beforeAnswer = async () => {
        if (world.sent.length !== 20) return;
        await untilCancelled(() => server.env.client.workflow.getHandle(handle.workflowId).cancel());
      };
      const { rest, ...half } = await resultOf(handle);
      expect(half).toMatchObject({ status: 'cancelled', events: 20, total: events });
      expect(world.sent.length).toBe(20);
      expect(await runsOf(handle)).toBeGreaterThan(2);
      if (!rest) throw new Error('It has nothing to go on from.');
      expect(await resultOf(await begin(rest.start, rest.state))).toMatchObject({ status: 'done', events });
      expect([world.counted, world.sent]).toEqual([runIds, each]);
      // A lane drops what stands where it has been: no part is behind another.
      const [from = 0] = world.places;
      expect(world.places.map((place) => place - from)).toEqual(each.map((_, n) => n));
    });
  });

  test('begun twice by hand under one name, is another one to the lanes, which take each part of one once', async () => {
    const world = new ReplayWorld();
    world.list = closedRuns;
    await inWorld(world, async (begin) => {
      const { id: _, ...byHand } = replayOf({ eventsPerSecond: 100 });
      for (let n = 0; n < 2; n++) expect(await resultOf(await begin(byHand))).toMatchObject({ status: 'done', events });
      expect(world.sent).toEqual([...each, ...each]);
      expect(world.ids.map((id) => replayNameOf(id))).toEqual(['rpl_by-hand', 'rpl_by-hand']);
      expect(world.ids[0]).not.toBe(world.ids[1]);
    });
  });

  test('of dead letters asks each page once to count, once to send at its rate, and once more for what is left, over continue-as-new', async () => {
    const pages = 16;
    const world = new ReplayWorld();
    world.page = pagesOf(pages);
    await inWorld(world, async (begin) => {
      const handle = await begin(replayOf({ of: 'parked' }));
      const total = pages * 2;
      expect(await resultOf(handle)).toMatchObject({ status: 'done', events: total, total, lanes: pages });
      const once = Array.from({ length: pages }, (_, n) => (n === 0 ? undefined : String(n)));
      expect(world.pages.map(({ request }) => request.page)).toEqual([...once, ...once, ...once]);
      const [first, last] = [world.pages[pages], world.pages[2 * pages - 1]];
      expect(first?.request.dryRun).toBe(false);
      expect((last?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual((pages - 1) * 2_000);
      expect(await runsOf(handle)).toBeGreaterThan(3);
    });
  });

  test('a discard counts as a replay does, then gives up by an activity of its own, over continue-as-new, never more than it counted', async () => {
    const pages = 16;
    const world = new ReplayWorld();
    const counted = pages * 2;
    world.page = ({ dryRun, ...request }) => {
      const page = pagesOf(pages)({ dryRun, ...request });
      // The first lane has more by then: it did not answer before.
      return dryRun || request.sweep || request.page !== undefined ? page : { ...page, events: 7 };
    };
    await inWorld(
      world,
      async (begin) => {
        const handle = await begin(replayOf({ of: 'parked', eventsPerSecond: 1_000 }));
        expect(await resultOf(handle)).toMatchObject({ status: 'done', events: counted, total: counted });
        expect(world.pages.map(({ request }) => request.dryRun)).toEqual(Array(pages).fill(true));
        expect(world.discards.slice(0, 3).map(({ room }) => room)).toEqual([counted, counted - 7, counted - 9]);
        expect(world.discards.at(-1)).toMatchObject({ room: 0, dryRun: false });
        expect(await runsOf(handle)).toBeGreaterThan(2);
      },
      discardWorkflowType,
    );
  });

  test('a discard with more than it may take gives nothing up, and one of what was delivered is refused', async () => {
    const world = new ReplayWorld();
    world.page = pagesOf(3);
    await inWorld(
      world,
      async (begin) => {
        const tooMany = await resultOf(await begin(replayOf({ of: 'parked', eventsMax: 5 })));
        expect(tooMany).toMatchObject({ status: 'tooMany', events: 0, total: 6 });
        const delivered = await begin(replayOf({ of: 'delivered' }));
        await expect(delivered.result()).rejects.toMatchObject({
          cause: { message: expect.stringContaining('of is wrong: expected "parked"') },
        });
        expect(world.discards).toEqual([]);
      },
      discardWorkflowType,
    );
  });

  describe('with a selector that matches a million events', () => {
    test.each([false, true])(
      'ends counting once there are more than it may send, and sends nothing (dry run: %s)',
      async (dryRun) => {
        const world = new ReplayWorld();
        world.list = millionRuns;
        await inWorld(world, async (begin) => {
          const eventsMax = 250;
          const result = await resultOf(await begin(replayOf({ eventsMax, dryRun })));
          expect(result).toMatchObject({ status: 'tooMany', events: 0 });
          expect(result.total).toBeGreaterThan(eventsMax);
          expect(result.total).toBeLessThanOrEqual(eventsMax + runsOfStep * eventsOfRun);
          expect([world.counted.length * eventsOfRun, world.sent]).toEqual([result.total, []]);
        });
      },
    );

    test('a dry run ends after the time that it may count, and says how many there are at least', async () => {
      const world = new ReplayWorld();
      world.list = millionRuns;
      // What it waits for visibility is skipped; then steps take their time.
      world.beforeAnswer = () => new Promise((resolve) => setTimeout(resolve, 50));
      await inWorld(world, async (begin) => {
        const limits = { ...defaultReplayLimits, countMsMax: 4_500 };
        const result = await resultOf(await begin(replayOf({ eventsMax: 100_000_000, dryRun: true, limits })));
        expect(result).toMatchObject({ status: 'tooLong', events: 0, total: world.counted.length * eventsOfRun });
        expect(world.sent).toEqual([]);
      });
    });
  });
});

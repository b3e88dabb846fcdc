import { randomUUID } from 'node:crypto';
import { Worker } from '@temporalio/worker';
import { describe, expect, test } from 'vitest';
import { callKeeper } from '../../activities/keeperCall.ts';
import { dataConverter } from '../../domain/dataConverter.ts';
import {
  type KeeperState,
  keeperQueries,
  keeperTaskQueue,
  keeperWorkflowId,
  type LanesTold,
  type LanesToTell,
  type Seen,
  scoutsMax,
  type WatchRequest,
} from '../../domain/keeper.ts';
import { ask, timeSkipping } from '../harness/timeSkipping.ts';
import { until } from '../harness/until.ts';

const none = { waiting: 0, suspended: 0 };
const up = (held: Partial<Seen['held']> = {}, version = 4): Seen => ({
  kind: 'up',
  version,
  canWrite: true,
  held: { ...none, ...held },
});
const failing = (name: string) => ({ name, message: 'x', tries: 9, sinceMs: 1 });
const atFault = (name: string, held: Partial<Seen['held']> = {}, version = 4): Seen => ({
  kind: 'atFault',
  failing: failing(name),
  version,
  held: { ...none, ...held },
});

/** A destination as keepers see it: what its probes find, and the lanes that are told. */
class World {
  readonly watched: { request: WatchRequest; atMs: number }[] = [];
  readonly told: LanesToTell[] = [];
  watch: (looks: number) => Seen | Promise<Seen> = () => up();
  /** What a page of lanes answers; by default there are none. */
  lanes: (request: LanesToTell) => LanesTold | Promise<LanesTold> = () => ({ lanes: 0 });
}

describe('the keeper workflow', () => {
  const server = timeSkipping();

  /** Runs keepers in this world while `use` works with one; `use` may wait for its end. */
  async function inWorld(world: World, use: (keeper: ReturnType<typeof keeperOf>) => Promise<void>): Promise<void> {
    const taskQueue = randomUUID();
    const workers = await Promise.all([
      server.workflowWorker(taskQueue),
      Worker.create({
        connection: server.env.nativeConnection,
        dataConverter,
        taskQueue: keeperTaskQueue(taskQueue),
        activities: {
          watch: async (request: WatchRequest) => {
            world.watched.push({ request, atMs: await server.env.currentTimeMs() });
            return await world.watch(world.watched.length);
          },
          tellLanes: async (request: LanesToTell) => {
            world.told.push(request);
            return await world.lanes(request);
          },
        },
      }),
    ]);
    const keeper = keeperOf(taskQueue);
    const [first, second] = workers;
    await first.runUntil(() =>
      second.runUntil(async () => {
        try {
          await use(keeper);
        } finally {
          await keeper.handle.terminate('the test is over').catch(() => undefined);
        }
      }),
    );
  }

  function keeperOf(taskQueue: string) {
    const destinationId = `dst_${randomUUID()}`;
    const handle = server.env.client.workflow.getHandle(keeperWorkflowId(destinationId));
    return {
      handle,
      held: (told: { relapsed?: number; faults?: { name: string; version?: number }[] } = {}) =>
        callKeeper(server.env.client, taskQueue, destinationId, ['held', { relapsed: 0, faults: [], ...told }]),
      changed: (version: number) => callKeeper(server.env.client, taskQueue, destinationId, ['changed', { version }]),
      status: () => ask<KeeperState>(server, handle, keeperQueries.status),
    };
  }

  test('lets the lanes that wait go on, a few first, then page by page, and closes once none is left', async () => {
    const world = new World();
    world.watch = (looks) => up({ waiting: looks === 1 ? 1_200 : 0 });
    const pages: LanesTold[] = [
      { lanes: 4, page: 'a' },
      { lanes: 500, page: 'b' },
      { lanes: 500, page: 'c' },
      { lanes: 196 },
    ];
    world.lanes = () => pages.shift() ?? { lanes: 0 };
    await inWorld(world, async ({ held, handle }) => {
      await held();
      await handle.result();
      expect(world.told.map(({ lanesMax, page }) => [lanesMax, page])).toEqual([
        [scoutsMax, undefined],
        [500, 'a'],
        [500, 'b'],
        [500, 'c'],
      ]);
      expect(world.told[0]).toMatchObject({
        states: ['Waiting'],
        signal: 'wake',
        input: { version: 4, canWrite: true },
      });
      // It stays until visibility surely shows the last lane: a few looks, each later than the one before.
      expect(world.watched.length).toBeLessThan(12);
      const [first, last] = [world.watched[0], world.watched.at(-1)];
      expect((last?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThan(120_000);
    });
  });

  test('stops after the first lanes when these come back, and tries ever more rarely', async () => {
    const world = new World();
    let back: (() => Promise<void>) | undefined;
    world.watch = (looks) => up({ waiting: looks < 6 ? 1_000 : 0 });
    world.lanes = async () => {
      if (world.watched.length >= 6) return { lanes: 0 };
      await back?.();
      return { lanes: scoutsMax, page: 'more' };
    };
    await inWorld(world, async ({ held, handle }) => {
      back = () => held({ relapsed: scoutsMax });
      await held();
      await handle.result();
      expect(world.told).toHaveLength(5);
      expect(world.told.every(({ page }) => page === undefined)).toBe(true);
      const pauses = world.watched.slice(1, 6).map(({ atMs }, n) => (atMs - (world.watched[n]?.atMs ?? 0)) / 1_000);
      for (const [n, wanted] of [5, 10, 20, 40, 80].entries()) expect(pauses[n]).toBeCloseTo(wanted, -1);
    });
  });

  test.each([
    ['while they are let go on', true],
    ['seconds later, when their write has failed', false],
  ])('tries ever more rarely where a single lane comes back %s', async (_, isAtOnce) => {
    const world = new World();
    let back: (() => Promise<void>) | undefined;
    let comesBack = false;
    world.watch = (looks) => up({ waiting: looks < 6 ? 1 : 0 });
    world.lanes = async () => {
      if (world.watched.length >= 6) return { lanes: 0 };
      if (isAtOnce) await back?.();
      comesBack = !isAtOnce;
      return { lanes: 1 };
    };
    await inWorld(world, async ({ held, handle }) => {
      back = () => held({ relapsed: 1 });
      await held();
      // Step by step: where the server skips by itself, it may skip the pause before the lane is back.
      while ((await handle.describe()).status.name === 'RUNNING') {
        await server.env.sleep('2 seconds');
        if (comesBack) await back();
        comesBack = false;
      }
      const pauses = world.watched.slice(1, 6).map(({ atMs }, n) => (atMs - (world.watched[n]?.atMs ?? 0)) / 1_000);
      for (const [n, wanted] of [5, 10, 20, 40, 80].entries()) expect(pauses[n]).toBeCloseTo(wanted, -1);
    });
  });

  test('tells suspended lanes that it is up, then only of another version where a probe can show no more', async () => {
    const world = new World();
    let version = 4;
    let suspended = 2;
    world.watch = () => up({ suspended }, version);
    world.lanes = () => {
      if (version === 5) suspended = 0;
      return { lanes: 2 };
    };
    await inWorld(world, async ({ held, changed, handle, status }) => {
      const faults = [{ name: 'UNSUPPORTED_FOR_MESSAGE_FORMAT', version: 4 }];
      await held({ faults });
      await until('lanes to be told', () => world.told.length === 1);
      expect(world.told[0]).toMatchObject({ states: ['Waiting', 'Suspended'], signal: 'wake', input: { version: 4 } });
      await server.env.sleep('30 seconds'); // Visibility may not have shown all at first.
      await until('its status', status, (seen) => seen.suspendedToldOf === 4);
      const [looks, rounds] = [world.watched.length, world.told.length];
      await held({ faults }); // What a probe can't see: nothing more is told.
      await until('a look that is over', async () => world.watched.length > looks && !(await status()).isTold);
      expect(world.told).toHaveLength(rounds);
      version = 5;
      await changed(5);
      await until('lanes to be told', () => world.told.length > rounds);
      expect(world.watched.at(-1)?.request.version).toBe(5);
      expect(world.told.at(-1)).toMatchObject({ states: ['Waiting', 'Suspended'], input: { version: 5 } });
      await handle.result();
      expect(world.told).toHaveLength(rounds + 1);
    });
  });

  test('suspends the lanes that wait once the destination is at fault, asks more rarely, and lets them go on when it is mended', async () => {
    const world = new World();
    world.watch = (looks) =>
      looks < 4
        ? atFault('ENOTFOUND', { waiting: looks === 1 ? 3 : 0, suspended: 3 })
        : up({ suspended: looks === 4 ? 3 : 0 });
    world.lanes = () => ({ lanes: 3 });
    await inWorld(world, async ({ held, handle }) => {
      await held();
      await handle.result();
      expect(world.told).toMatchObject([
        { states: ['Waiting'], signal: 'suspend', input: { error: { name: 'ENOTFOUND' }, version: 4 } },
        { states: ['Waiting', 'Suspended'], signal: 'wake' },
      ]);
      expect(world.watched[1]?.request.failing?.name).toBe('ENOTFOUND');
    });
  });

  test('leaves a disabled destination alone for a quarter of an hour, and hears at once that it is enabled', async () => {
    const world = new World();
    let isEnabled = false;
    let suspended = 1;
    world.watch = () => (isEnabled ? up({ suspended }, 5) : atFault('DESTINATION_DISABLED', { suspended }));
    world.lanes = () => {
      suspended = 0;
      return { lanes: 1 };
    };
    await inWorld(world, async ({ held, changed, handle }) => {
      await held({ faults: [{ name: 'DESTINATION_DISABLED', version: 4 }] });
      await until('a look', () => world.watched.length === 1);
      await server.env.sleep('14 minutes');
      expect(world.watched).toHaveLength(1);
      isEnabled = true;
      await changed(5);
      await until('lanes to be told', () => world.told.length === 1);
      expect(world.told[0]).toMatchObject({ states: ['Waiting', 'Suspended'], signal: 'wake', input: { version: 5 } });
      await handle.result();
    });
  });

  test('changes nothing for a signal that nobody can make sense of, and lives on', async () => {
    const world = new World();
    world.watch = (looks) => (looks === 1 ? atFault('DESTINATION_DISABLED', { suspended: 1 }) : up());
    await inWorld(world, async ({ held, changed, handle, status }) => {
      await held();
      await until('its status', status, (seen) => seen.seen !== undefined);
      const before = await status();
      for (const input of [
        null,
        7,
        'x',
        [],
        {},
        { faults: 1 },
        { relapsed: -1, faults: [] },
        { relapsed: 0, faults: [7] },
      ]) {
        await handle.signal('held', input);
        await handle.signal('changed', input);
      }
      expect(await status()).toEqual(before);
      await changed(5);
      await handle.result();
      const { events } = await handle.fetchHistory();
      expect(events?.filter((event) => event.workflowTaskFailedEventAttributes)).toEqual([]);
    });
  });
});

import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { deflateSync } from 'node:zlib';
import { ApplicationFailure } from '@temporalio/common';
import type proto from '@temporalio/proto';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import {
  bundleWorkflowCode,
  DefaultLogger,
  Runtime,
  Worker,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { blockSender } from '../../api/laneSignal.ts';
import { searchAttributesToAdd } from '../../api/searchAttributes.ts';
import { timeSkippingServerPath } from '../../dev/servers/timeSkipping.ts';
import type { Failed, Outcome, ProduceRequest } from '../../domain/attempt.ts';
import { type Block, blockOf, deliveriesOf } from '../../domain/block.ts';
import { dataConverter } from '../../domain/dataConverter.ts';
import { defaultLaneLimits, type LaneLimits, laneWorkflowId } from '../../domain/lane.ts';
import { type LaneStatus, laneQueries, laneSignals, type ParkedEvent } from '../../domain/laneMessages.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const readable = { metadata: { encoding: utf8('json/plain') }, data: utf8('{"all":true}') };
const unreadable: proto.temporal.api.common.v1.IPayload[] = [
  { data: utf8('{}') },
  { metadata: {}, data: utf8('{}') },
  { metadata: { encoding: utf8('json/plain') } },
  { metadata: { encoding: utf8('json/plain') }, data: utf8('{bad') },
  { metadata: { encoding: utf8('json/of-somebody-else') }, data: utf8('{}') },
  { metadata: { encoding: utf8('binary/zlib') }, data: utf8('no zlib') },
  { metadata: { encoding: utf8('binary/zlib') }, data: deflateSync(utf8('no payload')) },
  { metadata: { encoding: utf8('binary/zlib') }, data: deflateSync(utf8('cut off')).subarray(0, 8) },
];

const timersIn = ({ events }: proto.temporal.api.history.v1.IHistory): number =>
  (events ?? []).filter((event) => event.timerStartedEventAttributes).length;

const tooLarge: Failed = {
  kind: 'recordAtFault',
  name: 'MESSAGE_TOO_LARGE',
  message: 'too large',
  remedy: 'Raise it.',
};
const noAccess: Failed = {
  kind: 'destinationAtFault',
  name: 'TOPIC_AUTHORIZATION_FAILED',
  message: 'no',
  remedy: 'Grant it.',
};
const unreachable: Failed = { kind: 'transient', name: 'ECONNREFUSED', message: 'refused', remedy: 'See.' };
const idOf = (n: number): string => String(n).padStart(22, '0');
const blockWith = (ns: readonly number[], quietMs = 100): Block =>
  blockOf(
    ns.map((n) => ({ id: idOf(n), key: `k${n % 3}`, value: new TextEncoder().encode(`{"n":${n}}`) })),
    Date.now(),
    quietMs,
  );

/** All of a batch landed, but for the positions that are refused. */
function answer(block: Block, isRefused: (n: number) => boolean = () => false): Outcome {
  const positions = block.entries.map((_, position) => position);
  const numberAt = (position: number): number => Number(block.entries[position]?.id);
  const landed = positions.filter((position) => !isRefused(numberAt(position)));
  return {
    onDeadLetter: 'continue',
    attempts: [{ number: 1, startedAtMs: Date.now(), durationMs: 1, outcome: 'delivered', brokers: ['b:1'] }],
    landed: [{ partition: 0, broker: 'b:1', attempt: 1, positions: landed, offsets: landed }],
    refused: positions
      .filter((p) => isRefused(numberAt(p)))
      .map((position) => ({ position, attempt: 1, error: tooLarge })),
  };
}
const numbersIn = (block: Block): number[] =>
  deliveriesOf(block).map(({ value }) => JSON.parse(new TextDecoder().decode(value)).n);

describe('the lane workflow', () => {
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

  // A server for each test: an activity that a terminated lane leaves behind stops the server's clock for good.
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

  /** Runs a lane with this produce activity while `use` works with it. */
  async function withLane(
    produce: (block: Block, attempt: number, request: ProduceRequest) => Outcome | Promise<Outcome>,
    use: (lane: ReturnType<typeof laneOf>) => Promise<void>,
    limits: Partial<LaneLimits> = {},
  ): Promise<void> {
    const taskQueue = randomUUID();
    let attempts = 0;
    const worker = await Worker.create({
      connection: env.nativeConnection,
      taskQueue,
      workflowBundle,
      dataConverter,
      activities: { produce: (request: ProduceRequest, block: Block) => produce(block, ++attempts, request) },
    });
    const lane = laneOf(taskQueue, { ...defaultLaneLimits, ...limits });
    await worker.runUntil(async () => {
      try {
        await use(lane);
      } finally {
        await lane.handle.terminate('the test is over').catch(() => undefined);
      }
    });
  }

  function laneOf(taskQueue: string, limits: LaneLimits) {
    const destinationId = `dst_${randomUUID()}`;
    const workflowId = laneWorkflowId(destinationId, 'k');
    const start = { destinationId, customerExternalId: 'c', lane: 'k', limits };
    const send = blockSender(env.client, taskQueue);
    return {
      handle: env.client.workflow.getHandle(workflowId),
      enqueue: (ns: readonly number[], quietMs = 100) =>
        send({ workflowId, lingerMs: 0, start }, blockWith(ns, quietMs)),
    };
  }

  const until = async (is: () => boolean | Promise<boolean>): Promise<void> => {
    const end = Date.now() + 30_000;
    while (!(await is())) {
      if (Date.now() > end) throw new Error('waited 30 s in vain');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  test('delivers in the order of its signals, and an id that it has seen only once', async () => {
    const sent: number[] = [];
    await withLane(
      (block) => {
        sent.push(...numbersIn(block));
        return answer(block);
      },
      async ({ enqueue, handle }) => {
        await enqueue([1, 2, 3]);
        await enqueue([2, 4]);
        await enqueue([3]);
        await enqueue([5, 5]);
        await until(() => sent.length >= 5);
        expect(sent).toEqual([1, 2, 3, 4, 5]);
        expect((await handle.query<LaneStatus>('status')).counts).toMatchObject({
          accepted: 5,
          repeated: 3,
          delivered: 5,
        });
      },
    );
  });

  test.each([
    ['that promise quiet', 100, { runs: 3, signals: 2_000 }],
    // Nothing holds such a stream from crossing the task that continues, every time; then it ends.
    ['that never promise quiet', 0, { runs: 2, signals: 100 }],
  ])(
    'continues as new under a constant stream of signals %s, and loses and repeats nothing',
    async (_, quietMs, upTo) => {
      const sent: number[] = [];
      const runs = new Set<string>();
      await withLane(
        (block) => {
          sent.push(...numbersIn(block));
          return answer(block);
        },
        async ({ enqueue, handle }) => {
          let n = 0;
          for (; n < upTo.signals && runs.size < upTo.runs; n++) {
            runs.add((await enqueue([n, n], quietMs)).runId);
            // The promise is kept, and for longer on a machine so slow that the lane would not be through in it.
            await new Promise((resolve) => setTimeout(resolve, quietMs));
            if (quietMs > 0) await until(() => sent.includes(n));
          }
          await until(async () => runs.add((await handle.describe()).runId).size >= upTo.runs);
          await until(() => sent.length >= n);
          expect(sent).toEqual(Array.from({ length: n }, (__, i) => i));
        },
        { historyEventsMax: 60 },
      );
    },
  );

  test('tries again what failed in passing until it is through, and what came meanwhile after it', async () => {
    const sent: number[] = [];
    await withLane(
      (block, attempt) => {
        if (attempt < 4) throw ApplicationFailure.create({ message: 'moved', type: 'NOT_LEADER_OR_FOLLOWER' });
        sent.push(...numbersIn(block));
        return answer(block);
      },
      async ({ enqueue }) => {
        await enqueue([1]);
        await enqueue([2]);
        await env.sleep('1 minute');
        await until(() => sent.length === 2);
        expect(sent).toEqual([1, 2]);
      },
    );
  });

  test('parks a record that is refused for good, lets the others pass, and replays it on a signal', async () => {
    const sent: number[] = [];
    let isMended = false;
    await withLane(
      (block) => {
        const outcome = answer(block, (n) => n === 2 && !isMended);
        const refused = new Set(outcome.refused.map(({ position }) => position));
        sent.push(...numbersIn(block).filter((__, position) => !refused.has(position)));
        return outcome;
      },
      async ({ enqueue, handle }) => {
        await enqueue([1, 2, 3]);
        await until(() => sent.length === 2);
        await until(async () => (await handle.query<ParkedEvent[]>('deadLetters')).length === 1);
        expect(await handle.query<ParkedEvent[]>('deadLetters')).toMatchObject([
          { eventId: `evt_${idOf(2)}`, partitionKey: 'k2', error: { name: 'MESSAGE_TOO_LARGE' } },
        ]);
        expect((await handle.query<LaneStatus>('status')).state).toBe('Parked');
        isMended = true;
        await handle.signal('replay');
        await until(() => sent.length === 3);
        expect(sent).toEqual([1, 3, 2]);
        await until(async () => (await handle.query<LaneStatus>('status')).state === 'Delivering');
      },
    );
  });

  test('keeps its queue, in order, while the destination is at fault, through a new run too, until resumed', async () => {
    const sent: number[] = [];
    let isMended = false;
    await withLane(
      (block) => {
        if (!isMended) return { onDeadLetter: 'continue', attempts: [], landed: [], refused: [], suspended: noAccess };
        sent.push(...numbersIn(block));
        return answer(block);
      },
      async ({ enqueue, handle }) => {
        const { runId } = await enqueue([0], 0);
        for (let n = 1; n < 30; n++) await enqueue([n], 0);
        await until(async () => (await handle.describe()).runId !== runId);
        const status = await handle.query<LaneStatus>('status');
        expect(status).toMatchObject({
          state: 'Suspended',
          waitingEvents: 30,
          hold: { kind: 'suspended', error: { name: 'TOPIC_AUTHORIZATION_FAILED' } },
        });
        for (const ids of [[], ['evt_nobody'], [idOf(3)]]) await handle.signal('replay', { ids });
        await handle.signal('resume', 7);
        expect(await handle.query<LaneStatus>('status')).toEqual(status);
        isMended = true;
        await handle.signal('resume');
        await until(() => sent.length === 30);
        expect(sent).toEqual(Array.from({ length: 30 }, (__, n) => n));
      },
      { historyEventsMax: 20 },
    );
  });

  test('waits while the destination is down, through a new run too, until the keeper wakes it, and says so to produce', async () => {
    const sent: number[] = [];
    let isUp = false;
    const requests: ProduceRequest[] = [];
    await withLane(
      (block, _, request) => {
        requests.push(request);
        if (!isUp) return { attempts: [], landed: [], refused: [], waiting: unreachable, version: 4 };
        sent.push(...numbersIn(block));
        return answer(block);
      },
      async ({ enqueue, handle }) => {
        const { runId } = await enqueue([0], 0);
        for (let n = 1; n < 30; n++) await enqueue([n], 0);
        await until(async () => (await handle.describe()).runId !== runId);
        expect(await handle.query<LaneStatus>('status')).toMatchObject({ state: 'Waiting', waitingEvents: 30 });
        for (const input of [undefined, 7, {}, { version: 'x' }]) await handle.signal('wake', input);
        isUp = true;
        expect(await handle.query<LaneStatus>('status')).toMatchObject({ state: 'Waiting', waitingEvents: 30 });
        await handle.signal('wake', { version: 5 });
        await until(() => sent.length === 30);
        expect(sent).toEqual(Array.from({ length: 30 }, (__, n) => n));
        const woken = requests.find(({ resumed }) => resumed);
        expect(woken?.resumed).toMatchObject({
          by: 'keeper',
          version: 5,
          from: { kind: 'waiting', version: 4 },
          holds: 1,
        });
        await enqueue([30]);
        await until(() => sent.length === 31);
        expect(requests.at(-1)?.resumed).toBeUndefined();
      },
      { historyEventsMax: 20 },
    );
  });

  test('tries by itself after a quarter of an hour where nobody wakes it', async () => {
    const sent: number[] = [];
    const begins: number[] = [];
    await withLane(
      async (block, attempt, request) => {
        begins.push(await env.currentTimeMs());
        if (attempt < 3) return { attempts: [], landed: [], refused: [], waiting: unreachable };
        expect(request.resumed).toMatchObject({ by: 'timer', holds: 2 });
        sent.push(...numbersIn(block));
        return answer(block);
      },
      async ({ enqueue }) => {
        await enqueue([1]);
        await until(() => begins.length === 1);
        await env.sleep('50 minutes');
        await until(() => sent.length === 1);
        const [first = 0, second = 0, third = 0] = begins;
        expect([second - first, third - second].map((ms) => Math.round(ms / 60_000))).toEqual([15, 30]);
      },
    );
  });

  test('waits while it is paused, and takes events in', async () => {
    const sent: number[] = [];
    await withLane(
      (block) => {
        sent.push(...numbersIn(block));
        return answer(block);
      },
      async ({ enqueue, handle }) => {
        await enqueue([1]);
        await until(() => sent.length === 1);
        await handle.signal('pause', { reason: 'maintenance', by: 'ops' });
        await enqueue([2]);
        expect(await handle.query<LaneStatus>('status')).toMatchObject({
          state: 'Paused',
          waitingEvents: 1,
          paused: { by: 'ops' },
        });
        await handle.signal('resume');
        await until(() => sent.length === 2);
      },
    );
  });

  test('shows in its next run what changed while it waited to continue as new', async () => {
    await withLane(
      (block) => answer(block),
      async ({ enqueue, handle }) => {
        const { runId } = await enqueue([0], 0); // No promise: the lane waits for one, its run being long.
        await until(async () => timersIn(await handle.fetchHistory()) === 2); // The one that closes it, and this.
        await handle.signal('pause');
        await until(async () => (await handle.describe()).runId !== runId);
        // Temporal gives a run the attributes of the one before it; the time-skipping server does not.
        const before = await env.client.workflow.getHandle(handle.workflowId, runId).describe();
        expect(before.searchAttributes).toMatchObject({ DeliveryState: ['Paused'] });
      },
      { historyEventsMax: 6 },
    );
  });

  test('continues as new at once on a promise that came with the event that made its run long', async () => {
    const sent: number[] = [];
    await withLane(
      (block) => {
        sent.push(...numbersIn(block));
        return answer(block);
      },
      async ({ enqueue, handle }) => {
        const { runId } = await enqueue([0]);
        await until(async () => (await handle.describe()).historyLength === 12); // All of the first event.
        await enqueue([1], 250);
        await until(() => sent.length === 2);
        expect((await handle.describe()).runId).not.toBe(runId);
        const before = await env.client.workflow.getHandle(handle.workflowId, runId).fetchHistory();
        expect(timersIn(before)).toBe(1); // The one that closes it: it did not wait for another promise.
      },
      { historyEventsMax: 13 },
    );
  });

  test('changes nothing for a malformed signal, and lives on', async () => {
    const sent: number[] = [];
    await withLane(
      (block) => {
        sent.push(...numbersIn(block));
        return answer(block, (n) => n === 1);
      },
      async ({ enqueue, handle }) => {
        await enqueue([1]);
        await until(async () => (await handle.query<LaneStatus>('status')).deadLetters === 1);
        const malformed = [7, 'x', [], { ids: [] }, { ids: 'evt_x' }, { id: 'evt_x' }, { ids: ['evt_nobody'] }];
        for (const input of [...malformed, undefined, null, {}, { entries: [null], bodies: 'x' }]) {
          await handle.signal('enqueue', input);
          await handle.signal('discard', input);
        }
        for (const input of malformed) await handle.signal('replay', input);
        for (const input of [7, 'x', []]) {
          await handle.signal('pause', input);
          await handle.signal('resume', input);
        }
        await enqueue([2]);
        await until(() => sent.length === 2);
        expect((await handle.query<LaneStatus>('status')).deadLetters).toBe(1);
        await handle.signal('discard', { all: true });
        await until(async () => (await handle.query<LaneStatus>('status')).deadLetters === 0);
      },
    );
  });

  test('changes nothing for a signal or query whose payload nobody can read, and lives on', async () => {
    const sent: number[] = [];
    await withLane(
      (block) => {
        sent.push(...numbersIn(block));
        return answer(block, (n) => n === 1);
      },
      async ({ enqueue, handle }) => {
        const { workflowService } = env.connection;
        const namespace = 'default';
        const { workflowId } = handle;
        await enqueue([1]);
        await until(async () => (await handle.query<LaneStatus>('status')).deadLetters === 1);
        const before = await handle.query<LaneStatus>('status');
        for (const signalName of Object.values(laneSignals)) {
          for (const payloads of [...unreadable.map((payload) => [payload]), [readable, ...unreadable]]) {
            const workflowExecution = { workflowId };
            const input = { payloads };
            await workflowService.signalWorkflowExecution({ namespace, workflowExecution, signalName, input });
          }
        }
        for (const queryType of Object.values(laneQueries)) {
          const query = { queryType, queryArgs: { payloads: unreadable } };
          await workflowService.queryWorkflow({ namespace, execution: { workflowId }, query });
        }
        expect(await handle.query<LaneStatus>('status')).toEqual(before);
        await enqueue([2]);
        await until(() => sent.includes(2));
        const { events } = await handle.fetchHistory();
        expect(events?.filter((event) => event.workflowTaskFailedEventAttributes)).toEqual([]);
      },
    );
  });

  test('closes when it is empty and its dedup window has run out, and the next event starts it anew', async () => {
    const sent: number[] = [];
    await withLane(
      (block) => {
        sent.push(...numbersIn(block));
        return answer(block);
      },
      async ({ enqueue, handle }) => {
        const first = await enqueue([1]);
        await until(() => sent.length === 1);
        await handle.result();
        const second = await enqueue([1]);
        expect(second.runId).not.toBe(first.runId);
        await until(() => sent.length === 2);
      },
    );
  });
});

/**
 * `node --import tsx test/workflow/recordHistories.ts <folder> [scenario …]`: runs workflows through what they may meet, and
 * writes the histories of all their runs into the folder. Those under histories/ were recorded so with the code of their day;
 * replay.test.ts holds today's code to them.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import proto from '@temporalio/proto';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { searchAttributesToAdd } from '../../api/searchAttributes.ts';
import { temporalCli } from '../../dev/servers/temporal.ts';
import { timeSkippingServerPath } from '../../dev/servers/timeSkipping.ts';
import type { Outcome } from '../../domain/attempt.ts';
import type { Block } from '../../domain/block.ts';
import { dataConverter } from '../../domain/dataConverter.ts';
import { slowTaskQueue } from '../../domain/lane.ts';
import type { LaneStatus } from '../../domain/laneMessages.ts';
import { exportTaskQueue, heldOutcomesWorkflowType, type Outcomes, outcomeCount } from '../../domain/outcomes.ts';
import { bundledWorkflows } from '../../worker/laneWorker.ts';
import { until } from '../harness/until.ts';
import { answer, blockWith, laneOf, nameFirstChild, type Recorder, refusing, runsOf } from './recordedLane.ts';
import { discards, replays } from './recordedReplays.ts';
import { gathered, kept, passedOver } from './recordedResets.ts';

/** A lane with a backlog and a dead letter that blocks its key, and a segment. */
async function backlog(recorder: Recorder): Promise<void> {
  const { handle, large, untilCounts, whileServed, mend } = await refusing(recorder, 'lane', 'block');
  const use = async (): Promise<void> => {
    await large(0, 'good');
    await untilCounts('the first', ({ delivered }) => delivered === 1);
    await handle.signal('pause', { by: 'ada' });
    for (let n = 1; n <= 12; n++) await large(n, 'bad');
    for (let n = 13; n <= 16; n++) await large(n, 'good');
    const status = () => handle.query<LaneStatus>('status');
    await until('segments', status, ({ overflow }) => (overflow?.segments ?? 0) > 2);
    await handle.signal('resume');
    await untilCounts('the good key', ({ delivered }) => delivered === 5);
    mend();
    await handle.signal('replay', { all: true });
    await untilCounts('the bad key', ({ delivered }) => delivered === 17);
  };
  await whileServed(use);
  await nameFirstChild(recorder, handle.workflowId, 'segment');
}

/** A lane with more dead letters than it has room for with their bodies, which are replayed; older code holds until then. */
async function parked(recorder: Recorder): Promise<void> {
  const { handle, large, untilCounts, whileServed, mend } = await refusing(recorder, 'parking-lane', 'continue');
  const use = async (): Promise<void> => {
    for (let n = 1; n <= 4; n++) await large(n, 'bad');
    await untilCounts('three to be parked', (counts) => counts.parked >= 3);
    await large(5, 'good');
    mend();
    await handle.signal('replay', { all: true });
    await untilCounts('all of it', ({ delivered }) => delivered === 5);
  };
  await whileServed(use);
  await nameFirstChild(recorder, handle.workflowId, 'holder');
}

/** A lane whose outcomes are exported, which gets delivered events once more; and a workflow that holds outcomes. */
async function exported(recorder: Recorder): Promise<void> {
  const { env, workerOf, files } = recorder;
  const taskQueue = randomUUID();
  const { handle, enqueue, resend, untilCounts } = laneOf(recorder, taskQueue, 'exporting-lane');
  let given = 0;
  let tries = 0;
  const ofLanes = await workerOf(taskQueue, {
    activities: {
      produce: (_: unknown, block: Block) => ({ ...answer(block, true, 'continue'), exportTo: 'operators' }),
    },
  });
  const ofExport = await workerOf(exportTaskQueue(taskQueue), {
    activities: {
      handOver: ({ groups }: Outcomes) => {
        given += outcomeCount(groups);
      },
      exportOutcomes: () => {
        if (++tries < 3) throw new Error('The API is away.');
      },
    },
  });
  const use = async (): Promise<void> => {
    for (let n = 0; n < 6; n++) await enqueue(blockWith(n, 'good'));
    await untilCounts('the first', ({ delivered }) => delivered === 6);
    for (const part of [0, 1, 1, 0]) await resend(blockWith(part, 'good'), part);
    await untilCounts('what is sent again', ({ resent = 0, delivered }) => resent === 2 && delivered === 8);
    await enqueue(blockWith(6, 'bad'));
    await untilCounts('a dead letter', ({ parked }) => parked === 1);
    await handle.signal('replay', { all: true, by: 'ada' });
    await untilCounts('it is parked again', ({ parked }) => parked === 2);
    for (let n = 7; n < 30; n++) {
      await enqueue(blockWith(n, 'good'));
      await untilCounts('the next', ({ delivered }) => delivered === n + 2);
    }
    for (const part of [1, 2]) await resend(blockWith(part, 'good'), part); // The lane knows the first, runs later.
    await handle.signal('discard', { all: true });
    await untilCounts(
      'the end',
      ({ resent = 0, delivered, discarded }) => resent === 3 && delivered === 32 && discarded === 1,
    );
    await until(
      'all outcomes',
      () => given,
      (count) => count === 32 + 2 + 1 + 3 + 1,
    );
    const workflowId = 'outcomes:dst_recorded:exporting-lane';
    files.set(workflowId, 'held-outcomes');
    const outcomes: Outcomes = { destinationId: 'dst_recorded', customerExternalId: 'c', lane: 'k', groups: [] };
    await env.client.workflow.execute(heldOutcomesWorkflowType, {
      ...{ workflowId, taskQueue: exportTaskQueue(taskQueue), args: [outcomes] },
    });
  };
  await ofExport.runUntil(() => ofLanes.runUntil(use));
}

/** A lane whose destination is found to be slow, and quick again. */
async function slowed(recorder: Recorder): Promise<void> {
  const { workerOf } = recorder;
  const taskQueue = randomUUID();
  const { enqueue, untilCounts } = laneOf(recorder, taskQueue, 'slow-lane');
  const nothingBegun: Outcome = { attempts: [], landed: [], refused: [], slow: true };
  let isSlow = true;
  const ofLanes = await workerOf(taskQueue, {
    activities: { produce: (_: unknown, block: Block) => (isSlow ? nothingBegun : answer(block, true, 'continue')) },
  });
  const ofSlow = await workerOf(slowTaskQueue(taskQueue), {
    activities: {
      produce: (_: unknown, block: Block) => ({ ...answer(block, true, 'continue'), ...(!isSlow && { slow: false }) }),
    },
  });
  const use = async (): Promise<void> => {
    for (let n = 0; n < 5; n++) {
      await enqueue(blockWith(n, 'good'));
      await untilCounts('the next', ({ delivered }) => delivered === n + 1);
    }
    isSlow = false;
    for (let n = 5; n < 8; n++) {
      await enqueue(blockWith(n, 'good'));
      await untilCounts('the next', ({ delivered }) => delivered === n + 1);
    }
  };
  await ofSlow.runUntil(() => ofLanes.runUntil(use));
}

const scenarios = { backlog, parked, exported, replays, discards, gathered, passedOver, kept, slowed };
/** The time-skipping server resets nothing. */
const ofResets = ['gathered', 'passedOver', 'kept'];
const isScenario = (name: string): name is keyof typeof scenarios => Object.hasOwn(scenarios, name);

async function write({ env, files }: Recorder, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [workflowId, name] of files) {
    const runs = await runsOf(env, workflowId);
    for (const [n, { history }] of runs.entries()) {
      const file = runs.length > 1 ? `${name}-run-${n + 1}` : name;
      const bytes = gzipSync(proto.temporal.api.history.v1.History.encode(history).finish());
      await writeFile(join(folder, `${file}.pb.gz`), bytes);
      console.log(file, history.events?.length);
    }
  }
}

const [folder, ...names] = process.argv.slice(2);
if (!folder || !names.every(isScenario)) {
  throw new Error(`Give the folder that the histories go to, and which: ${Object.keys(scenarios).join(', ')}; or all.`);
}
const workflowBundle = await bundledWorkflows();
for (const name of names.length > 0 ? names : Object.keys(scenarios).filter(isScenario)) {
  const serverAt = (path: string) => ({
    ...{ server: { executable: { type: 'existing-path' as const, path } }, client: { dataConverter } },
  });
  // A server for each: what one leaves running stops the server's clock for another.
  const env = ofResets.includes(name)
    ? await TestWorkflowEnvironment.createLocal(serverAt(await temporalCli()))
    : await TestWorkflowEnvironment.createTimeSkipping(serverAt(await timeSkippingServerPath()));
  try {
    await env.connection.operatorService.addSearchAttributes({
      namespace: 'default',
      searchAttributes: searchAttributesToAdd,
    });
    const workerOf: Recorder['workerOf'] = (taskQueue, more = {}) =>
      Worker.create({ connection: env.nativeConnection, dataConverter, workflowBundle, taskQueue, ...more });
    const recorder: Recorder = { env, workerOf, files: new Map() };
    await scenarios[name](recorder);
    await write(recorder, folder);
  } finally {
    await env.teardown();
  }
}

/**
 * `node --import tsx test/workflow/recordHistories.ts <folder> [backlog|parked|exported|replays|gathered …]`: runs workflows through what they may meet, and
 * writes the histories of all their runs into the folder. Those under histories/ were recorded so with the code of their day;
 * replay.test.ts holds today's code to them.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import proto from '@temporalio/proto';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker, type WorkerOptions } from '@temporalio/worker';
import { LaneHistories } from '../../activities/laneHistory.ts';
import { laneRuns } from '../../activities/laneRuns.ts';
import { laneSignaller } from '../../activities/laneStarting.ts';
import { createSegmentActivities } from '../../activities/segments.ts';
import { createStrayActivity } from '../../activities/strays.ts';
import { blockSender } from '../../api/laneSignal.ts';
import { searchAttributesToAdd } from '../../api/searchAttributes.ts';
import { temporalCli } from '../../dev/servers/temporal.ts';
import { timeSkippingServerPath } from '../../dev/servers/timeSkipping.ts';
import type { Outcome } from '../../domain/attempt.ts';
import { type Block, blockOf } from '../../domain/block.ts';
import { dataConverter } from '../../domain/dataConverter.ts';
import { keeperTaskQueue } from '../../domain/keeper.ts';
import { defaultLaneLimits, laneWorkflowId } from '../../domain/lane.ts';
import { type LaneStatus, laneSignals } from '../../domain/laneMessages.ts';
import { exportTaskQueue, heldOutcomesWorkflowType, type Outcomes, outcomeCount } from '../../domain/outcomes.ts';
import { segmentTaskQueue } from '../../domain/overflow.ts';
import { type ReplayStart, replayWorkflowId, replayWorkflowType } from '../../domain/replay.ts';
import { nothingSettled } from '../../domain/settledBefore.ts';
import { bundledWorkflows } from '../../worker/laneWorker.ts';
import {
  closedRuns,
  millionRuns,
  pagesOf,
  ReplayWorld,
  replayOf,
  soonCancelled,
  untilCancelled,
} from '../harness/replayWorld.ts';
import { until } from '../harness/until.ts';

const blockWith = (n: number, key: string, filler = ''): Block =>
  blockOf([{ id: String(n).padStart(22, '0'), key, value: Buffer.from(JSON.stringify({ n, filler })) }], Date.now(), 0);
const tooLarge = { kind: 'recordAtFault', name: 'MESSAGE_TOO_LARGE', message: 'too large', remedy: '' } as const;

/** All lands but the first event of the bad key, as long as that is refused. */
function answer(block: Block, isBadRefused: boolean, onDeadLetter: 'block' | 'continue'): Outcome {
  const all = block.entries.map((_, position) => position);
  const refused = isBadRefused ? all.filter((position) => block.entries[position]?.key === 'bad') : [];
  const positions = all.filter((position) => !refused.includes(position));
  return {
    onDeadLetter,
    attempts: [{ number: 1, startedAtMs: Date.now(), durationMs: 1, outcome: 'delivered', brokers: ['b:1'] }],
    landed: [{ partition: 0, broker: 'b:1', attempt: 1, positions, offsets: positions }],
    refused: refused.slice(0, 1).map((position) => ({ position, attempt: 1, error: tooLarge })),
  };
}

/** Where workflows are recorded, and what of them: file names by workflow id. */
type Recorder = {
  env: TestWorkflowEnvironment;
  workerOf(taskQueue: string, more?: Partial<WorkerOptions>): Promise<Worker>;
  files: Map<string, string>;
};

/** A lane of its own, and what is sent to it. */
function laneOf({ env, files }: Recorder, taskQueue: string, name: string) {
  const workflowId = laneWorkflowId('dst_recorded', name);
  files.set(workflowId, name);
  const limits = { ...defaultLaneLimits, historyEventsMax: 60 };
  const start = { destinationId: 'dst_recorded', customerExternalId: 'c', lane: name, limits };
  const send = blockSender(env.client, taskQueue);
  const signal = laneSignaller(env.client, taskQueue);
  const handle = env.client.workflow.getHandle(workflowId);
  return {
    handle,
    enqueue: (block: Block) => send({ workflowId, lingerMs: 0, start }, block),
    resend: (block: Block, part: number) => {
      const inputs = [block, { replay: 'rpl_recorded', round: 0, part, by: 'ada' }];
      return signal({ workflowId, start, signal: laneSignals.resend, inputs, requestId: randomUUID() });
    },
    untilCounts: (what: string, is: (counts: LaneStatus['counts']) => boolean) =>
      until(
        what,
        () => handle.query<LaneStatus>('status'),
        ({ counts }) => is(counts),
        60_000,
      ),
  };
}

/** A lane of large events, with its segments and holders, whose broker refuses the bad key until `mend`. */
async function refusing(recorder: Recorder, name: string, onDeadLetter: 'block' | 'continue') {
  const { env, workerOf } = recorder;
  const taskQueue = randomUUID();
  const lane = laneOf(recorder, taskQueue, name);
  let isBadRefused = true;
  const ofSegments = await workerOf(segmentTaskQueue(taskQueue));
  const ofLanes = await workerOf(taskQueue, {
    activities: {
      ...createSegmentActivities({ temporal: env.client, settledBefore: { of: async () => nothingSettled() } }),
      produce: (_: unknown, block: Block) => answer(block, isBadRefused, onDeadLetter),
    },
  });
  return {
    ...lane,
    large: (n: number, key: string) => lane.enqueue(blockWith(n, key, 'x'.repeat(250_000))),
    mend: () => {
      isBadRefused = false;
    },
    whileServed: (use: () => Promise<void>) => ofSegments.runUntil(() => ofLanes.runUntil(use)),
  };
}

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

async function nameFirstChild({ env, files }: Recorder, workflowId: string, name: string): Promise<void> {
  for (const { history } of await runsOf(env, workflowId)) {
    const [child] = history.events?.flatMap((event) => event.childWorkflowExecutionStartedEventAttributes ?? []) ?? [];
    if (child?.workflowExecution?.workflowId) return void files.set(child.workflowExecution.workflowId, name);
  }
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

/** Replays of delivered events and of dead letters: to their ends, cancelled and continued, and of too many. */
async function replays({ env, workerOf, files }: Recorder): Promise<void> {
  const taskQueue = randomUUID();
  const world = new ReplayWorld();
  world.list = closedRuns;
  world.page = pagesOf(8);
  const workflows = await workerOf(taskQueue);
  const activities = await workerOf(keeperTaskQueue(taskQueue), {
    activities: world.activities(() => env.currentTimeMs()),
    ...soonCancelled,
  });
  const run = async (name: string, more: Partial<ReplayStart>): Promise<void> => {
    const start = replayOf({ ...more, id: `rpl_${name}` });
    files.set(replayWorkflowId(start.id), `replay-${name}`);
    const options = { workflowId: replayWorkflowId(start.id), taskQueue, args: [start] };
    await env.client.workflow.execute(replayWorkflowType, options);
  };
  const use = async (): Promise<void> => {
    await run('delivered', {});
    await run('parked', { of: 'parked' });
    await run('any', { of: 'any' });
    const before = world.sent.length;
    world.beforeAnswer = async () => {
      if (world.sent.length !== before + 20) return;
      await untilCancelled(() => env.client.workflow.getHandle(replayWorkflowId('rpl_cancelled')).cancel());
    };
    await run('cancelled', {});
    world.beforeAnswer = () => undefined;
    world.list = millionRuns;
    await run('too-many', { eventsMax: 100, dryRun: true });
  };
  await workflows.runUntil(() => activities.runUntil(use));
}

const { ResetWorkflowExecutionRequest } = proto.temporal.api.workflowservice.v1;

/** A lane that was reset twice, from the same run, and gathers what it accepted in between. */
async function gathered(recorder: Recorder): Promise<void> {
  const { env, workerOf } = recorder;
  const taskQueue = randomUUID();
  const { handle, enqueue, untilCounts } = laneOf(recorder, taskQueue, 'gathered-lane');
  const ofLanes = await workerOf(taskQueue, {
    activities: {
      ...createStrayActivity({ histories: new LaneHistories(env.client), runs: laneRuns(env.client) }),
      produce: (_: unknown, block: Block) => answer(block, false, 'continue'),
    },
  });
  await ofLanes.runUntil(async () => {
    await enqueue(blockWith(0, 'good'));
    await untilCounts('the first', ({ delivered }) => delivered === 1);
    await handle.signal('pause', { by: 'ada' });
    const { runId } = await handle.describe();
    const reset = () =>
      env.client.workflowService.resetWorkflowExecution(
        ResetWorkflowExecutionRequest.fromObject({
          ...{ namespace: env.client.options.namespace, requestId: randomUUID(), reason: 'recorded' },
          ...{ workflowExecution: { workflowId: handle.workflowId, runId }, workflowTaskFinishEventId: 5 },
        }),
      );
    await reset();
    for (const n of [1, 2]) await enqueue(blockWith(n, 'good'));
    await reset();
    await enqueue(blockWith(3, 'good'));
    await handle.signal('resume');
    await untilCounts('all of it', ({ delivered }) => delivered === 4);
  });
}

const scenarios = { backlog, parked, exported, replays, gathered };
const isScenario = (name: string): name is keyof typeof scenarios => Object.hasOwn(scenarios, name);

type Run = { history: proto.temporal.api.history.v1.IHistory };

/** The runs of a workflow's chain, the oldest first. */
async function runsOf(env: TestWorkflowEnvironment, workflowId: string): Promise<Run[]> {
  let runId: string | undefined = (await env.client.workflow.getHandle(workflowId).describe()).runId;
  const runs: Run[] = [];
  while (runId) {
    const history = await env.client.workflow.getHandle(workflowId, runId).fetchHistory();
    runs.unshift({ history });
    runId = history.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId || undefined;
  }
  return runs;
}

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
  // A server for each: what one leaves running stops the server's clock for another. The time-skipping one resets nothing.
  const env =
    name === 'gathered'
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

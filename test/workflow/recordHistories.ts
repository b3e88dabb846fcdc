/**
 * `node --import tsx test/workflow/recordHistories.ts <folder>`: runs a lane through a backlog, a dead letter that blocks its key, and
 * continue-as-new, and writes the histories of its runs and of a segment into the folder. Those under histories/ were recorded so with
 * the code of their day; replay.test.ts holds today's code to them.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import proto from '@temporalio/proto';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { createSegmentActivities } from '../../activities/segments.ts';
import { blockSender } from '../../api/laneSignal.ts';
import { searchAttributesToAdd } from '../../api/searchAttributes.ts';
import { timeSkippingServerPath } from '../../dev/servers/timeSkipping.ts';
import type { Outcome } from '../../domain/attempt.ts';
import { type Block, blockOf } from '../../domain/block.ts';
import { dataConverter } from '../../domain/dataConverter.ts';
import { defaultLaneLimits, laneWorkflowId } from '../../domain/lane.ts';
import type { LaneStatus } from '../../domain/laneMessages.ts';
import { segmentTaskQueue } from '../../domain/overflow.ts';
import { bundledWorkflows } from '../../worker/laneWorker.ts';
import { until } from '../harness/until.ts';

const filler = 'x'.repeat(250_000);
const blockWith = (n: number, key: string): Block =>
  blockOf([{ id: String(n).padStart(22, '0'), key, value: Buffer.from(JSON.stringify({ n, filler })) }], Date.now(), 0);
const tooLarge = { kind: 'recordAtFault', name: 'MESSAGE_TOO_LARGE', message: 'too large', remedy: '' } as const;

/** All lands but the first event of the bad key, as long as that is refused. */
function answer(block: Block, isBadRefused: boolean): Outcome {
  const all = block.entries.map((_, position) => position);
  const refused = isBadRefused ? all.filter((position) => block.entries[position]?.key === 'bad') : [];
  const positions = all.filter((position) => !refused.includes(position));
  return {
    onDeadLetter: 'block',
    attempts: [{ number: 1, startedAtMs: Date.now(), durationMs: 1, outcome: 'delivered', brokers: ['b:1'] }],
    landed: [{ partition: 0, broker: 'b:1', attempt: 1, positions, offsets: positions }],
    refused: refused.slice(0, 1).map((position) => ({ position, attempt: 1, error: tooLarge })),
  };
}

async function record(env: TestWorkflowEnvironment, folder: string): Promise<void> {
  const taskQueue = randomUUID();
  const workflowId = laneWorkflowId('dst_recorded', 'k');
  const limits = { ...defaultLaneLimits, historyEventsMax: 60 };
  const start = { destinationId: 'dst_recorded', customerExternalId: 'c', lane: 'k', limits };
  const send = blockSender(env.client, taskQueue);
  const enqueue = (n: number, key: string) => send({ workflowId, lingerMs: 0, start }, blockWith(n, key));
  const handle = env.client.workflow.getHandle(workflowId);
  const status = () => handle.query<LaneStatus>('status');
  let isBadRefused = true;
  const shared = { connection: env.nativeConnection, dataConverter, workflowBundle: await bundledWorkflows() };
  const ofSegments = await Worker.create({ ...shared, taskQueue: segmentTaskQueue(taskQueue) });
  const ofLanes = await Worker.create({
    ...shared,
    taskQueue,
    activities: {
      ...createSegmentActivities({ temporal: env.client }),
      produce: (_: unknown, block: Block) => answer(block, isBadRefused),
    },
  });
  const use = async (): Promise<void> => {
    await enqueue(0, 'good');
    await until('the first', status, ({ counts }) => counts.delivered === 1);
    await handle.signal('pause', { by: 'ada' });
    for (let n = 1; n <= 12; n++) await enqueue(n, 'bad');
    for (let n = 13; n <= 16; n++) await enqueue(n, 'good');
    await until('segments', status, ({ overflow }) => (overflow?.segments ?? 0) > 2);
    await handle.signal('resume');
    await until('the good key', status, ({ counts }) => counts.delivered === 5, 60_000);
    isBadRefused = false;
    await handle.signal('replay', { all: true });
    await until('the bad key', status, ({ counts }) => counts.delivered === 17, 60_000);
  };
  await ofSegments.runUntil(() => ofLanes.runUntil(use));
  await write(env, folder, workflowId);
}

async function write(env: TestWorkflowEnvironment, folder: string, workflowId: string): Promise<void> {
  let runId: string | undefined = (await env.client.workflow.getHandle(workflowId).describe()).runId;
  const runs = [];
  while (runId) {
    const history = await env.client.workflow.getHandle(workflowId, runId).fetchHistory();
    runs.unshift({ workflowId, history });
    runId = history.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId || undefined;
  }
  const segmentId = runs
    .flatMap(({ history }) => history.events ?? [])
    .find(({ childWorkflowExecutionStartedEventAttributes: child }) => child)
    ?.childWorkflowExecutionStartedEventAttributes?.workflowExecution?.workflowId;
  const segment = {
    workflowId: segmentId ?? '',
    history: await env.client.workflow.getHandle(segmentId ?? '').fetchHistory(),
  };
  await mkdir(folder, { recursive: true });
  for (const [n, { workflowId: id, history }] of [...runs, segment].entries()) {
    const name = n < runs.length ? `lane-run-${n + 1}` : 'segment';
    await writeFile(
      join(folder, `${name}.pb.gz`),
      gzipSync(proto.temporal.api.history.v1.History.encode(history).finish()),
    );
    console.log(name, id, history.events?.length);
  }
}

const [folder] = process.argv.slice(2);
if (!folder) throw new Error('Give the folder that the histories go to.');
const env = await TestWorkflowEnvironment.createTimeSkipping({
  server: { executable: { type: 'existing-path', path: await timeSkippingServerPath() } },
  client: { dataConverter },
});
try {
  await env.connection.operatorService.addSearchAttributes({
    namespace: 'default',
    searchAttributes: searchAttributesToAdd,
  });
  await record(env, folder);
} finally {
  await env.teardown();
}

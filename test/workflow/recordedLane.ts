/** Lanes whose histories are recorded, and what is done with them; see recordHistories.ts. */
import { randomUUID } from 'node:crypto';
import type proto from '@temporalio/proto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Worker, WorkerOptions } from '@temporalio/worker';
import { createKeptHolders } from '../../activities/keptHolders.ts';
import { LaneHistories } from '../../activities/laneHistory.ts';
import { laneRuns } from '../../activities/laneRuns.ts';
import { laneSignaller } from '../../activities/laneStarting.ts';
import { createSegmentActivities } from '../../activities/segments.ts';
import { createStrayActivity } from '../../activities/strays.ts';
import { blockSender } from '../../api/laneSignal.ts';
import type { Outcome } from '../../domain/attempt.ts';
import { type Block, blockOf } from '../../domain/block.ts';
import { defaultLaneLimits, laneWorkflowId } from '../../domain/lane.ts';
import { type LaneStatus, laneSignals } from '../../domain/laneMessages.ts';
import { segmentTaskQueue } from '../../domain/overflow.ts';
import { nothingSettled } from '../../domain/settledBefore.ts';
import { until } from '../harness/until.ts';

export const blockWith = (n: number, key: string, filler = ''): Block =>
  blockOf([{ id: String(n).padStart(22, '0'), key, value: Buffer.from(JSON.stringify({ n, filler })) }], Date.now(), 0);
const tooLarge = { kind: 'recordAtFault', name: 'MESSAGE_TOO_LARGE', message: 'too large', remedy: '' } as const;

/** All lands but the first event of the bad key, as long as that is refused. */
export function answer(block: Block, isBadRefused: boolean, onDeadLetter: 'block' | 'continue'): Outcome {
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
export type Recorder = {
  env: TestWorkflowEnvironment;
  workerOf(taskQueue: string, more?: Partial<WorkerOptions>): Promise<Worker>;
  files: Map<string, string>;
};

/** A lane of its own, and what is sent to it. */
export function laneOf({ env, files }: Recorder, taskQueue: string, name: string) {
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

export const strayActivity = ({ client }: TestWorkflowEnvironment) =>
  createStrayActivity({ histories: new LaneHistories(client), runs: laneRuns(client) });

/** A lane of large events, with its segments and holders, whose broker refuses the bad key until `mend`. */
export async function refusing(recorder: Recorder, name: string, onDeadLetter: 'block' | 'continue') {
  const { env, workerOf } = recorder;
  const taskQueue = randomUUID();
  const lane = laneOf(recorder, taskQueue, name);
  let isBadRefused = true;
  const ofSegments = await workerOf(segmentTaskQueue(taskQueue));
  const ofLanes = await workerOf(taskQueue, {
    activities: {
      ...createSegmentActivities({ temporal: env.client, settledBefore: { of: async () => nothingSettled() } }),
      ...strayActivity(env),
      ...createKeptHolders(env.client),
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

export async function nameFirstChild({ env, files }: Recorder, workflowId: string, name: string): Promise<void> {
  for (const { history } of await runsOf(env, workflowId)) {
    const [child] = history.events?.flatMap((event) => event.childWorkflowExecutionStartedEventAttributes ?? []) ?? [];
    if (child?.workflowExecution?.workflowId) return void files.set(child.workflowExecution.workflowId, name);
  }
}

type Run = { history: proto.temporal.api.history.v1.IHistory };

/** The runs of a workflow's chain, the oldest first. */
export async function runsOf(env: TestWorkflowEnvironment, workflowId: string): Promise<Run[]> {
  let runId: string | undefined = (await env.client.workflow.getHandle(workflowId).describe()).runId;
  const runs: Run[] = [];
  while (runId) {
    const history = await env.client.workflow.getHandle(workflowId, runId).fetchHistory();
    runs.unshift({ history });
    runId = history.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId || undefined;
  }
  return runs;
}

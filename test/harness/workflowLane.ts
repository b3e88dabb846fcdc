/** A lane workflow on the time-skipping server, with a produce activity of the test's own. */
import { randomUUID } from 'node:crypto';
import { laneSignaller } from '../../activities/laneStarting.ts';
import { blockSender } from '../../api/laneSignal.ts';
import type { Failed, Outcome, ProduceRequest } from '../../domain/attempt.ts';
import { type Block, blockOf, deliveriesOf } from '../../domain/block.ts';
import { defaultLaneLimits, type LaneLimits, laneWorkflowId } from '../../domain/lane.ts';
import { type LaneStatus, laneQueries, laneSignals, type ParkedEvent } from '../../domain/laneMessages.ts';
import { idOf } from './laneSteps.ts';
import { ask, type TimeSkipping } from './timeSkipping.ts';

const tooLarge: Failed = {
  kind: 'recordAtFault',
  name: 'MESSAGE_TOO_LARGE',
  message: 'too large',
  remedy: 'Raise it.',
};

const blockWith = (ns: readonly number[], quietMs = 100): Block =>
  blockOf(
    ns.map((n) => ({ id: idOf(n), key: `k${n % 3}`, value: new TextEncoder().encode(`{"n":${n}}`) })),
    Date.now(),
    quietMs,
  );

/** All of a batch landed, but for the positions that are refused. */
export function answer(block: Block, isRefused: (n: number) => boolean = () => false): Outcome {
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

export const numbersIn = (block: Block): number[] =>
  deliveriesOf(block).map(({ value }) => JSON.parse(new TextDecoder().decode(value)).n);

/** A produce activity that delivers all but the numbers that are refused, and what it was sent, in order. */
export function noting(isRefused?: (n: number) => boolean): { sent: number[]; produce: (block: Block) => Outcome } {
  const sent: number[] = [];
  const produce = (block: Block): Outcome => {
    sent.push(...numbersIn(block));
    return answer(block, isRefused);
  };
  return { sent, produce };
}

export type Lane = ReturnType<typeof newLane>;
export type Produce = (block: Block, attempt: number, request: ProduceRequest) => Outcome | Promise<Outcome>;

/** A lane that is started by the first block it is sent. */
export function newLane(server: TimeSkipping, taskQueue: string, limits: Partial<LaneLimits>) {
  const destinationId = `dst_${randomUUID()}`;
  const workflowId = laneWorkflowId(destinationId, 'k');
  const start = { destinationId, customerExternalId: 'c', lane: 'k', limits: { ...defaultLaneLimits, ...limits } };
  const sender = blockSender(server.env.client, taskQueue);
  const signaller = laneSignaller(server.env.client, taskQueue);
  const handle = server.env.client.workflow.getHandle(workflowId);
  const target = { workflowId, lingerMs: 0, start };
  /** Once more, as its error asks: the time-skipping server refuses a signal that meets the end of a run. */
  const send = (block: Block) => sender(target, block).catch(() => sender(target, block));
  return {
    handle,
    send,
    enqueue: (ns: readonly number[], quietMs = 100) => send(blockWith(ns, quietMs)),
    /** As a replay sends delivered events again. */
    resend: (ns: readonly number[]) => {
      const inputs = [blockWith(ns, 0), { replay: `rpl_${randomUUID()}`, round: 0, part: 0, by: 'ada' }];
      return signaller({ workflowId, start, signal: laneSignals.resend, inputs, requestId: randomUUID() });
    },
    status: () => ask<LaneStatus>(server, handle, laneQueries.status),
    deadLetters: () => ask<ParkedEvent[]>(server, handle, laneQueries.deadLetters),
  };
}

/** The activity as a worker has it. */
export const produceActivity = (produce: Produce) => {
  let attempts = 0;
  return (request: ProduceRequest, block: Block) => produce(block, ++attempts, request);
};

/** Runs a worker while `use` works with a lane, which is then ended. */
export async function whileWorking(
  worker: { runUntil(use: () => Promise<void>): Promise<void> },
  lane: Lane,
  use: () => Promise<void>,
): Promise<void> {
  await worker.runUntil(async () => {
    try {
      await use();
    } finally {
      await lane.handle.terminate('the test is over').catch(() => undefined);
    }
  });
}

/** Runs a lane with this produce activity while `use` works with it. */
export async function withLane(
  server: TimeSkipping,
  produce: Produce,
  use: (lane: Lane) => Promise<void>,
  limits: Partial<LaneLimits> = {},
): Promise<void> {
  const taskQueue = randomUUID();
  const worker = await server.workflowWorker(taskQueue, { activities: { produce: produceActivity(produce) } });
  const lane = newLane(server, taskQueue, limits);
  await whileWorking(worker, lane, () => use(lane));
}
